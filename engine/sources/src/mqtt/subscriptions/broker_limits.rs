//! What a broker was seen to end the connection for. It holds for as long as the process lives.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Filters of one SUBSCRIBE at most.
pub(super) const BATCH_FILTERS: usize = 100;

/// The pause between two subscriptions for a broker that takes not any number of them: the first, which doubles, and the
/// longest, which is less than a client waits.
const PAUSE: (Duration, Duration) = (Duration::from_millis(1500), Duration::from_secs(4));

/// Time over which subscriptions are counted.
const RUSH_TIME: Duration = Duration::from_secs(1);

/// More are not counted.
const RUSH: usize = 8;

#[derive(Debug)]
pub(super) struct BrokerLimits {
    /// It ends the connection for a filter that it forbids.
    pub(super) ends_for_forbidden: bool,
    /// Filters that it takes in one request.
    pub(super) batch: usize,
    pause: Duration,
    /// When this link was asked to subscribe something last, newest last.
    asked: VecDeque<Instant>,
}

impl Default for BrokerLimits {
    fn default() -> Self {
        Self {
            ends_for_forbidden: false,
            batch: BATCH_FILTERS,
            pause: Duration::ZERO,
            asked: VecDeque::new(),
        }
    }
}

impl BrokerLimits {
    pub(super) fn link_up(&mut self) {
        self.asked.clear();
    }

    /// Something is subscribed or unsubscribed.
    pub(super) fn asks(&mut self, now: Instant) {
        self.asked.push_back(now);
        if self.asked.len() > RUSH {
            self.asked.pop_front();
        }
    }

    pub(super) fn may_ask(&self, now: Instant) -> bool {
        let last = self.asked.back();
        last.is_none_or(|&last| now >= last + self.pause)
    }

    /// Requests that came within [`RUSH_TIME`] before the last one, and that one.
    pub(super) fn rush(&self) -> usize {
        let Some(&last) = self.asked.back() else {
            return 0;
        };
        let time = RUSH_TIME.max(self.pause * 2);
        let is_near = |at: &&Instant| last < **at + time;
        self.asked.iter().filter(is_near).count()
    }

    /// It was seen to end the connection for as many requests as came at once.
    pub(super) fn slow_down(&mut self) {
        self.pause = (self.pause * 2).clamp(PAUSE.0, PAUSE.1);
        tracing::warn!(
            pause = ?self.pause,
            "the broker ends the connection for several subscriptions in a row: they are made more slowly from now on"
        );
    }

    /// It was seen to take this many filters in one request, and not twice as many.
    pub(super) fn shrink(&mut self, filters: usize) {
        if filters < self.batch {
            self.batch = filters.max(1);
            tracing::warn!(
                filters = self.batch,
                "the broker ends the connection for many filters in one request: it gets fewer from now on"
            );
        }
    }
}
