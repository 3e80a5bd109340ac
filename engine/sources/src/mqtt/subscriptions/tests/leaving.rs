//! A tenant without subscribers lingers, is forgotten and unsubscribed, or is wanted again.

use super::*;

#[test]
fn an_empty_tenant_lingers_and_is_then_forgotten_and_unsubscribed() {
    let mut bed = linked();
    let permit = bed.subscribe("T");
    bed.passes(LINGER * 2);
    drop(permit);
    bed.passes(Duration::from_secs(1));
    bed.passes(LINGER - Duration::from_secs(1));
    assert_eq!(bed.sends(), None);
    assert!(bed.index.find("T").is_some());
    bed.passes(Duration::from_secs(1));
    assert!(bed.index.find("T").is_none());
    let (id, filter) = bed.sends_unsubscribe();
    assert_eq!(filter, self::filter("T"));
    bed.grants(id, 1);
    bed.passes(LINGER);
    assert_eq!(bed.sends(), None);
    assert!(bed.subscriptions.entries.is_empty());
}

#[test]
fn a_tenant_lingers_for_as_long_as_its_events_are_kept() {
    let config = Config { linger: LINGER, keep: LINGER * 2, ..Config::default() };
    let mut bed = linked();
    bed.subscriptions = subscriptions(&config, &bed.index);
    bed.subscriptions.open();
    drop(bed.subscribe("T"));
    bed.passes(Duration::ZERO);
    bed.passes(LINGER * 2 - Duration::from_millis(1));
    assert!(bed.index.find("T").is_some());
    bed.passes(Duration::from_millis(1));
    assert!(bed.index.find("T").is_none());
}

#[test]
fn a_subscriber_that_comes_back_ends_the_linger() {
    let mut bed = linked();
    drop(bed.subscribe("T"));
    bed.passes(Duration::from_secs(1));
    bed.passes(LINGER / 2);
    let back = bed.enter("T");
    assert_eq!(upstream(&back), Upstream::Confirmed);
    bed.passes(LINGER);
    drop(back);
    bed.passes(LINGER / 2);
    bed.passes(LINGER / 2);
    assert!(bed.index.find("T").is_some(), "the linger began anew");
}

#[test]
fn a_tenant_wanted_again_before_its_unsubscribe_goes_out_keeps_its_subscription() {
    let mut bed = linked();
    let first = bed.subscribe("T");
    let gone = Arc::clone(first.tenant());
    drop(first);
    bed.passes(Duration::ZERO);
    bed.passes(LINGER);
    let again = bed.enter("T");
    assert!(!Arc::ptr_eq(again.tenant(), &gone));
    assert_eq!(bed.confirms(), ["T"]);
    assert_eq!(upstream(&again), Upstream::Confirmed);
    assert_eq!(bed.sends(), None);
    drop(again);
    bed.passes(Duration::from_secs(1));
    assert!(bed.index.find("T").is_some(), "it lingers anew");
}

#[test]
fn a_tenant_wanted_again_during_its_unsubscribe_is_subscribed_after_it() {
    let mut bed = linked();
    drop(bed.subscribe("T"));
    bed.passes(Duration::ZERO);
    bed.passes(LINGER);
    let (unsubscribe, _) = bed.sends_unsubscribe();
    let again = bed.enter("T");
    let (id, filters) = bed.sends_subscribe();
    assert_eq!(filters, [filter("T")], "an UNSUBACK is not waited for");
    bed.grants(unsubscribe, 1);
    assert_eq!(upstream(&again), Upstream::Waiting);
    bed.grants(id, 1);
    assert_eq!(bed.confirms(), ["T"]);
}

#[test]
fn a_tenant_that_leaves_unanswered_is_unsubscribed_and_its_late_answer_is_not_its_successors() {
    let mut bed = linked();
    drop(bed.enter("T"));
    let (late, _) = bed.sends_subscribe();
    bed.passes(Config::default().subscribe_timeout);
    bed.passes(Duration::ZERO);
    bed.passes(LINGER);
    while let Some((id, request)) = bed.sends() {
        if let Request::Unsubscribe(left) = request {
            assert_eq!(left, filter("T"));
            bed.grants(id, 1);
        }
    }
    assert!(bed.index.find("T").is_none());
    let _again = bed.enter("T");
    let (id, _) = bed.sends_subscribe();
    bed.grants(late, 1);
    assert!(bed.confirms().is_empty());
    bed.grants(id, 1);
    assert_eq!(bed.confirms(), ["T"]);
}

#[test]
fn a_tenant_that_leaves_while_it_is_asked_for_waits_for_the_answer() {
    let mut bed = linked();
    bed.subscriptions.linger = Duration::from_secs(1);
    drop(bed.enter("T"));
    let (id, _) = bed.sends_subscribe();
    bed.passes(Duration::ZERO);
    bed.passes(Duration::from_secs(1));
    assert!(bed.index.find("T").is_some());
    bed.grants(id, 1);
    bed.confirms();
    bed.passes(Duration::from_secs(1));
    assert_eq!(bed.sends_unsubscribe().1, filter("T"));
}

#[test]
fn a_request_older_than_its_tenants_retirement_is_passed_over() {
    let mut bed = linked();
    let permit = bed.index.enter(&TenantId::parse("T").unwrap()).unwrap();
    let tenant = Arc::clone(permit.tenant());
    drop(permit);
    bed.index.retire(&tenant);
    bed.subscriptions.want(&tenant);
    assert_eq!(bed.sends(), None);
    assert!(bed.subscriptions.entries.is_empty());
}

#[test]
fn a_lingering_tenant_stays_subscribed_across_a_reconnect_but_a_retired_one_is_forgotten() {
    let mut bed = linked();
    drop(bed.subscribe("LINGERS"));
    bed.passes(Duration::ZERO);
    bed.subscriptions.link_lost(None, bed.now);
    bed.subscriptions.open();
    let (id, filters) = bed.sends_subscribe();
    assert_eq!(filters, [filter("LINGERS")]);
    bed.grants(id, 1);
    bed.confirms();
    bed.passes(LINGER);
    assert!(bed.index.find("LINGERS").is_none());
    bed.subscriptions.link_lost(None, bed.now);
    bed.subscriptions.open();
    assert_eq!(bed.sends(), None);
    assert!(bed.subscriptions.entries.is_empty());
}

#[test]
fn tenants_are_forgotten_without_a_link_too() {
    let mut bed = bed(Subscribe::OnDemand);
    drop(bed.enter("T"));
    bed.passes(Duration::ZERO);
    bed.passes(LINGER);
    assert!(bed.index.find("T").is_none());
    assert!(bed.subscriptions.entries.is_empty());
}
