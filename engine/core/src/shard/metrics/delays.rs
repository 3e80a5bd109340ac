//! How long events take from the broker's socket to a subscriber's.
//!
//! Invariants: what is counted as delivered is counted here once, at the latest by the end of the shard's turn; a time is
//! never counted as shorter than it was. The clock is not read per delivery but once for up to [`STRIDE`] writes, behind
//! them, so the first of these is counted as longer by what the others took. A delivery through a ring counts when its
//! last byte is written.

use std::time::{Duration, Instant};

use crate::index::Count;

/// Upper bounds of the times, in microseconds. Longer ones are counted behind them.
pub const DELAY_BOUNDS: [u64; 16] = [
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
    5_000_000, 10_000_000,
];

/// Writes between two looks at the clock: at some 8 µs each, half a millisecond.
pub(crate) const STRIDE: usize = 64;

/// The times of one shard's deliveries.
#[derive(Debug, Default)]
pub struct Delays {
    /// Deliveries that took up to the bound of the same index in [`DELAY_BOUNDS`] and more than the one before; last,
    /// those that took longer than all.
    pub counts: [Count; DELAY_BOUNDS.len() + 1],
    /// All times together, in microseconds, each rounded up: in nanoseconds the sum would be full after some days.
    pub microseconds: Count,
}

impl Delays {
    fn add(&self, delay: Duration, deliveries: u64) {
        let microseconds = u64::try_from(delay.as_nanos().div_ceil(1000)).unwrap_or(u64::MAX);
        let at = DELAY_BOUNDS.partition_point(|&bound| bound < microseconds);
        self.counts[at].add(deliveries);
        self.microseconds.add(microseconds.saturating_mul(deliveries));
    }
}

/// Events by the time at which they were received. Those that came together, one after the other, share an entry.
#[derive(Debug, Default)]
pub(crate) struct Received(Vec<(Instant, u64)>);

impl Received {
    pub(crate) fn add(&mut self, at: Instant, events: u64) {
        match self.0.last_mut() {
            Some((last, sum)) if *last == at => *sum += events,
            _ => self.0.push((at, events)),
        }
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

/// Deliveries that were written and whose time was not taken yet.
#[derive(Debug, Default)]
pub(crate) struct Untimed {
    received: Received,
    writes: usize,
}

impl Untimed {
    /// `writes` of a batch with these events, of which `whole` were taken whole.
    pub(crate) fn add_batch(&mut self, batch: &Received, writes: u64, whole: u64) {
        self.writes += writes as usize;
        if whole > 0 {
            for &(at, events) in &batch.0 {
                self.received.add(at, events * whole);
            }
        }
    }

    /// One event to one subscriber, by a write of its own.
    pub(crate) fn add_one(&mut self, received: Instant) {
        self.received.add(received, 1);
    }

    /// A write of a ring, with whatever was in it.
    pub(crate) fn add_write(&mut self) {
        self.writes += 1;
    }

    /// Whether the clock is to be looked at before more is written.
    pub(crate) fn is_due(&self) -> bool {
        self.writes >= STRIDE || self.received.0.len() >= STRIDE
    }

    /// Counts, at the time `now`, how long all took that was written until now. Without a delivery the clock is not read.
    pub(crate) fn count(&mut self, delays: &Delays, now: impl FnOnce() -> Instant) {
        self.writes = 0;
        if self.received.0.is_empty() {
            return;
        }
        let now = now();
        for &(at, deliveries) in &self.received.0 {
            delays.add(now.saturating_duration_since(at), deliveries);
        }
        self.received.clear();
    }
}

#[cfg(test)]
mod tests;
