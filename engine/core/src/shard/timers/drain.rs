//! How fast a shard ends all its streams.
//!
//! Streams end one after the other, spread evenly over a time, the oldest first; each is sent a pause of its own before it
//! comes back. Invariant: a stream whose turn has not come is live as ever, and stays so if the drain is called off.

use std::time::{Duration, Instant};

/// How all streams end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drain {
    /// How long it takes until the last one ends. Zero: all end at once.
    pub within: Duration,
    /// Each is asked to come back after a random part of this.
    pub pause: Duration,
}

/// A drain that goes on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Draining {
    order: Drain,
    started: Instant,
    /// Live streams at its start.
    streams: usize,
    ended: usize,
}

impl Draining {
    /// A drain of so many streams.
    pub(crate) fn new(order: Drain, started: Instant, streams: usize) -> Self {
        Self { order, started, streams, ended: 0 }
    }

    /// How many more are to end by `now`; all, once the time is over.
    pub(crate) fn due(&self, now: Instant) -> usize {
        let elapsed = now.saturating_duration_since(self.started);
        if elapsed >= self.order.within {
            return usize::MAX;
        }
        let part = elapsed.as_secs_f64() / self.order.within.as_secs_f64();
        ((self.streams as f64 * part) as usize).saturating_sub(self.ended)
    }

    /// So many more have ended.
    pub(crate) fn count(&mut self, ended: usize) {
        self.ended += ended;
    }

    /// After how many milliseconds one stream is asked to come back.
    pub(crate) fn pause_ms(&self) -> u64 {
        fastrand::u64(0..=u64::try_from(self.order.pause.as_millis()).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests;
