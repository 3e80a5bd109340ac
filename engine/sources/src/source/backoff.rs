//! How long to wait before trying again.

use std::time::Duration;

/// Pauses that double from `first` up to `max`, each with full jitter: any length from nothing to its bound, so that
/// many gateways do not come back to a source in one moment.
#[derive(Clone, Debug)]
pub(crate) struct Backoff {
    first: Duration,
    max: Duration,
    bound: Duration,
}

impl Backoff {
    pub(crate) fn new(first: Duration, max: Duration) -> Self {
        let first = first.min(max);
        Self {
            first,
            max,
            bound: first,
        }
    }

    /// The next pause.
    pub(crate) fn pause(&mut self) -> Duration {
        let bound = self.bound;
        self.bound = (bound * 2).min(self.max);
        bound.mul_f64(fastrand::f64())
    }

    /// Begins with the shortest pause again.
    pub(crate) fn reset(&mut self) {
        self.bound = self.first;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_stay_within_a_bound_that_doubles_to_the_longest() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_millis(350));
        for _ in 0..50 {
            backoff.reset();
            for bound in [100, 200, 350, 350] {
                assert_eq!(backoff.bound, Duration::from_millis(bound));
                assert!(backoff.pause() <= Duration::from_millis(bound));
            }
        }
    }

    #[test]
    fn pauses_differ() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(1));
        let pauses: std::collections::BTreeSet<_> = (0..20).map(|_| backoff.pause()).collect();
        assert!(pauses.len() > 10);
    }
}
