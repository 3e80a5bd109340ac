//! The tally against a model that remembers everything.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;

fn wants(devices: u32, one_of: Option<u32>) -> Wants {
    Wants { devices, one_of, metric_filters: 0 }
}

fn stamp(device: u32, n: u32) -> Stamp {
    Stamp { device, n, at_us: 1_000 }
}

/// Received, doubled, disordered.
fn counts(tally: &Tally) -> (u64, u64, u64) {
    let counts = &tally.counts;
    (counts.received, counts.doubled, counts.disordered)
}

#[test]
fn each_fault_is_told_from_the_others() {
    for (numbers, due) in [
        (&[1, 2, 3, 4][..], (4, 0, 0)),
        (&[1, 2, 4], (3, 0, 0)),
        (&[1, 2, 2, 3], (3, 1, 0)),
        (&[1, 3, 2, 4], (4, 0, 1)),
        (&[1, 3, 2, 2, 3], (3, 2, 1)),
        (&[40, 9, 8], (2, 1, 1)),
    ] {
        let mut tally = Tally::new(wants(1, None), 1);
        tally.begin(0, 0..1);
        numbers.iter().for_each(|&n| tally.event(0, stamp(0, n), 2_000));
        assert_eq!(counts(&tally), due, "{numbers:?}");
    }
}

#[test]
fn an_event_is_complete_when_the_last_one_has_it() {
    let mut tally = Tally::new(wants(2, None), 3);
    tally.begin(0, 0..3);
    for subscriber in 0..3 {
        assert_eq!(tally.counts.completed, 0);
        // The first event is on its way while the second arrives.
        tally.event(subscriber, stamp(1, 1), 2_000 + subscriber as u64);
    }
    assert_eq!((tally.counts.completed, tally.counts.completion.max()), (1, 1_002));
    assert_eq!((tally.expected(2), tally.expected(3)), (6, 9));
}

#[test]
fn only_what_is_wanted_is_expected() {
    let mut tally = Tally::new(wants(10, Some(2)), 5);
    tally.begin(0, 0..5);
    assert_eq!(tally.wanters(), [3, 2, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!([1, 2, 10, 11, 20].map(|published| tally.expected(published)), [3, 5, 5, 8, 10]);
    tally.event(3, stamp(1, 1), 2_000);
    tally.event(3, stamp(0, 1), 2_000);
    tally.event(3, stamp(1, 0), 2_000);
    tally.event(3, stamp(1, u32::MAX), 2_000);
    assert_eq!((tally.counts.received, tally.counts.unwanted), (1, 3));
}

#[test]
fn a_phase_counts_its_own_events_and_late_ones_of_the_last_only_for_order() {
    let mut tally = Tally::new(wants(1, None), 2);
    tally.begin(0, 0..2);
    tally.event(0, stamp(0, 1), 2_000);
    // The second subscriber left, and the first has still to hear of event 2.
    let before = tally.begin(2, 0..1);
    assert_eq!(before.received, 1);
    assert_eq!((tally.expected(2), tally.expected(4)), (0, 2));
    tally.event(0, stamp(0, 2), 2_000);
    tally.event(0, stamp(0, 2), 2_000);
    tally.event(0, stamp(0, 3), 2_000);
    assert_eq!((counts(&tally), tally.counts.completed), ((1, 1, 0), 1));
}

proptest! {
    #[test]
    fn within_the_window_nothing_is_mistaken(
        arrivals in prop::collection::vec((0..2usize, 0..3u32, 1..32u32), 0..200),
    ) {
        let mut tally = Tally::new(wants(3, None), 2);
        tally.begin(0, 0..2);
        let mut seen = BTreeSet::new();
        let mut due = (0, 0, 0);
        for (subscriber, device, n) in arrivals {
            let newest = seen.range((subscriber, device, 0)..(subscriber, device, u32::MAX)).next_back();
            let newest = newest.map_or(0, |&(_, _, newest)| newest);
            match seen.insert((subscriber, device, n)) {
                true => due = (due.0 + 1, due.1, due.2 + u64::from(n < newest)),
                false => due.1 += 1,
            }
            tally.event(subscriber, stamp(device, n), 2_000);
        }
        prop_assert_eq!(counts(&tally), due);
        let complete = (0..3).flat_map(|device| (1..32).map(move |n| (device, n)));
        let complete = complete.filter(|&(device, n)| (0..2).all(|each| seen.contains(&(each, device, n))));
        prop_assert_eq!(tally.counts.completed, complete.count() as u64);
    }
}
