//! Counts refused tokens by the check that failed, and logs them at a bounded rate.

use std::time::{Duration, Instant};

use crate::auth::{self, CHECK_LABELS};
use floodway_core::log_rate::Counted;

/// The counts of all checks.
#[derive(Debug)]
pub(super) struct Checks {
    began: Instant,
    checks: [Counted; CHECK_LABELS.len()],
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
    /// Counts a refusal. If a line of the log about its check is due, returns the number of refusals since the last line that
    /// were not logged.
    pub(super) fn count(&self, refusal: auth::Refusal, now: Instant) -> Option<u64> {
        self.checks[refusal.check()?].count(self.at(now))
    }

    /// A time as [`Counted`] wants it.
    pub(super) fn at(&self, now: Instant) -> Duration {
        now.duration_since(self.began)
    }

    /// The counts now, in the order of [`CHECK_LABELS`].
    pub(super) fn counts(&self) -> [u64; CHECK_LABELS.len()] {
        std::array::from_fn(|at| self.checks[at].get())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Refusal;
    use floodway_core::log_rate::LOG_PAUSE;

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
