//! A write is done, whole, or it fails with a reason.

use super::*;

fn done(outcome: &mut Outcome) -> Option<Result<(), WriteError>> {
    outcome.try_recv().ok()
}

#[test]
fn a_write_is_done_when_it_was_acknowledged_and_its_copy_came_in_either_order() {
    for copy_first in [true, false] {
        let mut bed = following(&[]);
        let mut outcome = bed.orders(key("T", "G"), group(&["B", "A"]));
        let (id, topic, payload) = bed.publishes();
        assert_eq!(topic, at("groups/T/G"));
        assert_eq!(payload, r#"{"devices":["A","B"]}"#);
        let mut steps = [
            |bed: &mut Bed, _: u16, payload: &str| bed.hears("groups/T/G", payload),
            |bed: &mut Bed, id: u16, _: &str| bed.answers(id, Ok(())),
        ];
        if !copy_first {
            steps.reverse();
        }
        steps[0](&mut bed, id, &payload);
        assert_eq!(done(&mut outcome), None);
        steps[1](&mut bed, id, &payload);
        assert_eq!(done(&mut outcome), Some(Ok(())));
        assert_eq!(bed.devices("T", "G").unwrap(), ["A", "B"]);
    }
}

#[test]
fn of_two_writers_the_last_wins_and_both_are_told_that_they_wrote() {
    let mut bed = following(&[]);
    let mut outcome = bed.orders(key("T", "G"), group(&["A"]));
    let (id, _, ours) = bed.publishes();
    bed.hears("groups/T/G", r#"{"devices":["X"]}"#);
    bed.answers(id, Ok(()));
    assert_eq!(done(&mut outcome), None, "that was the other's");
    bed.hears("groups/T/G", &ours);
    assert_eq!(done(&mut outcome), Some(Ok(())));
    bed.hears("groups/T/G", r#"{"devices":["Y"]}"#);
    assert_eq!(bed.devices("T", "G").unwrap(), ["Y"]);
}

#[test]
fn limits_are_written_and_taken_back() {
    let mut bed = following(&[]);
    let limits = OwnLimits { connections: Some(0), overflow: Some(Overflow::Latest), ..OwnLimits::default() };
    for scope in [None, Some(tenant("T"))] {
        let key = Key::Limits(scope.clone());
        let mut set = bed.orders(key.clone(), Some(Document::Limits(limits)));
        bed.obey();
        assert_eq!(done(&mut set), Some(Ok(())));
        assert_eq!(bed.control.limits(scope.as_ref()), Some(limits));
        assert_eq!(bed.index.limits().own(scope.as_ref()), limits);
        let mut clear = bed.orders(key.clone(), None);
        bed.obey();
        assert_eq!(done(&mut clear), Some(Ok(())));
        assert_eq!(bed.control.limits(scope.as_ref()), None);
        assert!(bed.index.limits().own(scope.as_ref()).is_empty());
        let mut again = bed.orders(key, None);
        assert_eq!(done(&mut again), Some(Err(WriteError::NotFound)));
    }
}

#[test]
fn writes_do_not_wait_for_each_other() {
    let mut bed = following(&[]);
    let mut first = bed.orders(key("T", "1"), group(&["A"]));
    let mut second = bed.orders(key("T", "2"), group(&["A"]));
    let (unanswered, _, payload) = bed.publishes();
    let (next, topic, _) = bed.publishes();
    assert_eq!(topic, at("groups/T/2"));
    bed.answers(next, Ok(()));
    bed.hears("groups/T/2", &payload);
    bed.hears("groups/T/1", &payload);
    assert_eq!((done(&mut first), done(&mut second)), (None, Some(Ok(()))));
    bed.passes(5);
    let error = done(&mut first).unwrap().unwrap_err().to_string();
    assert!(error.contains("has not answered it in time"), "{error}");
    bed.answers(unanswered, Ok(()));
    assert_eq!(bed.control.sync_state(), SyncState::Following);
}

#[test]
fn nothing_is_published_while_the_broker_takes_nothing() {
    let mut bed = following(&[]);
    let _outcome = bed.orders(key("T", "1"), group(&["A"]));
    bed.may.publish = false;
    assert_eq!(bed.sends(), None);
    bed.may.publish = true;
    assert_eq!(bed.publishes().1, at("groups/T/1"));
}

#[test]
fn what_cannot_be_done_fails_at_once_and_is_not_sent() {
    let mut bed = bed_with(Config { groups: 1, ..Config::default() });
    let mut early = bed.orders(key("T", "G"), group(&["A"]));
    assert!(matches!(done(&mut early), Some(Err(WriteError::Unavailable(_)))));
    bed.link_up();
    let mut missing = bed.orders(key("T", "G"), None);
    assert_eq!(done(&mut missing), Some(Err(WriteError::NotFound)));
    let names: Vec<String> = (0..900).map(|n| format!("{n:0>100}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut large = bed.orders(key("T", "G"), group(&names));
    let error = done(&mut large).unwrap().unwrap_err();
    assert!(error.to_string().contains("mqtt.packet_bytes"), "{error}");
    let mut first = bed.orders(key("T", "G"), group(&["A"]));
    bed.obey();
    assert_eq!(done(&mut first), Some(Ok(())));
    let mut second = bed.orders(key("T", "H"), group(&["A"]));
    let error = done(&mut second).unwrap().unwrap_err();
    assert!(error.to_string().contains("control.groups"), "{error}");
    assert!(bed.sends().is_none());
}

#[test]
fn a_write_that_the_broker_refuses_fails_and_changes_nothing() {
    let mut bed = following(&[]);
    let mut outcome = bed.orders(key("T", "G"), group(&["A"]));
    let (id, _, _) = bed.publishes();
    bed.answers(id, Err("QuotaExceeded".to_owned()));
    let refused = WriteError::Refused("QuotaExceeded".to_owned());
    assert_eq!(done(&mut outcome), Some(Err(refused)));
    assert_eq!(bed.devices("T", "G"), None);
}

#[test]
fn a_lost_link_fails_what_was_sent_and_what_was_not() {
    let mut bed = following(&[]);
    let mut sent = bed.orders(key("T", "1"), group(&["A"]));
    let mut queued = bed.orders(key("T", "2"), group(&["A"]));
    bed.publishes();
    bed.follower.link_lost();
    let why = |outcome| done(outcome).unwrap().unwrap_err().to_string();
    assert!(why(&mut sent).contains("may take effect"));
    assert!(!why(&mut queued).contains("may take effect"));
    bed.link_up();
    assert!(
        !bed.retained.keys().any(|topic| topic.contains("groups")),
        "nothing is sent behind the caller's back"
    );
}

#[test]
fn a_caller_that_has_gone_has_nothing_written() {
    let mut bed = following(&[]);
    drop(bed.orders(key("T", "G"), group(&["A"])));
    let mut late = bed.orders(key("T", "H"), group(&["A"]));
    bed.passes(5);
    assert!(bed.sends().is_none());
    assert!(matches!(done(&mut late), Some(Err(WriteError::Unavailable(_)))));
}

#[test]
fn where_a_copy_is_lost_everything_is_read_again() {
    let mut bed = following(&[("groups/T/OLD", r#"{"devices":["A"]}"#)]);
    let mut outcome = bed.orders(key("T", "G"), group(&["A"]));
    let (id, topic, payload) = bed.publishes();
    bed.answers(id, Ok(()));
    bed.passes(4);
    assert_eq!(done(&mut outcome), None);
    bed.passes(1);
    let error = done(&mut outcome).unwrap().unwrap_err().to_string();
    assert!(error.contains("may take effect"), "{error}");
    bed.retained.insert(topic, payload);
    bed.retained.remove(&at("groups/T/OLD"));
    bed.obey();
    assert_eq!(bed.control.sync_state(), SyncState::Following);
    assert_eq!((bed.devices("T", "G").is_some(), bed.devices("T", "OLD")), (true, None));
}

#[tokio::test]
async fn a_handle_refuses_what_is_wrong_before_anybody_is_asked() {
    let bed = following(&[]);
    let (t, g) = (tenant("T"), group_id("G"));
    let error = bed.control.put_group(&t, &g, ["A", "b+"]).await.unwrap_err();
    assert!(error.to_string().starts_with("devices[1]: "), "{error}");
    let error = bed.control.set_limits(None, OwnLimits::default()).await.unwrap_err();
    assert!(matches!(error, WriteError::Invalid(_)), "{error}");
    let limits = OwnLimits { filter_ids: Some(0), ..OwnLimits::default() };
    let error = bed.control.set_limits(Some(&t), limits).await.unwrap_err();
    assert_eq!(error.to_string(), "filter_ids: must be at least 1");
}
