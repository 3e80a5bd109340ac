//! Tests of `instruments::loadgen::publisher::pace`.

use super::*;

fn pace(phase: &str) -> Pace {
    Pace::new(phase.parse().unwrap(), 1_000)
}

#[test]
fn paced_events_are_due_by_the_clock_and_what_is_late_comes_at_once() {
    let mut pace = pace("paced:100:1");
    assert_eq!(pace.due(1_000, 0, 0), Due::Now(1));
    assert_eq!(pace.due(1_500, 1, 1), Due::At(11_000));
    assert_eq!(pace.due(11_000, 1, 1), Due::Now(1));
    assert_eq!(pace.due(51_000, 2, 9), Due::Now(4));
    assert_eq!(pace.due(5_000_000, 90, 0), Due::Now(10));
    assert_eq!(pace.due(5_000_000, 100, 0), Due::Over);
    assert_eq!(pace.due(6_100_000, 90, 0), Due::Over);
}

#[test]
fn a_window_is_filled_and_no_more() {
    let mut pace = pace("window:64:2");
    assert_eq!(pace.due(1_000, 0, 0), Due::Now(64));
    assert_eq!(pace.due(1_100, 64, 64), Due::Blocked(Some(2_001_000)));
    assert_eq!(pace.due(1_200, 64, 60), Due::Now(4));
    assert_eq!(pace.due(2_001_000, 64, 0), Due::Over);
}

#[test]
fn single_events_rest_between() {
    let mut pace = pace("single:2");
    assert_eq!(pace.due(1_000, 0, 0), Due::Now(1));
    assert_eq!(pace.due(1_100, 1, 1), Due::Blocked(None));
    assert_eq!(pace.due(1_200, 1, 0), Due::At(3_100));
    assert_eq!(pace.due(3_100, 1, 0), Due::Now(1));
    assert_eq!(pace.due(3_200, 2, 1), Due::Blocked(None));
    assert_eq!(pace.due(3_300, 2, 0), Due::Over);
}
