//! The mode `all`: one subscription that serves every tenant.

use super::*;

#[test]
fn all_is_one_subscription_that_confirms_everybody() {
    let mut bed = bed(Subscribe::All);
    let early = bed.enter("EARLY");
    bed.subscriptions.open();
    let (id, filters) = bed.sends_subscribe();
    assert_eq!(filters, [ALL_TENANTS]);
    let asked = bed.enter("ASKED");
    bed.grants(id, 1);
    assert_eq!(bed.confirms(), ["ASKED", "EARLY"]);
    let late = bed.enter("LATE");
    assert_eq!(bed.confirms(), ["LATE"], "at once");
    assert_eq!(bed.sends(), None);
    bed.subscriptions.link_lost(None, bed.now);
    assert!([&early, &asked, &late].into_iter().all(|permit| upstream(permit) == Upstream::Waiting));
    let _new = bed.enter("NEW");
    bed.subscriptions.open();
    let (id, _) = bed.sends_subscribe();
    assert!(bed.subscriptions.message("NEW", true).is_none());
    assert!(bed.subscriptions.message("EARLY", true).is_some());
    bed.grants(id, 1);
    assert_eq!(bed.confirms(), ["!ASKED", "!LATE", "EARLY", "NEW"]);
}

#[test]
fn all_forgets_empty_tenants_and_stays_subscribed() {
    let mut bed = bed(Subscribe::All);
    bed.subscriptions.open();
    let (id, _) = bed.sends_subscribe();
    bed.grants(id, 1);
    drop(bed.enter("T"));
    bed.confirms();
    bed.passes(Duration::ZERO);
    bed.passes(LINGER);
    assert!(bed.index.find("T").is_none());
    assert_eq!(bed.sends(), None);
    let _again = bed.enter("T");
    assert_eq!(bed.confirms(), ["T"]);
}

#[test]
fn all_refused_refuses_everybody_until_it_is_granted() {
    let mut bed = bed(Subscribe::All);
    bed.subscriptions.open();
    let early = bed.enter("EARLY");
    let (id, _) = bed.sends_subscribe();
    bed.refuses(id);
    let late = bed.enter("LATE");
    assert_eq!((upstream(&early), upstream(&late)), (Upstream::Refused, Upstream::Refused));
    bed.passes(Duration::from_secs(2));
    let (id, _) = bed.sends_subscribe();
    bed.grants(id, 1);
    assert_eq!(bed.confirms(), ["EARLY", "LATE"]);
}

#[test]
fn what_is_amiss_with_the_one_subscription_concerns_every_stream() {
    let mut bed = bed(Subscribe::All);
    let live = bed.enter("LIVE");
    live.tenant().declare(0);
    bed.subscriptions.open();
    let (id, _) = bed.sends_subscribe();
    assert_eq!(bed.subscriptions.source_state(), SourceState::Open);
    bed.passes(Config::default().subscribe_timeout);
    assert_eq!(bed.subscriptions.source_state(), SourceState::Unanswered);
    bed.refuses(id);
    let refused = SourceState::Refused("NotAuthorized".into());
    assert_eq!(bed.subscriptions.source_state(), refused);
    assert_eq!(bed.passes_refused(), ["LIVE"]);
    bed.passes(Duration::from_secs(4));
    let (id, _) = bed.sends_subscribe();
    assert_eq!(bed.subscriptions.source_state(), refused, "until it is granted");
    bed.grants(id, 1);
    assert_eq!(bed.subscriptions.source_state(), SourceState::Open);
    assert_eq!(bed.confirms(), ["!LIVE+"]);
}

#[test]
fn one_tenant_that_is_refused_or_not_answered_leaves_the_link_open() {
    let mut bed = linked();
    let _one = bed.enter("ONE");
    let (id, _) = bed.sends_subscribe();
    bed.passes(Config::default().subscribe_timeout);
    assert_eq!(bed.subscriptions.source_state(), SourceState::Open);
    bed.refuses(id);
    assert_eq!(bed.subscriptions.source_state(), SourceState::Open);
}

#[test]
fn the_one_filter_may_be_what_ends_the_connection() {
    let mut bed = bed(Subscribe::All);
    bed.subscriptions.open();
    let permit = bed.enter("T");
    bed.sends_subscribe();
    bed.loses();
    assert_eq!(bed.sends(), None, "not on this connection");
    assert_eq!(bed.tries(), [[ALL_TENANTS]]);
    bed.ends();
    assert_eq!(upstream(&permit), Upstream::Refused);
    let refused = SourceState::Refused("not authorized (0x87)".into());
    assert_eq!(bed.subscriptions.source_state(), refused);
}
