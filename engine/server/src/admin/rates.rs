//! How fast counts grow: over the last second, and over the last minute.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use tokio::time::{MissedTickBehavior, interval};

use super::observer::Observer;
use super::status::Rates;

/// Between two looks.
const STEP: Duration = Duration::from_secs(1);

/// Looks that are kept: a minute lies between the first and the last.
const LOOKS: usize = 61;

/// Rates that were measured last.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Measured {
    pub(super) last_second: Rates,
    pub(super) last_minute: Rates,
}

/// Measures once a second, for ever.
pub(super) async fn measure(observer: Observer) {
    let mut looks = Looks::default();
    let mut ticks = interval(STEP);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        looks.add(Look::at(&observer));
        observer.set_measured(looks.measured());
    }
}

/// Counts at one moment.
#[derive(Clone, Copy, Debug)]
struct Look {
    at: Instant,
    received: u64,
    received_bytes: u64,
    accepted: u64,
    rejected: u64,
    delivered: u64,
    dropped: u64,
    sent_bytes: u64,
    opened: u64,
    closed: u64,
    refused: u64,
}

impl Look {
    fn at(observer: &Observer) -> Self {
        let (totals, ingest) = (observer.totals(), observer.ingest());
        Self {
            at: Instant::now(),
            received: ingest.received,
            received_bytes: ingest.bytes,
            accepted: ingest.accepted,
            rejected: ingest.rejected.iter().map(|(_, n)| n).sum(),
            delivered: totals.delivered,
            dropped: totals.dropped,
            sent_bytes: totals.bytes,
            opened: totals.opened,
            closed: totals.closed.iter().sum(),
            refused: observer.refused().iter().sum(),
        }
    }

    fn since(&self, earlier: &Self) -> Rates {
        let window = self.at.saturating_duration_since(earlier.at);
        if window.is_zero() {
            return Rates::default();
        }
        let rate = |count: fn(&Self) -> u64| {
            count(self).saturating_sub(count(earlier)) as f64 / window.as_secs_f64()
        };
        Rates {
            window,
            received: rate(|look| look.received),
            received_bytes: rate(|look| look.received_bytes),
            accepted: rate(|look| look.accepted),
            rejected: rate(|look| look.rejected),
            delivered: rate(|look| look.delivered),
            dropped: rate(|look| look.dropped),
            sent_bytes: rate(|look| look.sent_bytes),
            opened: rate(|look| look.opened),
            closed: rate(|look| look.closed),
            refused: rate(|look| look.refused),
        }
    }
}

/// The looks of the last minute, the oldest first.
#[derive(Debug, Default)]
struct Looks(VecDeque<Look>);

impl Looks {
    fn add(&mut self, look: Look) {
        if self.0.len() == LOOKS {
            self.0.pop_front();
        }
        self.0.push_back(look);
    }

    fn measured(&self) -> Measured {
        let back = |steps: usize| {
            let last = self.0.len().checked_sub(1)?;
            let earlier = self.0.get(last.saturating_sub(steps))?;
            Some(self.0[last].since(earlier))
        };
        Measured {
            last_second: back(1).unwrap_or_default(),
            last_minute: back(LOOKS - 1).unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(start: Instant, second: u64, delivered: u64) -> Look {
        Look {
            at: start + Duration::from_secs(second),
            received: 0,
            received_bytes: 0,
            accepted: 0,
            rejected: 0,
            delivered,
            dropped: 0,
            sent_bytes: 0,
            opened: second,
            closed: 0,
            refused: 0,
        }
    }

    #[test]
    fn rates_are_of_the_last_second_and_of_the_last_minute() {
        let (start, mut looks) = (Instant::now(), Looks::default());
        assert_eq!(looks.measured().last_second, Rates::default());
        looks.add(look(start, 0, 0));
        assert_eq!(looks.measured().last_minute.window, Duration::ZERO);
        looks.add(look(start, 1, 100));
        let measured = looks.measured();
        assert_eq!(measured.last_second, measured.last_minute);
        assert_eq!(
            (measured.last_second.delivered, measured.last_second.opened),
            (100.0, 1.0)
        );
        for second in 2..=200 {
            looks.add(look(start, second, 100));
        }
        let measured = looks.measured();
        assert_eq!(measured.last_second.delivered, 0.0);
        assert_eq!(measured.last_minute.window, Duration::from_secs(60));
        assert_eq!(
            (measured.last_minute.delivered, measured.last_minute.opened),
            (0.0, 1.0)
        );
    }
}
