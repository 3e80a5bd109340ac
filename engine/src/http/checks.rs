//! Tokens that were refused, by the check that failed: counted, and told in the log at a bounded rate.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::auth::{self, CHECK_LABELS};

/// Between two lines of the log about the same check.
const LOG_PAUSE: Duration = Duration::from_secs(10);

/// The counts of all checks. Relaxed: each stands by itself and guards nothing.
#[derive(Debug)]
pub(super) struct Checks {
    began: Instant,
    checks: [Check; CHECK_LABELS.len()],
}

#[derive(Debug, Default)]
struct Check {
    count: AtomicU64,
    /// When it was logged last, in milliseconds from the beginning, and one more; 0: never.
    logged: AtomicU64,
    /// The count of then.
    told: AtomicU64,
}

impl Default for Checks {
    fn default() -> Self {
        Self {
            began: Instant::now(),
            checks: Default::default(),
        }
    }
}

impl Checks {
    /// Counts a refusal. If it is time for a line of the log about its check, returns the number of those that were passed
    /// over since the last line.
    pub(super) fn count(&self, refusal: auth::Refusal, now: Instant) -> Option<u64> {
        let check = &self.checks[refusal.check()?];
        let count = check.count.fetch_add(1, Ordering::Relaxed) + 1;
        let now = 1 + now.duration_since(self.began).as_millis() as u64;
        let last = check.logged.load(Ordering::Relaxed);
        let is_soon = last != 0 && now < last + LOG_PAUSE.as_millis() as u64;
        let turn = || {
            let (relaxed, logged) = (Ordering::Relaxed, &check.logged);
            logged.compare_exchange(last, now, relaxed, relaxed)
        };
        if is_soon || turn().is_err() {
            return None;
        }
        let told = check.told.swap(count, Ordering::Relaxed);
        Some(count.saturating_sub(told + 1))
    }

    /// The counts now, in the order of [`CHECK_LABELS`].
    pub(super) fn counts(&self) -> [u64; CHECK_LABELS.len()] {
        std::array::from_fn(|at| self.checks[at].count.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Refusal;

    #[test]
    fn each_check_is_counted_always_and_logged_now_and_then() {
        let checks = Checks::default();
        let start = Instant::now();
        assert_eq!(checks.count(Refusal::Missing, start), None);
        assert_eq!(checks.count(Refusal::Role, start), Some(0));
        assert_eq!(checks.count(Refusal::Role, start + LOG_PAUSE / 2), None);
        assert_eq!(checks.count(Refusal::Role, start + LOG_PAUSE / 2), None);
        assert_eq!(checks.count(Refusal::OtherTenant, start), Some(0));
        assert_eq!(checks.count(Refusal::Role, start + LOG_PAUSE), Some(2));
        assert_eq!(checks.counts()[11..], [1, 4]);
        assert_eq!(checks.counts().iter().sum::<u64>(), 5);
    }
}
