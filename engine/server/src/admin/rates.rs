//! How fast counts grow: over the last second, and over the last minute.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use floodway_proto::admin::v1::Rates;

/// Between two samples.
pub(super) const STEP: Duration = Duration::from_secs(1);

/// Samples that are kept: a minute lies between the first and the last.
const SAMPLES: usize = 61;

/// The counts whose growth is measured, as [`Rates`] names them.
macro_rules! counts {
    ($($count:ident)+) => {
        #[derive(Clone, Copy, Debug, Default)]
        pub(super) struct Counts {
            $(pub(super) $count: u64,)+
        }

        impl Counts {
            /// How fast they have grown since `earlier`, in the time that has passed.
            fn since(&self, earlier: &Self, window: Duration) -> Rates {
                if window.is_zero() {
                    return none();
                }
                Rates {
                    window: window.try_into().ok(),
                    $($count: self.$count.saturating_sub(earlier.$count) as f64 / window.as_secs_f64(),)+
                }
            }
        }
    };
}

counts! { received received_bytes accepted rejected delivered dropped conflated sent_bytes opened closed refused }

/// Nothing was measured yet, in no time.
pub(super) fn none() -> Rates {
    Rates { window: Some(prost_types::Duration::default()), ..Rates::default() }
}

/// The counts of the last minute, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Samples(VecDeque<(Instant, Counts)>);

impl Samples {
    pub(super) fn add(&mut self, at: Instant, counts: Counts) {
        if self.0.len() == SAMPLES {
            self.0.pop_front();
        }
        self.0.push_back((at, counts));
    }

    /// The rates of the last second and of the last minute.
    pub(super) fn rates(&self) -> (Rates, Rates) {
        let over = |steps: usize| {
            let last = self.0.len().checked_sub(1)?;
            let (at, counts) = &self.0[last];
            let (earlier, before) = self.0.get(last.saturating_sub(steps))?;
            Some(counts.since(before, at.saturating_duration_since(*earlier)))
        };
        let rates = |steps| over(steps).unwrap_or_else(none);
        (rates(1), rates(SAMPLES - 1))
    }
}

#[cfg(test)]
mod tests;
