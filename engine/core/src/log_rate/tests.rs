//! Tests of `log_rate`.

use super::*;

#[test]
fn each_thing_has_a_count_and_a_rate_of_its_own() {
    let (each, start) = (CountedEach::<3>::default(), Instant::now());
    assert_eq!(each.count(0, start), Some(0));
    assert_eq!(each.count(0, start + LOG_PAUSE / 2), None);
    assert_eq!(each.count(1, start + LOG_PAUSE / 2), Some(0));
    assert_eq!(each.count(0, start + LOG_PAUSE), Some(1));
    assert_eq!(each.get(), [3, 1, 0]);
}

#[test]
fn it_is_counted_always_and_logged_once_in_a_while_with_the_number_passed_over() {
    let (counted, start) = (Counted::default(), Duration::ZERO);
    assert_eq!(counted.count(start), Some(0));
    assert_eq!(counted.count(start + LOG_PAUSE / 2), None);
    assert_eq!(counted.count(start + LOG_PAUSE * 9 / 10), None);
    assert_eq!(counted.count(start + LOG_PAUSE), Some(2));
    assert_eq!(counted.count(start + LOG_PAUSE * 2), Some(0));
    assert_eq!(counted.get(), 5);
}

#[test]
fn a_clock_that_begins_anew_silences_nothing() {
    let (counted, hours) = (Counted::default(), Duration::from_secs(5 * 3600));
    assert_eq!(counted.count(hours), Some(0));
    assert_eq!(counted.count(hours + LOG_PAUSE / 2), None);
    assert_eq!(counted.count(LOG_PAUSE / 2), Some(1));
    assert_eq!(counted.count(LOG_PAUSE), None);
}
