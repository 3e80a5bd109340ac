//! A lost link takes confirmations back, and each tenant that had one gets the gap once.

use super::*;

fn names(tenants: Vec<Arc<Tenant>>) -> Vec<String> {
    tenants.iter().map(|tenant| tenant.id().to_string()).collect()
}

#[test]
fn a_lost_link_takes_confirmations_back_and_the_next_suback_tells_the_gap() {
    let mut bed = linked();
    let old = bed.subscribe("OLD");
    let waiting = bed.enter("WAITING");
    bed.sends_subscribe();
    bed.subscriptions.link_lost(None, bed.now);
    assert_eq!((upstream(&old), upstream(&waiting)), (Upstream::Waiting, Upstream::Waiting));
    assert_eq!(bed.sends(), None);
    let _new = bed.enter("NEW");
    bed.subscriptions.open();
    let (id, filters) = bed.sends_subscribe();
    assert_eq!(filters.len(), 3);
    assert!(bed.confirms().is_empty(), "an answer of the old link is none of the new one");
    bed.grants(id, 3);
    assert_eq!(bed.confirms(), ["!OLD", "NEW", "WAITING"]);
}

#[test]
fn a_gap_is_owed_across_several_losses_and_told_once() {
    let mut bed = linked();
    let _permit = bed.subscribe("T");
    for _ in 0..3 {
        bed.subscriptions.link_lost(None, bed.now);
        bed.subscriptions.open();
        bed.sends_subscribe();
    }
    bed.grants(bed.next_id, 1);
    assert_eq!(bed.confirms(), ["!T"]);
    bed.passes(Duration::from_secs(1));
    assert!(bed.confirms().is_empty());
}

#[test]
fn an_event_before_the_suback_is_preceded_by_the_gap() {
    let mut bed = linked();
    let permit = bed.subscribe("T");
    assert!(!bed.subscriptions.watches_messages());
    bed.subscriptions.link_lost(None, bed.now);
    bed.subscriptions.open();
    assert!(bed.subscriptions.message("T", true).is_none(), "not asked for yet");
    let (id, _) = bed.sends_subscribe();
    assert!(bed.subscriptions.watches_messages());
    assert!(bed.subscriptions.message("OTHER", true).is_none());
    let owed = bed.subscriptions.message("T", true).unwrap();
    assert!(Arc::ptr_eq(&owed, permit.tenant()));
    assert!(bed.subscriptions.message("T", true).is_none());
    bed.grants(id, 1);
    assert_eq!(bed.confirms(), ["T"], "the gap was sent already");
}

#[test]
fn a_link_that_is_lost_after_early_events_owes_a_gap_again() {
    let mut bed = linked();
    let _permit = bed.subscribe("T");
    bed.subscriptions.link_lost(None, bed.now);
    bed.subscriptions.open();
    bed.sends_subscribe();
    assert!(bed.subscriptions.message("T", true).is_some());
    bed.subscriptions.link_lost(None, bed.now);
    bed.subscriptions.open();
    let (id, _) = bed.sends_subscribe();
    bed.grants(id, 1);
    assert_eq!(bed.confirms(), ["!T"], "events may be missing behind the early ones");
}

#[test]
fn whoever_waits_is_told_of_a_lost_link_even_if_the_request_never_came() {
    let mut bed = linked();
    let permit = bed.index.enter(&TenantId::parse("T").unwrap()).unwrap();
    let mut upstream = permit.tenant().upstream();
    upstream.mark_unchanged();
    bed.subscriptions.link_lost(None, bed.now);
    assert!(upstream.has_changed().unwrap());
}

#[test]
fn a_successor_is_not_told_of_a_gap_before_its_time() {
    let mut bed = linked();
    let first = bed.subscribe("T");
    let gone = Arc::clone(first.tenant());
    bed.subscriptions.link_lost(None, bed.now);
    drop(first);
    assert!(bed.index.retire(&gone));
    let _again = bed.enter("T");
    bed.subscriptions.open();
    let (id, _) = bed.sends_subscribe();
    bed.grants(id, 1);
    assert_eq!(bed.confirms(), ["T"]);
}

#[test]
fn a_refusal_after_a_reconnect_still_owes_the_gap() {
    let mut bed = linked();
    let permit = bed.subscribe("T");
    bed.subscriptions.link_lost(None, bed.now);
    bed.subscriptions.open();
    let (id, _) = bed.sends_subscribe();
    bed.refuses(id);
    assert_eq!(upstream(&permit), Upstream::Refused);
    bed.passes(Duration::from_secs(2));
    let (id, _) = bed.sends_subscribe();
    bed.grants(id, 1);
    assert_eq!(bed.confirms(), ["!T"]);
}

#[test]
fn live_streams_hear_once_that_they_are_refused_and_once_that_they_no_longer_are() {
    let mut bed = linked();
    let live = bed.subscribe("LIVE");
    live.tenant().declare(0);
    assert_eq!(names(bed.subscriptions.link_lost(None, bed.now)), ["LIVE"]);
    let _waits = bed.enter("WAITS");
    for names in [vec!["LIVE"], vec![], vec![]] {
        bed.subscriptions.open();
        let (id, filters) = bed.sends_subscribe();
        assert_eq!(filters.len(), 2);
        let refused = || Err("NotAuthorized".to_owned());
        bed.subscriptions.answered(id, &[refused(), refused()], bed.now);
        assert_eq!(bed.passes_refused(), names, "nobody listens at the other");
        let reason = live.tenant().refusal();
        assert_eq!(*reason.expect("it is refused"), "NotAuthorized");
        assert!(bed.subscriptions.link_lost(None, bed.now).is_empty(), "they get nothing as it is");
        assert_eq!(live.tenant().refusal(), None, "who knows");
    }
    bed.subscriptions.open();
    let (id, _) = bed.sends_subscribe();
    bed.grants(id, 2);
    assert_eq!(bed.confirms(), ["!LIVE+", "WAITS"]);
    for lost in [vec!["LIVE"], vec![]] {
        assert_eq!(names(bed.subscriptions.link_lost(None, bed.now)), lost, "once, and nobody listens at the other");
        bed.subscriptions.open();
    }
    bed.sends_subscribe();
    bed.grants(bed.next_id, 2);
    assert_eq!(bed.confirms(), ["!LIVE+", "!WAITS"]);
}
