//! Tests of `mqtt::link::pace`.

use super::*;

#[test]
fn the_first_waits_for_nothing_and_the_next_for_what_is_left_of_the_pause() {
    let us = Duration::from_micros;
    let mut pace = Pace::new(us(250));
    let start = Instant::now();
    assert_eq!(pace.left(start), us(0));
    pace.last = Some(start);
    assert_eq!(pace.left(start + us(50)), us(200));
    assert_eq!(pace.left(start + us(250)), us(0));
    assert_eq!(pace.left(start + us(9000)), us(0));
}

#[test]
fn no_pause_is_no_pause() {
    let mut pace = Pace::new(Duration::ZERO);
    pace.rest();
    assert_eq!(pace.left(Instant::now()), Duration::ZERO);
}
