//! What a broker was seen to close the connection for. Kept for as long as the process lives.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Filters of one SUBSCRIBE at most, unless one subject has more.
pub(super) const BATCH_FILTERS: usize = 100;

/// The pause between two requests to a broker that closes the connection for several in a row: the first, which doubles,
/// and the longest, which is less than a client waits.
const PAUSE: (Duration, Duration) = (Duration::from_millis(1500), Duration::from_secs(4));

/// The time over which requests are counted.
const BURST_TIME: Duration = Duration::from_secs(1);

/// The most requests that are counted.
const BURST_MOST: usize = 8;

#[derive(Debug)]
pub(in crate::mqtt) struct BrokerLimits {
    /// It closes the connection for a filter that it forbids.
    pub(super) ends_for_forbidden: bool,
    /// Subjects whose filters it takes in one request.
    pub(super) batch: usize,
    pause: Duration,
    /// When requests were last sent on this link, newest last.
    requests: VecDeque<Instant>,
}

impl Default for BrokerLimits {
    fn default() -> Self {
        Self {
            ends_for_forbidden: false,
            batch: BATCH_FILTERS,
            pause: Duration::ZERO,
            requests: VecDeque::new(),
        }
    }
}

impl BrokerLimits {
    pub(super) fn link_up(&mut self) {
        self.requests.clear();
    }

    /// A request to subscribe or unsubscribe is sent.
    pub(in crate::mqtt) fn count_request(&mut self, now: Instant) {
        self.requests.push_back(now);
        if self.requests.len() > BURST_MOST {
            self.requests.pop_front();
        }
    }

    /// Whether the broker takes another such request yet.
    pub(in crate::mqtt) fn may_request(&self, now: Instant) -> bool {
        let last = self.requests.back();
        last.is_none_or(|&last| now >= last + self.pause)
    }

    /// Requests that came within [`BURST_TIME`] before the last one, and that one.
    pub(super) fn burst(&self) -> usize {
        let Some(&last) = self.requests.back() else {
            return 0;
        };
        let time = BURST_TIME.max(self.pause * 2);
        let is_near = |at: &&Instant| last < **at + time;
        self.requests.iter().filter(is_near).count()
    }

    /// It was seen to close the connection for as many requests as came at once.
    pub(super) fn slow_down(&mut self) {
        self.pause = (self.pause * 2).clamp(PAUSE.0, PAUSE.1);
        tracing::warn!(
            pause = ?self.pause,
            "the broker ends the connection for several subscriptions in a row: they are made more slowly from now on"
        );
    }

    /// It was seen to take the filters of so many subjects in one request, and not of twice as many.
    pub(super) fn shrink(&mut self, subjects: usize) {
        if subjects < self.batch {
            self.batch = subjects.max(1);
            tracing::warn!(
                tenants = self.batch,
                "the broker ends the connection for many filters in one request: it gets fewer from now on"
            );
        }
    }
}
