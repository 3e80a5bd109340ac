//! Things of several kinds that others may do again and again: counted by kind, and logged at a bounded rate.

use std::time::Instant;

use floodway_core::log_rate::Counted;

/// The counts of `N` kinds.
#[derive(Debug)]
pub(crate) struct CountedKinds<const N: usize> {
    began: Instant,
    kinds: [Counted; N],
}

impl<const N: usize> Default for CountedKinds<N> {
    fn default() -> Self {
        Self {
            began: Instant::now(),
            kinds: std::array::from_fn(|_| Counted::default()),
        }
    }
}

impl<const N: usize> CountedKinds<N> {
    /// Counts one of `kind`. If a log line about that kind is due, returns how many were passed over since the last one.
    pub(crate) fn count(&self, kind: usize, now: Instant) -> Option<u64> {
        self.kinds[kind].count(now.duration_since(self.began))
    }

    /// The counts now, by kind.
    pub(crate) fn counts(&self) -> [u64; N] {
        std::array::from_fn(|kind| self.kinds[kind].get())
    }
}
