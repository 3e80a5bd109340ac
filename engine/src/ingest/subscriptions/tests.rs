//! Each test plays broker and clock.

use super::*;
use crate::index::{self, Place};

struct Bed {
    subscriptions: Subscriptions,
    index: Arc<Index>,
    now: Instant,
    next_id: u16,
}

fn bed(mode: Subscribe) -> Bed {
    let limits = index::Config {
        connections_per_tenant: 0,
        connections: 10_000,
    };
    let index = Arc::new(Index::new(&limits));
    let config = Config {
        subscribe: mode,
        ..Config::default()
    };
    let subscriptions = Subscriptions::new(&config, Arc::clone(&index));
    Bed {
        subscriptions,
        index,
        now: Instant::now(),
        next_id: 0,
    }
}

/// On demand, with a link.
fn linked() -> Bed {
    let mut bed = bed(Subscribe::OnDemand);
    bed.subscriptions.link_up();
    bed
}

const LINGER: Duration = Duration::from_secs(30);

impl Bed {
    fn enter(&mut self, tenant: &str) -> Place {
        let place = self.index.enter(&TenantId::parse(tenant).unwrap()).unwrap();
        self.subscriptions.want(place.tenant());
        place
    }

    /// What is sent now, with its packet id.
    fn sends(&mut self) -> Option<(u16, Request)> {
        let request = self.subscriptions.next_request(self.now)?;
        self.next_id += 1;
        self.subscriptions.sent(self.next_id);
        Some((self.next_id, request))
    }

    fn sends_subscribe(&mut self) -> (u16, Vec<String>) {
        match self.sends() {
            Some((id, Request::Subscribe(filters))) => (id, filters),
            other => panic!("no SUBSCRIBE but {other:?}"),
        }
    }

    fn sends_unsubscribe(&mut self) -> (u16, String) {
        match self.sends() {
            Some((id, Request::Unsubscribe(filter))) => (id, filter),
            other => panic!("no UNSUBSCRIBE but {other:?}"),
        }
    }

    fn grants(&mut self, id: u16, filters: usize) {
        self.subscriptions
            .answered(id, &vec![Ok(()); filters], self.now);
    }

    fn refuses(&mut self, id: u16) {
        self.subscriptions
            .answered(id, &[Err("NotAuthorized".to_owned())], self.now);
    }

    /// Tells who was confirmed, as the driver does; returns the names, with `!` where a gap is told first.
    fn confirms(&mut self) -> Vec<String> {
        let mut told = Vec::new();
        while let Some(Confirmation { tenant, after_loss }) = self.subscriptions.next_confirmed() {
            tenant.set_upstream(Upstream::Confirmed);
            told.push(format!(
                "{}{}",
                if after_loss { "!" } else { "" },
                tenant.id()
            ));
        }
        told.sort();
        told
    }

    fn subscribe(&mut self, tenant: &str) -> Place {
        let place = self.enter(tenant);
        let (id, filters) = self.sends_subscribe();
        assert_eq!(filters, [filter(tenant)]);
        self.grants(id, 1);
        assert_eq!(self.confirms(), [tenant]);
        place
    }

    fn passes(&mut self, time: Duration) {
        self.now += time;
        self.subscriptions.sweep(self.now);
    }
}

fn filter(tenant: &str) -> String {
    format!("tenant/{tenant}/device/+/telemetry")
}

fn upstream(place: &Place) -> Upstream {
    *place.tenant().upstream().borrow()
}

#[test]
fn a_tenant_is_confirmed_by_its_suback_and_not_before() {
    let mut bed = linked();
    let place = bed.enter("T");
    let (id, filters) = bed.sends_subscribe();
    assert_eq!(filters, [filter("T")]);
    assert!(bed.confirms().is_empty());
    bed.grants(id + 1, 1);
    assert!(bed.confirms().is_empty(), "another request's answer");
    bed.grants(id, 1);
    assert_eq!(bed.confirms(), ["T"]);
    assert_eq!(upstream(&place), Upstream::Confirmed);
    let _second = bed.enter("T");
    bed.passes(Duration::from_secs(1));
    assert_eq!(bed.sends(), None, "subscribed once");
}

#[test]
fn a_tenant_whose_request_was_lost_is_found_by_the_sweep() {
    let mut bed = linked();
    let _place = bed.index.enter(&TenantId::parse("T").unwrap()).unwrap();
    assert_eq!(bed.sends(), None);
    bed.passes(Duration::from_secs(1));
    assert_eq!(bed.sends_subscribe().1, [filter("T")]);
}

#[test]
fn one_request_is_under_way_at_a_time_and_the_next_takes_all_that_wait() {
    let mut bed = linked();
    let _first = bed.enter("FIRST");
    let (id, _) = bed.sends_subscribe();
    let _others: Vec<Place> = (0..250).map(|n| bed.enter(&format!("T{n}"))).collect();
    assert_eq!(bed.sends(), None);
    bed.grants(id, 1);
    for expected in [100, 100, 50] {
        let (id, filters) = bed.sends_subscribe();
        assert_eq!(filters.len(), expected);
        bed.grants(id, expected);
    }
    assert_eq!(bed.sends(), None);
    assert_eq!(bed.confirms().len(), 251);
}

#[test]
fn a_batch_of_long_names_stays_a_small_packet() {
    let mut bed = linked();
    let _places: Vec<Place> = (0..100).map(|n| bed.enter(&format!("{n:0250}"))).collect();
    let mut sent = 0;
    while sent < 100 {
        let (id, filters) = bed.sends_subscribe();
        assert!(filters.iter().map(String::len).sum::<usize>() < 9 * 1024);
        sent += filters.len();
        bed.grants(id, filters.len());
    }
}

#[test]
fn a_lost_link_takes_confirmations_back_and_the_next_suback_tells_the_gap() {
    let mut bed = linked();
    let old = bed.subscribe("OLD");
    let waiting = bed.enter("WAITING");
    bed.sends_subscribe();
    bed.subscriptions.link_lost();
    assert_eq!(
        (upstream(&old), upstream(&waiting)),
        (Upstream::Waiting, Upstream::Waiting)
    );
    assert_eq!(bed.sends(), None);
    let _new = bed.enter("NEW");
    bed.subscriptions.link_up();
    let (id, filters) = bed.sends_subscribe();
    assert_eq!(filters.len(), 3);
    assert!(
        bed.confirms().is_empty(),
        "an answer of the old link is none of the new one"
    );
    bed.grants(id, 3);
    assert_eq!(bed.confirms(), ["!OLD", "NEW", "WAITING"]);
}

#[test]
fn a_gap_is_owed_across_several_losses_and_told_once() {
    let mut bed = linked();
    let _place = bed.subscribe("T");
    for _ in 0..3 {
        bed.subscriptions.link_lost();
        bed.subscriptions.link_up();
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
    let place = bed.subscribe("T");
    assert!(!bed.subscriptions.may_owe_gaps());
    bed.subscriptions.link_lost();
    bed.subscriptions.link_up();
    assert!(
        bed.subscriptions.gap_before("T").is_none(),
        "not asked for yet"
    );
    let (id, _) = bed.sends_subscribe();
    assert!(bed.subscriptions.may_owe_gaps());
    assert!(bed.subscriptions.gap_before("OTHER").is_none());
    let owed = bed.subscriptions.gap_before("T").unwrap();
    assert!(Arc::ptr_eq(&owed, place.tenant()));
    assert!(bed.subscriptions.gap_before("T").is_none());
    bed.grants(id, 1);
    assert_eq!(bed.confirms(), ["T"], "the gap is told already");
}

#[test]
fn whoever_waits_is_told_of_a_lost_link_even_if_the_request_never_came() {
    let mut bed = linked();
    let place = bed.index.enter(&TenantId::parse("T").unwrap()).unwrap();
    let mut upstream = place.tenant().upstream();
    upstream.mark_unchanged();
    bed.subscriptions.link_lost();
    assert!(upstream.has_changed().unwrap());
}

#[test]
fn an_empty_tenant_lingers_and_is_then_forgotten_and_unsubscribed() {
    let mut bed = linked();
    let place = bed.subscribe("T");
    bed.passes(LINGER * 2);
    drop(place);
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
    assert_eq!(bed.sends(), None, "not while the UNSUBSCRIBE is under way");
    assert_eq!(upstream(&again), Upstream::Waiting);
    bed.grants(unsubscribe, 1);
    let (id, filters) = bed.sends_subscribe();
    assert_eq!(filters, [filter("T")]);
    bed.grants(id, 1);
    assert_eq!(bed.confirms(), ["T"]);
}

#[test]
fn a_tenant_that_leaves_while_it_is_asked_for_waits_for_the_answer() {
    let mut bed = linked();
    drop(bed.enter("T"));
    let (id, _) = bed.sends_subscribe();
    bed.passes(Duration::ZERO);
    bed.passes(LINGER);
    assert!(bed.index.find("T").is_some());
    bed.grants(id, 1);
    bed.confirms();
    bed.passes(Duration::from_secs(1));
    assert_eq!(bed.sends_unsubscribe().1, filter("T"));
}

#[test]
fn a_request_older_than_its_tenants_retirement_is_passed_over() {
    let mut bed = linked();
    let place = bed.index.enter(&TenantId::parse("T").unwrap()).unwrap();
    let tenant = Arc::clone(place.tenant());
    drop(place);
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
    bed.subscriptions.link_lost();
    bed.subscriptions.link_up();
    let (id, filters) = bed.sends_subscribe();
    assert_eq!(filters, [filter("LINGERS")]);
    bed.grants(id, 1);
    bed.confirms();
    bed.passes(LINGER);
    assert!(bed.index.find("LINGERS").is_none());
    bed.subscriptions.link_lost();
    bed.subscriptions.link_up();
    assert_eq!(bed.sends(), None);
    assert!(bed.subscriptions.entries.is_empty());
}

#[test]
fn a_successor_is_not_told_of_a_gap_before_its_time() {
    let mut bed = linked();
    let first = bed.subscribe("T");
    let gone = Arc::clone(first.tenant());
    bed.subscriptions.link_lost();
    drop(first);
    assert!(bed.index.retire(&gone));
    let _again = bed.enter("T");
    bed.subscriptions.link_up();
    let (id, _) = bed.sends_subscribe();
    bed.grants(id, 1);
    assert_eq!(bed.confirms(), ["T"]);
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

#[test]
fn a_refusal_is_told_and_tried_again_later_and_the_others_of_its_batch_are_confirmed() {
    let mut bed = linked();
    let places = ["A", "B", "C"].map(|tenant| bed.enter(tenant));
    let (id, filters) = bed.sends_subscribe();
    assert_eq!(filters.len(), 3);
    // One answer is missing: that filter is not granted either.
    bed.subscriptions
        .answered(id, &[Ok(()), Err("QuotaExceeded".to_owned())], bed.now);
    assert_eq!(bed.confirms(), ["A"]);
    assert_eq!(
        places.each_ref().map(upstream),
        [Upstream::Confirmed, Upstream::Refused, Upstream::Refused]
    );
    assert_eq!(bed.sends(), None);
    bed.passes(Duration::from_secs(1));
    let (id, filters) = bed.sends_subscribe();
    assert_eq!(filters.len(), 2);
    bed.grants(id, 2);
    assert_eq!(bed.confirms(), ["B", "C"]);
}

#[test]
fn a_refusal_after_a_reconnect_still_owes_the_gap() {
    let mut bed = linked();
    let place = bed.subscribe("T");
    bed.subscriptions.link_lost();
    bed.subscriptions.link_up();
    let (id, _) = bed.sends_subscribe();
    bed.refuses(id);
    assert_eq!(upstream(&place), Upstream::Refused);
    bed.passes(Duration::from_secs(1));
    let (id, _) = bed.sends_subscribe();
    bed.grants(id, 1);
    assert_eq!(bed.confirms(), ["!T"]);
}

#[test]
fn an_answer_that_never_comes_is_noticed() {
    let mut bed = linked();
    let _place = bed.enter("T");
    bed.sends_subscribe();
    assert!(!bed.subscriptions.is_overdue(bed.now));
    assert!(
        bed.subscriptions
            .is_overdue(bed.now + Config::default().keep_alive * 2)
    );
    bed.subscriptions.link_lost();
    assert!(!bed.subscriptions.is_overdue(bed.now + LINGER * 9));
}

#[test]
fn all_is_one_subscription_that_confirms_everybody() {
    let mut bed = bed(Subscribe::All);
    let early = bed.enter("EARLY");
    bed.subscriptions.link_up();
    let (id, filters) = bed.sends_subscribe();
    assert_eq!(filters, [topic::ALL]);
    let asked = bed.enter("ASKED");
    bed.grants(id, 1);
    assert_eq!(bed.confirms(), ["ASKED", "EARLY"]);
    let late = bed.enter("LATE");
    assert_eq!(bed.confirms(), ["LATE"], "at once");
    assert_eq!(bed.sends(), None);
    bed.subscriptions.link_lost();
    assert!(
        [&early, &asked, &late]
            .into_iter()
            .all(|place| upstream(place) == Upstream::Waiting)
    );
    let _new = bed.enter("NEW");
    bed.subscriptions.link_up();
    let (id, _) = bed.sends_subscribe();
    assert!(bed.subscriptions.gap_before("NEW").is_none());
    assert!(bed.subscriptions.gap_before("EARLY").is_some());
    bed.grants(id, 1);
    assert_eq!(bed.confirms(), ["!ASKED", "!LATE", "EARLY", "NEW"]);
}

#[test]
fn all_forgets_empty_tenants_and_stays_subscribed() {
    let mut bed = bed(Subscribe::All);
    bed.subscriptions.link_up();
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
    bed.subscriptions.link_up();
    let early = bed.enter("EARLY");
    let (id, _) = bed.sends_subscribe();
    bed.refuses(id);
    let late = bed.enter("LATE");
    assert_eq!(
        (upstream(&early), upstream(&late)),
        (Upstream::Refused, Upstream::Refused)
    );
    bed.passes(Duration::from_secs(1));
    let (id, _) = bed.sends_subscribe();
    bed.grants(id, 1);
    assert_eq!(bed.confirms(), ["EARLY", "LATE"]);
}
