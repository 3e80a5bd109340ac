//! Whether a loop still turns.
//!
//! A loop reports each of its turns, at least one a second while it waits for anything by the clock; a loop that sleeps
//! until it is woken reports that it rests. Each report is one relaxed store: it guards nothing, and a reader may be a
//! moment late.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A loop that has been silent for longer is stuck.
pub const STUCK_AFTER: Duration = Duration::from_secs(5);

/// Stands for a loop that rests.
const RESTS: u64 = u64::MAX;

/// One loop's signs of life. Written by the loop, read by anybody.
#[derive(Debug)]
pub struct Pulse {
    origin: Instant,
    /// The last turn, in milliseconds since `origin`.
    beat: AtomicU64,
}

impl Pulse {
    /// The loop turns.
    pub fn beat(&self, now: Instant) {
        let since = now.saturating_duration_since(self.origin);
        let millis = since.as_secs() * 1000 + u64::from(since.subsec_millis());
        self.beat.store(millis, Ordering::Relaxed);
    }

    /// The loop sleeps, for as long as it likes, until it is woken.
    pub fn rest(&self) {
        self.beat.store(RESTS, Ordering::Relaxed);
    }

    /// How long ago the loop last turned; none if it rests.
    pub fn silence(&self, now: Instant) -> Option<Duration> {
        let beat = self.beat.load(Ordering::Relaxed);
        let since = now.saturating_duration_since(self.origin);
        (beat != RESTS).then(|| since.saturating_sub(Duration::from_millis(beat)))
    }
}

impl Default for Pulse {
    fn default() -> Self {
        Self { origin: Instant::now(), beat: AtomicU64::new(0) }
    }
}

#[cfg(all(test, not(floodway_loom)))]
mod tests;
