//! What others may do again and again, on any thread: each time is counted, and the log names it at a bounded rate.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The pause between two log lines about the same thing.
pub const LOG_PAUSE: Duration = Duration::from_secs(10);

/// The count of one such thing. Relaxed: a count stands by itself and guards nothing.
#[derive(Debug, Default)]
pub struct Counted {
    count: AtomicU64,
    /// When it was logged last, in milliseconds of the caller's clock plus one; 0: never.
    logged_at: AtomicU64,
    /// The count at the last log line.
    logged: AtomicU64,
}

impl Counted {
    /// Counts it, at a time of the caller's clock. If a log line is due, returns how many were passed over since the last
    /// one.
    pub fn count(&self, now: Duration) -> Option<u64> {
        let count = self.count.fetch_add(1, Ordering::Relaxed) + 1;
        let now = 1 + now.as_millis() as u64;
        let last = self.logged_at.load(Ordering::Relaxed);
        // By the distance: the clock of a part that runs again after a panic begins anew, before the last log line.
        let is_soon = last != 0 && now.abs_diff(last) < LOG_PAUSE.as_millis() as u64;
        // Of several threads that find a line due, one writes it.
        let wins = || {
            let (relaxed, logged_at) = (Ordering::Relaxed, &self.logged_at);
            logged_at.compare_exchange(last, now, relaxed, relaxed).is_ok()
        };
        if is_soon || !wins() {
            return None;
        }
        let logged = self.logged.swap(count, Ordering::Relaxed);
        Some(count.saturating_sub(logged + 1))
    }

    /// The count now.
    pub fn get(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }
}

/// The counts of several such things, by number.
#[derive(Debug)]
pub struct CountedEach<const N: usize> {
    began: Instant,
    counts: [Counted; N],
}

impl<const N: usize> Default for CountedEach<N> {
    fn default() -> Self {
        Self { began: Instant::now(), counts: std::array::from_fn(|_| Counted::default()) }
    }
}

impl<const N: usize> CountedEach<N> {
    /// As [`Counted::count`], for the thing of this number.
    pub fn count(&self, number: usize, now: Instant) -> Option<u64> {
        self.counts[number].count(now.saturating_duration_since(self.began))
    }

    /// The counts now, in the order of the numbers.
    pub fn get(&self) -> [u64; N] {
        self.counts.each_ref().map(Counted::get)
    }
}

#[cfg(test)]
mod tests;
