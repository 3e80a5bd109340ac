//! How a shard lets all its streams go.
//!
//! Streams are told one after the other, spread evenly over a time, those that came first before the others; each is
//! told a pause of its own before it comes back. Invariant: who has not been told yet is live as ever, and stays so if
//! the drain is called off.

use std::time::{Duration, Instant};

use super::state::State;
use super::subscriber::Key;
use floodway_protocol::ends::End;

/// How streams are let go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drain {
    /// How long it takes until the last is told. Zero: all are told at once.
    pub within: Duration,
    /// Each is told to come back after a random part of this.
    pub pause: Duration,
}

/// A drain that goes on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Draining {
    order: Drain,
    started: Instant,
    /// Live streams at its start.
    streams: usize,
    told: usize,
}

impl Draining {
    /// How many more are to be told by `now`; all, once the time is over.
    fn due(&self, now: Instant) -> usize {
        let elapsed = now.saturating_duration_since(self.started);
        if elapsed >= self.order.within {
            return usize::MAX;
        }
        let part = elapsed.as_secs_f64() / self.order.within.as_secs_f64();
        ((self.streams as f64 * part) as usize).saturating_sub(self.told)
    }

    fn pause_ms(&self) -> u64 {
        fastrand::u64(0..=u64::try_from(self.order.pause.as_millis()).unwrap_or(u64::MAX))
    }
}

impl State {
    pub(super) fn start_drain(&mut self, order: Drain, now: Instant) {
        self.draining = Some(Draining {
            order,
            started: now,
            streams: self.roll.len(),
            told: 0,
        });
    }

    /// Tells up to `budget` streams to come back later, if the shard drains and their time has come. Returns whether
    /// there may be more at once.
    pub(super) fn drain(&mut self, now: Instant, budget: usize) -> bool {
        let Some(draining) = &mut self.draining else {
            return false;
        };
        let due = draining.due(now).min(budget);
        let keys: Vec<Key> = self
            .roll
            .after(None)
            .take(due)
            .map(|(_, key)| key)
            .collect();
        draining.told += keys.len();
        let draining = *draining;
        for &key in &keys {
            let after_ms = draining.pause_ms();
            self.end(key, &End::Draining { after_ms });
        }
        keys.len() == budget
    }

    /// Whether the shard drains and nobody is left.
    pub(super) fn is_drained(&self) -> bool {
        self.draining.is_some() && self.subscribers.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_told_evenly_and_all_of_them_in_the_end() {
        let started = Instant::now();
        let order = Drain {
            within: Duration::from_secs(60),
            pause: Duration::from_secs(5),
        };
        let mut draining = Draining {
            order,
            started,
            streams: 600,
            told: 0,
        };
        let at = |seconds| started + Duration::from_secs(seconds);
        assert_eq!(draining.due(at(0)), 0);
        assert_eq!(draining.due(at(6)), 60);
        draining.told = 60;
        assert_eq!(draining.due(at(6)), 0);
        assert_eq!(draining.due(at(30)), 240);
        assert_eq!(
            draining.due(at(60)),
            usize::MAX,
            "those too who came meanwhile"
        );
        assert!((0..100).all(|_| draining.pause_ms() <= 5000));
        draining.order.within = Duration::ZERO;
        assert_eq!(draining.due(at(0)), usize::MAX);
    }
}
