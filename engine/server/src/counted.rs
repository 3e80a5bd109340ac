//! What others may do again and again, on any thread: counted always, and logged at a bounded rate.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Between two lines of the log about the same thing.
pub(crate) const LOG_PAUSE: Duration = Duration::from_secs(10);

/// One such thing. Relaxed: a count stands by itself and guards nothing.
#[derive(Debug, Default)]
pub(crate) struct Counted {
    count: AtomicU64,
    /// When it was logged last, in milliseconds of the caller's clock, and one more; 0: never.
    logged: AtomicU64,
    /// The count of then.
    told: AtomicU64,
}

impl Counted {
    /// Counts it, at a time of the caller's clock. If it is time for a line of the log, returns the number of those that
    /// were passed over since the last line.
    pub(crate) fn count(&self, now: Duration) -> Option<u64> {
        let count = self.count.fetch_add(1, Ordering::Relaxed) + 1;
        let now = 1 + now.as_millis() as u64;
        let last = self.logged.load(Ordering::Relaxed);
        let is_soon = last != 0 && now < last + LOG_PAUSE.as_millis() as u64;
        let turn = || {
            let (relaxed, logged) = (Ordering::Relaxed, &self.logged);
            logged.compare_exchange(last, now, relaxed, relaxed)
        };
        if is_soon || turn().is_err() {
            return None;
        }
        let told = self.told.swap(count, Ordering::Relaxed);
        Some(count.saturating_sub(told + 1))
    }

    /// The count now.
    pub(crate) fn get(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }
}
