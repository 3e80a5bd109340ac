//! Tests of `shard::timers::drain`.

use super::*;

#[test]
fn streams_end_evenly_and_all_of_them_when_the_time_is_over() {
    let started = Instant::now();
    let order = Drain { within: Duration::from_secs(60), pause: Duration::from_secs(5) };
    let mut draining = Draining::new(order, started, 600);
    let at = |seconds| started + Duration::from_secs(seconds);
    assert_eq!(draining.due(at(0)), 0);
    assert_eq!(draining.due(at(6)), 60);
    draining.count(60);
    assert_eq!(draining.due(at(6)), 0);
    assert_eq!(draining.due(at(30)), 240);
    assert_eq!(draining.due(at(60)), usize::MAX, "those too who came meanwhile");
    assert!((0..100).all(|_| draining.pause_ms() <= 5000));
    draining.order.within = Duration::ZERO;
    assert_eq!(draining.due(at(0)), usize::MAX);
}
