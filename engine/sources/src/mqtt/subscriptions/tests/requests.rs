//! What is sent to the broker, and what its answer means for those who wait.

use super::*;

#[test]
fn a_tenant_is_confirmed_by_its_suback_and_not_before() {
    let mut bed = linked();
    let permit = bed.enter("T");
    let (id, filters) = bed.sends_subscribe();
    assert_eq!(filters, [filter("T")]);
    assert!(bed.confirms().is_empty());
    bed.grants(id + 1, 1);
    assert!(bed.confirms().is_empty(), "another request's answer");
    bed.grants(id, 1);
    assert_eq!(bed.confirms(), ["T"]);
    assert_eq!(upstream(&permit), Upstream::Confirmed);
    let _second = bed.enter("T");
    bed.passes(Duration::from_secs(1));
    assert_eq!(bed.sends(), None, "subscribed once");
}

#[test]
fn a_tenant_whose_request_was_lost_is_found_by_the_sweep() {
    let mut bed = linked();
    let _permit = bed.index.enter(&TenantId::parse("T").unwrap()).unwrap();
    assert_eq!(bed.sends(), None);
    bed.passes(Duration::from_secs(1));
    assert_eq!(bed.sends_subscribe().1, [filter("T")]);
}

#[test]
fn what_waits_together_is_asked_for_together_in_packets_of_a_hundred() {
    let mut bed = linked();
    let _permits: Vec<ConnectionPermit> = (0..250).map(|n| bed.enter(&format!("T{n}"))).collect();
    let sent = [100, 100, 50].map(|expected| {
        let (id, filters) = bed.sends_subscribe();
        assert_eq!(filters.len(), expected);
        id
    });
    assert_eq!(bed.sends(), None);
    for id in sent {
        bed.grants(id, 100);
    }
    assert_eq!(bed.confirms().len(), 250);
}

#[test]
fn so_many_requests_wait_for_their_answer_and_no_more() {
    let mut bed = linked();
    let mut permits = Vec::new();
    let mut last = 0;
    for n in 0..64 {
        permits.push(bed.enter(&format!("T{n}")));
        last = bed.sends_subscribe().0;
    }
    permits.push(bed.enter("ONE-MORE"));
    assert_eq!(bed.sends(), None);
    bed.grants(last, 1);
    assert_eq!(bed.sends_subscribe().1, [filter("ONE-MORE")]);
}

#[test]
fn a_batch_of_long_names_stays_a_small_packet() {
    let mut bed = linked();
    let _permits: Vec<ConnectionPermit> = (0..100).map(|n| bed.enter(&format!("{n:0250}"))).collect();
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
    let permits = ["A", "B", "C"].map(|tenant| bed.enter(tenant));
    let (id, filters) = bed.sends_subscribe();
    assert_eq!(filters.len(), 3);
    // One answer is missing: that filter is not granted either.
    bed.subscriptions.answered(id, &[Ok(()), Err("QuotaExceeded".to_owned())], bed.now);
    assert_eq!(bed.confirms(), ["A"]);
    assert_eq!(permits.each_ref().map(upstream), [Upstream::Confirmed, Upstream::Refused, Upstream::Refused]);
    assert_eq!(bed.sends(), None);
    bed.passes(Duration::from_secs(2));
    let (id, filters) = bed.sends_subscribe();
    assert_eq!(filters.len(), 2);
    bed.grants(id, 2);
    assert_eq!(bed.confirms(), ["B", "C"]);
}

#[test]
fn an_answer_that_never_comes_holds_up_nobody_else_and_counts_late() {
    let mut bed = linked();
    let silent = bed.enter("SILENT");
    let (first, _) = bed.sends_subscribe();
    let _other = bed.subscribe("OTHER");
    bed.passes(Duration::from_secs(4));
    assert_eq!(bed.sends(), None);
    bed.passes(Duration::from_secs(1));
    assert_eq!(bed.sends(), None, "in 2 s");
    bed.passes(Duration::from_secs(2));
    assert_eq!(bed.sends_subscribe().1, [filter("SILENT")]);
    assert_eq!(upstream(&silent), Upstream::Waiting);
    bed.grants(first, 1);
    assert_eq!(bed.confirms(), ["SILENT"], "by the answer to the first");
    bed.grants(bed.next_id, 1);
    assert!(bed.confirms().is_empty());
}

#[test]
fn pauses_between_tries_double_up_to_thirty_seconds() {
    let mut bed = linked();
    let _permit = bed.enter("T");
    for pause in [2, 4, 8, 16, 30, 30] {
        let (id, _) = bed.sends_subscribe();
        bed.refuses(id);
        bed.passes(Duration::from_secs(pause - 1));
        assert_eq!(bed.sends(), None, "{pause} s");
        bed.passes(Duration::from_secs(1));
    }
    let (id, _) = bed.sends_subscribe();
    bed.grants(id, 1);
    assert_eq!(bed.confirms(), ["T"]);
}

#[test]
fn requests_that_are_never_answered_do_not_pile_up() {
    let mut bed = linked();
    let _permit = bed.enter("T");
    for _ in 0..1000 {
        bed.sends();
        bed.passes(Duration::from_secs(30));
    }
    assert!(bed.subscriptions.in_flight.count() <= 257);
}

#[test]
fn a_request_that_is_too_large_for_the_broker_is_made_in_two() {
    let mut bed = linked();
    let permits = ["A", "B", "C"].map(|tenant| bed.enter(tenant));
    assert!(bed.subscriptions.next_request(bed.now).is_some());
    bed.subscriptions.unsent("too large", bed.now);
    for expected in [2, 1] {
        let (id, filters) = bed.sends_subscribe();
        assert_eq!(filters.len(), expected);
        bed.grants(id, expected);
    }
    assert_eq!(bed.confirms(), ["A", "B", "C"]);
    drop(permits);
}

#[test]
fn of_a_batch_that_is_not_answered_each_is_asked_for_by_itself_at_once() {
    let mut bed = linked();
    let _permits = ["A", "B", "SILENT"].map(|tenant| bed.enter(tenant));
    assert_eq!(bed.sends_subscribe().1.len(), 3);
    bed.passes(Duration::from_secs(5));
    while let Some((id, Request::Subscribe(filters))) = bed.sends() {
        assert_eq!(filters.len(), 1);
        if filters != [filter("SILENT")] {
            bed.grants(id, 1);
        }
    }
    assert_eq!(bed.confirms(), ["A", "B"]);
    // On the next link it is not among the others either.
    bed.passes(Duration::from_secs(5));
    bed.loses_without_blame();
    let (id, filters) = bed.sends_subscribe();
    assert_eq!(filters.len(), 2);
    bed.grants(id, 2);
    assert_eq!(bed.confirms(), ["!A", "!B"]);
    assert_eq!(bed.sends_subscribe().1, [filter("SILENT")]);
}

#[test]
fn who_is_never_answered_leaves_room_for_the_others() {
    let mut bed = linked();
    let _silent: Vec<ConnectionPermit> = (0..200).map(|n| bed.enter(&format!("SILENT{n}"))).collect();
    for _ in 0..50 {
        while bed.sends().is_some() {}
        bed.passes(Duration::from_secs(1));
    }
    while bed.sends().is_some() {}
    let _new = bed.enter("NEW");
    assert_eq!(bed.sends_subscribe().1, [filter("NEW")]);
}

#[test]
fn names_that_this_broker_may_take_for_wildcards_are_not_asked_for_and_leave_as_others_do() {
    let mut bed = linked();
    bed.subscriptions.takes_wild_names = false;
    let permits = [bed.enter("*"), bed.enter("a b"), bed.enter("T")];
    assert_eq!(bed.sends_subscribe().1, [filter("T")]);
    bed.passes(Duration::from_secs(1));
    assert_eq!(bed.sends(), None);
    drop(permits);
    bed.passes(Duration::from_secs(1));
    bed.passes(LINGER);
    assert!(bed.index.find("*").is_none() && bed.index.find("a b").is_none());
    let mut next = bed;
    next.loses_without_blame();
    next.subscriptions.takes_wild_names = true;
    let _permit = next.enter("*");
    assert_eq!(next.sends_subscribe().1, [filter("*")], "another broker");
}
