//! What is due by the clock: heartbeats, expired tokens, ends that took too long, and the streams of a drain.
//!
//! Instead of a timer for each subscriber the shard visits a tenth of them every tenth of a second: each is visited once
//! a second, idle ones cost nothing in between, and no visit takes long. The timers say what is due; the shard does it.

mod drain;

use std::time::{Duration, Instant, SystemTime};

pub use self::drain::Drain;
pub(crate) use self::drain::Draining;
use super::clock::{Clock, Tenths};
use super::config::Config;
use super::keys::SubscriberKey;
use super::registry::{Phase, Subscriber};
use floodway_protocol::Encoding;
use floodway_protocol::ends::End;

/// In so many steps each subscriber is visited once.
const STEPS_A_ROUND: usize = 10;

#[derive(Debug)]
pub(crate) struct Timers {
    /// When the next step is due.
    pub(crate) next: Instant,
    /// The key that was visited last.
    cursor: usize,
    ws_ping: Duration,
    sse_keepalive: Duration,
    close_timeout: Duration,
    pub(crate) drain: Option<Draining>,
}

/// What a visit finds due.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Due {
    End(End),
    Heartbeat,
}

impl Timers {
    pub(crate) fn new(now: Instant, config: &Config) -> Self {
        Self {
            next: now + Tenths::STEP,
            cursor: 0,
            ws_ping: config.ws_ping,
            sse_keepalive: config.sse_keepalive,
            close_timeout: config.close_timeout,
            drain: None,
        }
    }

    /// If a step is due, the time on the wall, for its visits.
    pub(crate) fn begin_step(&mut self, clock: &Clock) -> Option<SystemTime> {
        if clock.now() < self.next {
            return None;
        }
        self.next = clock.now() + Tenths::STEP;
        Some(clock.wall())
    }

    /// Visits of one step, with this many keys in use at most.
    pub(crate) fn visits(keys: usize) -> usize {
        keys.div_ceil(STEPS_A_ROUND)
    }

    /// The key to be visited next, of those below `keys`.
    pub(crate) fn next_key(&mut self, keys: usize) -> SubscriberKey {
        self.cursor = (self.cursor + 1) % keys;
        SubscriberKey::new(self.cursor)
    }

    /// What is due for a subscriber that is visited now.
    pub(crate) fn due(&self, subscriber: &Subscriber, clock: &Clock, wall: SystemTime) -> Option<Due> {
        match subscriber.phase {
            Phase::Leaving { deadline, .. } => (clock.now() >= deadline).then_some(Due::End(End::Gone)),
            Phase::Live(ref live) if is_past(live.expires_at, wall) => Some(Due::End(End::Expired)),
            // A stream with a ring is slow, not silent.
            Phase::Live(_) => (subscriber.ring.is_none()
                && clock.tenths().since(subscriber.output.last_write) >= self.silence(subscriber.output.encoding))
            .then_some(Due::Heartbeat),
        }
    }

    /// How long nothing may be written to a stream.
    fn silence(&self, encoding: Encoding) -> Duration {
        if encoding.is_websocket() { self.ws_ping } else { self.sse_keepalive }
    }

    /// When a stream that ends now is removed, whatever its peer has read by then.
    pub(crate) fn deadline(&self, clock: &Clock) -> Instant {
        clock.now() + self.close_timeout
    }
}

/// Whether a time in seconds since 1970 is over.
fn is_past(unix: u64, wall: SystemTime) -> bool {
    let since = wall.duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs()) >= unix
}
