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
        Self { first, max, bound: first }
    }

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
mod tests;
