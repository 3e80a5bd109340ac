//! What is due by the clock: heartbeats, expired tokens, farewells that took too long.
//!
//! Instead of a timer for each subscriber the shard visits a tenth of them every tenth of a second: each is visited once
//! a second, idle ones cost nothing in between, and no visit takes long.

use std::cell::LazyCell;
use std::time::{Duration, Instant, SystemTime};

use super::state::State;
use super::subscriber::{Key, Phase};
use floodway_protocol::{End, Frames};

const STEPS_A_ROUND: usize = 10;

#[derive(Debug)]
pub(super) struct Sweep {
    started: Instant,
    next: Instant,
    ticks: u32,
    cursor: usize,
}

impl Sweep {
    /// Between two steps.
    pub(super) const STEP: Duration = Duration::from_millis(100);

    pub(super) fn new(now: Instant) -> Self {
        Self {
            started: now,
            next: now + Sweep::STEP,
            ticks: 0,
            cursor: 0,
        }
    }

    /// Steps since the shard began, as of the last turn, or of whoever came, asked or acted between two turns.
    pub(super) fn ticks(&self) -> u32 {
        self.ticks
    }

    /// It is `now`. To be told at the beginning of whatever the shard does after it may have slept: by the clock of before,
    /// a stream that just began would have been silent for as long as that.
    pub(super) fn set_clock(&mut self, now: Instant) {
        self.ticks = Sweep::steps(now - self.started);
    }

    /// When the next step is due.
    pub(super) fn next(&self) -> Instant {
        self.next
    }

    fn steps(duration: Duration) -> u32 {
        u32::try_from(duration.as_millis() / Self::STEP.as_millis()).unwrap_or(u32::MAX)
    }
}

impl State {
    /// Visits those whose turn it is, if a step is due.
    pub(super) fn sweep(&mut self, now: Instant) {
        self.sweep.set_clock(now);
        if now < self.sweep.next {
            return;
        }
        self.sweep.next = now + Sweep::STEP;
        let wall_clock = SystemTime::now();
        let unix_now = wall_clock
            .duration_since(SystemTime::UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        let heartbeats = LazyCell::new(|| Frames::heartbeat(wall_clock));
        let seats = self.subscribers.capacity();
        for _ in 0..seats.div_ceil(STEPS_A_ROUND) {
            self.sweep.cursor = (self.sweep.cursor + 1) % seats;
            if self.subscribers.contains(self.sweep.cursor) {
                let key =
                    Key(u32::try_from(self.sweep.cursor)
                        .expect("fewer subscribers than descriptors"));
                self.visit(key, now, unix_now, &heartbeats);
            }
        }
    }

    fn visit(
        &mut self,
        key: Key,
        now: Instant,
        unix_now: u64,
        heartbeats: &LazyCell<Frames, impl FnOnce() -> Frames>,
    ) {
        let credit = self
            .limits(key)
            .map_or(1, |limits| limits.client_messages_per_second);
        let subscriber = &mut self.subscribers[key.0 as usize];
        subscriber.credit = credit;
        if std::mem::take(&mut subscriber.paused) {
            self.look_again_at(key);
        }
        let subscriber = &self.subscribers[key.0 as usize];
        match subscriber.phase {
            Phase::Leaving { deadline, .. } if now >= deadline => self.end(key, &End::Gone),
            Phase::Live { .. } if unix_now >= subscriber.expires_at => self.end(key, &End::Expired),
            // Who has a ring is not silent, only slow.
            Phase::Live { .. } if subscriber.ring.is_none() && self.is_silent(key) => {
                self.send(
                    key,
                    heartbeats.get(self.subscribers[key.0 as usize].encoding),
                );
            }
            _ => {}
        }
    }

    fn is_silent(&self, key: Key) -> bool {
        let subscriber = &self.subscribers[key.0 as usize];
        let after = if subscriber.encoding.is_websocket() {
            self.config.ws_ping
        } else {
            self.config.sse_keepalive
        };
        self.sweep.ticks - subscriber.last_write >= Sweep::steps(after)
    }
}

#[cfg(all(test, not(floodway_loom)))]
mod tests {
    use std::rc::Rc;
    use std::sync::Arc;

    use super::super::test_kit::{Peer, new_subscriber};
    use super::super::{Config, NoRefresh, Shard};
    use super::*;
    use crate::inbox::Inbox;
    use crate::index::{Index, Limits};

    #[test]
    fn who_comes_while_the_shard_sleeps_has_not_been_silent_since_it_fell_asleep() {
        let inboxes: Arc<[Inbox]> = Arc::new([Inbox::new(1)]);
        let config = Config::default();
        let tokens = Arc::new(NoRefresh);
        let shard = Shard::new(0, &config, inboxes, Arc::default(), tokens).unwrap();
        let slept = config.ws_ping * 3;
        shard.state().sweep.started -= slept;

        let index = Index::with_limits(1, Limits::default());
        let mut new_subscriber = new_subscriber(&index, "T", None, &Rc::new(Peer::default()));
        new_subscriber.greeting = b"hello".to_vec();
        shard.attach(new_subscriber).unwrap();

        let mut state = shard.state();
        let subscriber = &state.subscribers[0];
        assert!(subscriber.last_write >= Sweep::steps(slept));
        assert!(subscriber.card.since >= Sweep::steps(slept));
        assert!(!state.is_silent(Key(0)));
        state.sweep.set_clock(Instant::now() + config.ws_ping * 2);
        assert!(state.is_silent(Key(0)));
    }
}
