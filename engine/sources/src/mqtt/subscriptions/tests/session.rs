//! A session that the broker keeps gives what was published meanwhile, or a gap comes.

use super::*;

fn persistent(mode: Subscribe) -> Bed {
    let config = Config {
        subscribe: mode,
        session: crate::mqtt::Session::Persistent,
        linger: LINGER,
        keep: LINGER,
        ..Config::default()
    };
    let mut bed = bed(mode);
    bed.subscriptions = subscriptions(&config, &bed.index);
    bed.subscriptions.link_up(0, false);
    bed.subscriptions.open();
    bed
}

impl Bed {
    fn comes_back(&mut self, session_present: bool) -> bool {
        self.subscriptions.link_lost(None, self.now);
        self.subscriptions.link_up(0, session_present)
    }
}

#[test]
fn what_a_kept_session_holds_is_confirmed_at_once_without_a_gap() {
    let mut bed = persistent(Subscribe::OnDemand);
    let live = bed.subscribe("LIVE");
    live.tenant().declare(0);
    let mut new = Vec::new();
    for _ in 0..2 {
        assert_eq!(bed.subscriptions.link_lost(None, bed.now).len(), 1, "it is reported as lost");
        new.push(bed.enter("NEW"));
        assert!(bed.subscriptions.link_up(0, true));
        assert_eq!(bed.confirms(), ["LIVE+"], "before anything is asked for");
        assert!(bed.subscriptions.message("LIVE", true).is_none());
    }
    bed.subscriptions.open();
    assert_eq!(bed.sends_subscribe().1, [filter("NEW")], "the other one is still subscribed");
    assert_eq!(bed.sends(), None);
}

#[test]
fn a_session_that_was_not_kept_or_was_anothers_makes_a_gap() {
    let mut bed = persistent(Subscribe::OnDemand);
    let _permit = bed.subscribe("T");
    for taken_over in [false, true] {
        bed.subscriptions.link_lost(None, bed.now);
        if taken_over {
            bed.subscriptions.forget_session();
        }
        bed.subscriptions.link_up(0, taken_over);
        assert!(bed.confirms().is_empty());
        bed.subscriptions.open();
        let (id, _) = bed.sends_subscribe();
        bed.grants(id, 1);
        assert_eq!(bed.confirms(), ["!T"]);
    }
    bed.subscriptions.link_lost(None, bed.now);
    assert!(!bed.subscriptions.link_up(1, true), "another broker may have an old one");
    assert!(bed.confirms().is_empty());
    let owed = bed.subscriptions.message("T", true);
    assert!(owed.is_some(), "what it kept comes before it is asked for anything, and behind the gap");
    bed.subscriptions.open();
    let (id, _) = bed.sends_subscribe();
    bed.grants(id, 1);
    assert_eq!(bed.confirms(), ["T"]);
}

#[test]
fn a_tenant_that_was_not_confirmed_in_the_session_is_asked_for() {
    let mut bed = persistent(Subscribe::OnDemand);
    let _refused = bed.subscribe("REFUSED");
    bed.comes_back(false);
    bed.subscriptions.open();
    let (id, _) = bed.sends_subscribe();
    bed.refuses(id);
    let _waiting = bed.enter("WAITING");
    bed.sends_subscribe();
    assert!(bed.comes_back(true));
    assert!(bed.confirms().is_empty());
    bed.subscriptions.open();
    let (id, filters) = bed.sends_subscribe();
    assert_eq!(filters.len(), 2);
    bed.grants(id, 2);
    assert_eq!(bed.confirms(), ["!REFUSED", "WAITING"]);
}

#[test]
fn of_a_tenant_with_messages_of_qos_0_some_may_be_missing_all_the_same() {
    let mut bed = persistent(Subscribe::OnDemand);
    let _permit = bed.subscribe("T");
    bed.subscriptions.message("T", false);
    assert!(bed.comes_back(true));
    assert_eq!(bed.confirms(), ["!T"], "the gap comes before what the session kept");
    bed.subscriptions.message("T", true);
    assert!(bed.comes_back(true));
    assert_eq!(bed.confirms(), ["T"], "nothing of QoS 0 came any more");
}

#[test]
fn one_subscription_for_all_is_kept_as_well() {
    let mut bed = persistent(Subscribe::All);
    let _old = bed.enter("OLD");
    let (id, _) = bed.sends_subscribe();
    bed.grants(id, 1);
    assert_eq!(bed.confirms(), ["OLD"]);
    bed.subscriptions.link_lost(None, bed.now);
    let _new = bed.enter("NEW");
    bed.subscriptions.link_up(0, true);
    assert_eq!(bed.confirms(), ["OLD"]);
    bed.subscriptions.open();
    assert_eq!(bed.sends(), None);
    bed.passes(Duration::from_secs(1));
    assert_eq!(bed.confirms(), ["NEW"]);
}

#[test]
fn a_name_whose_tenant_came_anew_while_there_was_no_link_is_confirmed_without_a_gap() {
    let mut bed = persistent(Subscribe::OnDemand);
    let first = bed.subscribe("T");
    let gone = Arc::clone(first.tenant());
    bed.subscriptions.link_lost(None, bed.now);
    drop(first);
    assert!(bed.index.retire(&gone));
    let again = bed.enter("T");
    bed.subscriptions.link_up(0, true);
    assert_eq!(bed.confirms(), ["T"]);
    assert_eq!(upstream(&again), Upstream::Confirmed);
}

#[test]
fn subscriptions_of_a_process_before_are_given_up_as_their_messages_come_and_not_too_many_at_once() {
    let mut bed = persistent(Subscribe::OnDemand);
    bed.comes_back(true);
    bed.subscriptions.open();
    assert_eq!(bed.sends_unsubscribe().1, "tenant/+/device/+/telemetry", "it may have asked for all");
    assert_eq!(bed.sends(), None);
    let _known = bed.index.enter(&TenantId::parse("KNOWN").unwrap()).unwrap();
    for tenant in ["A", "A", "KNOWN", "a/b"] {
        bed.subscriptions.message(tenant, true);
    }
    assert_eq!(bed.sends_unsubscribe().1, filter("A"));
    assert_eq!(bed.sends(), None, "once, and nothing that somebody wants");
    let gives_up = |bed: &mut Bed| {
        (0..200).for_each(|n| drop(bed.subscriptions.message(&format!("S{n}"), true)));
        std::iter::from_fn(|| bed.sends()).count()
    };
    assert_eq!(gives_up(&mut bed), 49, "with that of before");
    let _wanted = bed.enter("S199");
    bed.passes(Duration::from_secs(1));
    let (known, _) = bed.sends_subscribe();
    bed.grants(known, 2);
    (1..bed.next_id).for_each(|id| bed.grants(id, 1));
    assert_eq!(gives_up(&mut bed), 50);
}

#[test]
fn a_tenant_that_left_while_there_was_no_link_is_given_up_when_its_message_comes() {
    let mut bed = persistent(Subscribe::OnDemand);
    drop(bed.subscribe("T"));
    bed.passes(Duration::ZERO);
    bed.subscriptions.link_lost(None, bed.now);
    let gone = bed.index.find("T").unwrap();
    assert!(bed.index.retire(&gone));
    bed.subscriptions.entries.clear();
    bed.subscriptions.link_up(0, true);
    bed.subscriptions.open();
    bed.sends_unsubscribe();
    bed.subscriptions.message("T", true);
    assert_eq!(bed.sends_unsubscribe().1, filter("T"));
}
