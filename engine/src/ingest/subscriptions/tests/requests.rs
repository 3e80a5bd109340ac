//! What is sent to the broker, and what its answer means for those who wait.

use super::*;

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
