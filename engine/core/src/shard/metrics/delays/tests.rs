//! Tests of `shard::metrics::delays`.

use super::*;

fn counted(delays: &Delays) -> Vec<u64> {
    delays.counts.iter().map(Count::get).collect()
}

#[test]
fn a_time_at_a_bound_is_within_it_and_the_longest_stand_behind_all() {
    let delays = Delays::default();
    let us = Duration::from_micros;
    delays.add(us(0), 1);
    delays.add(us(100), 2);
    delays.add(us(100) + Duration::from_nanos(1), 4);
    delays.add(us(10_000_000), 8);
    delays.add(us(10_000_001), 16);
    let counts = counted(&delays);
    assert_eq!((counts[0], counts[1]), (3, 4));
    assert_eq!((counts[15], counts[16]), (8, 16));
    // Each is rounded up.
    let sum = 2 * 100 + 4 * 101 + 8 * 10_000_000 + 16 * 10_000_001;
    assert_eq!(delays.microseconds.get(), sum);
}

#[test]
fn every_event_of_a_batch_counts_for_each_who_took_it_whole() {
    let (mut batch, mut untimed, delays) = (Received::default(), Untimed::default(), Delays::default());
    let now = Instant::now();
    let before = now - Duration::from_secs(60);
    batch.add(before, 1);
    batch.add(before, 1);
    batch.add(now, 1);
    assert_eq!(batch.0.len(), 2, "they came together");
    untimed.add_batch(&batch, 10, 0);
    untimed.add_batch(&batch, 10, 7);
    untimed.add_one(before);
    assert!(!untimed.is_due());
    untimed.count(&delays, Instant::now);
    let counts = counted(&delays);
    assert_eq!(counts[DELAY_BOUNDS.len()], 15);
    assert_eq!(counts.iter().sum::<u64>(), 22);
    untimed.count(&delays, Instant::now);
    assert_eq!(counted(&delays), counts, "nothing is counted twice");
}

#[test]
fn the_clock_is_looked_at_when_much_was_written_or_much_waits() {
    let mut untimed = Untimed::default();
    untimed.add_batch(&Received::default(), STRIDE as u64 - 1, 0);
    assert!(!untimed.is_due());
    untimed.add_write();
    assert!(untimed.is_due());
    let mut untimed = Untimed::default();
    let start = Instant::now();
    let times = (0..STRIDE as u64).map(|n| start + Duration::from_nanos(n));
    times.for_each(|at| untimed.add_one(at));
    assert!(untimed.is_due());
}
