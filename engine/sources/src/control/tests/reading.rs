//! What the broker holds is read whole, before anybody is let in, and then followed.

use super::*;

#[test]
fn documents_take_effect_together_when_the_mark_comes_back() {
    let mut bed = bed();
    let permit = bed.enter("T");
    bed.follower.link_up(ABLE, bed.now);
    let (id, request) = bed.sends().unwrap();
    assert!(matches!(request, StoreRequest::Follow(_)));
    bed.hears("groups/T/G", r#"{"devices":["B","A","A"]}"#);
    bed.hears("limits/default", r#"{"connections_per_tenant":3}"#);
    assert!(bed.sends().is_none(), "the mark waits for the SUBACK");
    bed.answers(id, Ok(()));
    let (id, topic, nonce) = bed.publishes();
    assert_eq!(topic, at("sync/N"));
    bed.answers(id, Ok(()));
    bed.hears("groups/T/H", r#"{"devices":["A"]}"#);
    bed.hears_as("sync/N", "of another time", false);
    bed.hears_as("sync/M", &nonce, false);
    assert!(!bed.follower.is_settled());
    assert_eq!(bed.control.sync_state(), SyncState::Reading);
    assert_eq!((bed.devices("T", "G"), bed.applied()), (None, vec![]));
    bed.hears_as("sync/N", &nonce, false);
    assert!(!bed.follower.is_settled(), "no id is reserved yet");
    bed.obey();
    assert!(bed.follower.is_settled());
    assert_eq!(bed.control.sync_state(), SyncState::Following);
    assert_eq!(bed.devices("T", "G").unwrap(), ["A", "B"]);
    assert_eq!(seen(&permit, "A"), ["G", "H"]);
    assert_eq!(bed.applied(), ["* 3"]);
}

#[test]
fn what_changes_is_followed_and_reaches_tenants_that_are_there_and_that_come() {
    let mut bed = following(&[]);
    let there = bed.enter("T");
    bed.hears("groups/T/G", r#"{"devices":["A"]}"#);
    bed.hears("groups/U/G", r#"{"devices":["B"]}"#);
    assert_eq!(seen(&there, "A"), ["G"]);
    let comes = bed.enter("U");
    assert_eq!(seen(&comes, "B"), ["G"]);
    assert!(seen(&comes, "A").is_empty(), "of another tenant");
    bed.hears("groups/T/G", r#"{"devices":["C"]}"#);
    assert!(seen(&there, "A").is_empty());
    assert_eq!(seen(&there, "C"), ["G"]);
    bed.hears("groups/T/G", "");
    assert!(seen(&there, "C").is_empty());
    assert_eq!(bed.control.documents().group_count(), 1);
    bed.hears("limits/tenant/T", r#"{"connections_per_tenant":1}"#);
    assert_eq!(bed.applied(), ["T 1"]);
    bed.hears("limits/tenant/T", "");
    assert!(bed.applied().is_empty());
}

#[test]
fn what_changed_while_the_broker_was_away_is_found_again() {
    let mut bed = following(&[
        ("groups/T/GONE", r#"{"devices":["A"]}"#),
        ("groups/T/BAD", r#"{"devices":["A"]}"#),
        ("limits/tenant/T", r#"{"connections_per_tenant":1}"#),
    ]);
    let permit = bed.enter("T");
    bed.follower.link_lost();
    assert_eq!(bed.control.sync_state(), SyncState::Away);
    assert_eq!(seen(&permit, "A"), ["BAD", "GONE"], "it holds meanwhile");
    assert_eq!(bed.applied(), ["T 1"]);
    bed.retained.remove(&at("groups/T/GONE"));
    bed.retained.remove(&at("limits/tenant/T"));
    bed.retained.insert(at("groups/T/BAD"), "{".to_owned());
    bed.retained.insert(at("groups/T/NEW"), r#"{"devices":["A"]}"#.to_owned());
    bed.link_up();
    assert_eq!(seen(&permit, "A"), ["BAD", "NEW"]);
    assert!(bed.applied().is_empty());
    assert!(bed.problem().starts_with(&at("groups/T/BAD")));
}

#[test]
fn a_malformed_message_is_refused_named_and_changes_nothing() {
    let mut bed = following(&[("groups/T/G", r#"{"devices":["A"]}"#)]);
    for (payload, reason) in [
        ("{\"devices\":[\"A\",\"b/c\"]}", "devices[1]: holds"),
        ("{\"devices\":\"A\"}", "devices: must be a list"),
        ("{\"devices\":[],\"x\":1}", "x: is not known here"),
        ("[]", "document: is not a JSON object"),
        ("{} {}", "document: is not JSON"),
    ] {
        bed.hears("groups/T/G", payload);
        let problem = bed.problem();
        let named = format!("{} {reason}", at("groups/T/G"));
        assert!(problem.starts_with(&named), "{problem}");
        assert_eq!(bed.devices("T", "G").unwrap(), ["A"]);
    }
    bed.hears("groups/T/G", r#"{"devices":["B"]}"#);
    assert!(bed.control.problems().is_empty(), "it was put right");
    bed.hears("grups/T/G", "{}");
    assert!(bed.problem().contains("topic"));
    bed.hears("grups/T/G", "");
    assert!(bed.control.problems().is_empty());
    for n in 0..1000 {
        bed.hears(&format!("nonsense/{n}"), "{}");
    }
    let problems = bed.control.problems();
    assert_eq!(problems.len(), 100);
    assert_eq!(problems[99].topic, at("nonsense/999"), "the newest stay");
}

#[test]
fn a_bound_refuses_what_is_beyond_it_and_keeps_what_is_there() {
    let mut bed = bed_with(Config { groups: 2, group_devices: 3, tenant_limits: 1, bytes: 1000, ..Config::default() });
    bed.link_up();
    bed.hears("groups/T/1", r#"{"devices":["A"]}"#);
    bed.hears("groups/T/2", r#"{"devices":["A","B","C"]}"#);
    bed.hears("groups/U/3", r#"{"devices":["A"]}"#);
    assert!(bed.problem().contains("control.groups"));
    bed.hears("groups/U/3", "");
    for (topic, problems) in
        [("limits/tenant/T", 0), ("limits/default", 0), ("limits/tenant/U", 1), ("limits/tenant/T", 1)]
    {
        bed.hears(topic, r#"{"queue_size":5}"#);
        assert_eq!(bed.control.problems().len(), problems);
    }
    assert!(bed.problem().contains("control.tenant_limits"));
    for topic in ["limits/tenant/U", "limits/tenant/T", "limits/default"] {
        bed.hears(topic, "");
    }
    bed.hears("groups/T/1", r#"{"devices":["A","B","C","D"]}"#);
    assert!(bed.problem().contains("control.group_devices"));
    bed.hears("groups/T/1", r#"{"devices":["B"]}"#);
    let long = ["x", "y", "z"].map(|name| name.repeat(250));
    let large = format!("{{\"devices\":{long:?}}}");
    bed.hears("groups/T/1", &large);
    assert_eq!(bed.devices("T", "1").unwrap().len(), 3, "it just fits");
    bed.hears("groups/T/2", &large);
    assert!(bed.problem().contains("control.bytes"));
    assert_eq!(bed.devices("T", "2").unwrap(), ["A", "B", "C"]);
    bed.hears("groups/T/1", "");
    bed.hears("groups/T/2", &large);
    assert!(bed.control.problems().is_empty(), "room was made");
}

#[test]
fn without_permission_telemetry_is_served_and_the_broker_asked_again() {
    let mut bed = bed();
    bed.follower.link_up(ABLE, bed.now);
    let (id, _) = bed.sends().unwrap();
    bed.hears("groups/T/G", r#"{"devices":["A"]}"#);
    bed.answers(id, Ok(()));
    let (id, _, _) = bed.publishes();
    bed.answers(id, Err("NotAuthorized".to_owned()));
    assert!(bed.follower.is_settled());
    assert!(matches!(bed.control.sync_state(), SyncState::Partial(why) if why.contains("NotAuthorized")));
    assert!(bed.devices("T", "G").is_some(), "what came is used");
    bed.hears("groups/T/H", r#"{"devices":["A"]}"#);
    assert!(bed.devices("T", "H").is_some(), "and followed");
    bed.retained.insert(at("groups/T/H"), r#"{"devices":["A"]}"#.to_owned());
    bed.passes(29);
    assert!(bed.sends().is_none());
    bed.passes(2);
    bed.obey();
    assert_eq!(bed.control.sync_state(), SyncState::Following);
    assert_eq!((bed.devices("T", "G"), bed.devices("T", "H").is_some()), (None, true));
}

#[test]
fn behind_a_backlog_everything_is_read_once_more() {
    let mut bed = bed();
    bed.retained.insert(at("groups/T/G"), r#"{"devices":["A"]}"#.to_owned());
    bed.follower.link_up(StoreFacts { has_backlog: true, ..ABLE }, bed.now);
    // It was deleted later, and that message was dropped.
    bed.hears("groups/T/GONE", r#"{"devices":["A"]}"#);
    bed.obey();
    assert!(bed.follower.is_settled());
    assert!(bed.devices("T", "G").is_some());
    assert_eq!(bed.devices("T", "GONE"), None);
}

#[test]
fn a_mark_that_never_comes_back_holds_nobody_up_for_long() {
    let mut bed = bed();
    bed.follower.link_up(ABLE, bed.now);
    let (id, _) = bed.sends().unwrap();
    bed.answers(id, Ok(()));
    let (id, _, _) = bed.publishes();
    bed.answers(id, Ok(()));
    bed.passes(4);
    bed.hears("groups/T/G", r#"{"devices":["A"]}"#);
    bed.passes(4);
    assert!(!bed.follower.is_settled(), "messages are still coming");
    bed.passes(1);
    assert!(bed.follower.is_settled());
    assert!(bed.devices("T", "G").is_some());
    bed.follower.link_lost();
    bed.follower.link_up(ABLE, bed.now);
    assert!(bed.follower.is_settled(), "the next link does not wait for it");
}

#[test]
fn a_broker_that_ends_the_connection_for_the_mark_is_not_asked_for_it_again_on_that_link() {
    let mut bed = bed();
    let reads = |bed: &mut Bed| {
        bed.follower.link_up(ABLE, bed.now);
        let (id, request) = bed.sends().unwrap();
        assert!(matches!(request, StoreRequest::Follow(_)));
        bed.answers(id, Ok(()));
    };
    for _ in 0..2 {
        reads(&mut bed);
        let (id, _, _) = bed.publishes();
        bed.answers(id, Err("NotAuthorized".to_owned()));
        bed.passes(1);
        bed.follower.link_lost();
    }
    reads(&mut bed);
    assert!(bed.follower.is_settled(), "telemetry first");
    bed.hears("groups/T/G", r#"{"devices":["A"]}"#);
    bed.passes(5);
    assert!(bed.devices("T", "G").is_some());
    assert!(matches!(bed.control.sync_state(), SyncState::Partial(why) if why.contains("NotAuthorized")));
    bed.passes(100_000);
    assert!(bed.sends().is_none(), "a retry would cost the link");
    bed.follower.link_lost();
    bed.link_up();
    assert_eq!(bed.control.sync_state(), SyncState::Following, "the next link tries again");
}

#[test]
fn a_broker_that_keeps_nothing_is_asked_for_nothing() {
    let mut bed = bed();
    let facts = StoreFacts { is_able: false, ..ABLE };
    bed.follower.link_up(facts, bed.now);
    assert!(bed.follower.is_settled());
    bed.passes(10_000);
    assert!(bed.sends().is_none());
}

#[test]
fn a_message_that_is_not_retained_is_refused_where_the_broker_tells() {
    let mut bed = following(&[]);
    bed.hears_as("groups/T/G", r#"{"devices":["A"]}"#, false);
    assert!(bed.devices("T", "G").is_some(), "some brokers do not tell");
    bed.control.announce(Status::default());
    bed.obey();
    bed.hears_as("groups/T/G", r#"{"devices":["B"]}"#, false);
    assert_eq!(bed.devices("T", "G").unwrap(), ["A"]);
    assert!(bed.problem().contains("is not retained"));
}

#[test]
fn a_subscription_that_is_never_answered_holds_nobody_up_for_long() {
    let mut bed = bed();
    bed.follower.link_up(ABLE, bed.now);
    bed.sends().unwrap();
    bed.passes(4);
    bed.hears("fleet/M", "{}");
    assert!(!bed.follower.is_settled());
    bed.passes(1);
    assert!(bed.follower.is_settled());
    assert!(matches!(bed.control.sync_state(), SyncState::Partial(why) if why.contains("not answered")));
    assert_eq!(bed.sends(), None);
    bed.passes(30);
    bed.obey();
    assert_eq!(bed.control.sync_state(), SyncState::Following, "it is tried again");
}

#[test]
fn a_mark_whose_puback_never_comes_is_enough() {
    let mut bed = bed();
    bed.follower.link_up(ABLE, bed.now);
    let (id, _) = bed.sends().unwrap();
    bed.answers(id, Ok(()));
    let (_, _, nonce) = bed.publishes();
    bed.hears_as("sync/N", &nonce, false);
    let _outcome = bed.orders(key("T", "G"), group(&["A"]));
    assert_eq!(bed.publishes().1, at("ids/reserved"));
    assert_eq!(bed.publishes().1, at("groups/T/G"), "it holds up nothing");
}

#[test]
fn a_broker_that_ends_the_connection_for_the_subscription_is_served_without_it() {
    let mut bed = bed();
    for _ in 0..2 {
        bed.follower.link_up(ABLE, bed.now);
        assert!(matches!(bed.sends(), Some((_, StoreRequest::Follow(_)))));
        bed.follower.link_lost();
    }
    bed.follower.link_up(ABLE, bed.now);
    assert!(bed.follower.is_settled(), "telemetry first");
    bed.passes(100_000);
    assert_eq!(bed.sends(), None, "a retry would cost the link");
    bed.follower.link_lost();
    bed.link_up();
    assert_eq!(bed.control.sync_state(), SyncState::Following, "the next link tries again");
}
