//! What a shard does in one turn, step by step.

use std::cell::LazyCell;
use std::io;
use std::time::{Instant, SystemTime};

use mio::Token;

use super::keys::SubscriberKey;
use super::state::State;
use super::timers::{Drain, Draining, Due, STEPS_A_ROUND};
use crate::inbox::Inbox;
use floodway_protocol::{End, Frames};

impl State {
    /// Takes what waits in the inbox and matches it.
    pub(super) fn distribute(&mut self, inbox: &Inbox) {
        self.matcher.advance(self.delivery.clock.now());
        self.delivery.distribute(inbox, &mut self.matcher);
    }

    /// When there is something to do by the clock.
    pub(super) fn next_step(&self) -> Instant {
        let next = self.timers.next;
        self.matcher.next_due().map_or(next, |due| due.min(next))
    }

    /// Writes batches to up to `budget` subscribers.
    pub(super) fn flush(&mut self, budget: usize) {
        let (registry, matcher) = (&mut self.registry, &mut self.matcher);
        self.delivery.flush(registry, matcher, budget);
        self.end_failed();
    }

    /// Ends the tick at once: what was not flushed yet goes to the rings.
    pub(super) fn hold_tick(&mut self) {
        let (registry, matcher) = (&mut self.registry, &mut self.matcher);
        self.delivery.hold_tick(registry, matcher);
        self.end_failed();
    }

    fn end_failed(&mut self) {
        // In the order in which they failed, and those that fail meanwhile behind them.
        while !self.delivery.failed.is_empty() {
            for (key, end) in std::mem::take(&mut self.delivery.failed) {
                self.end(key, &end);
            }
        }
    }

    /// Looks at a subscriber whose socket reported to be ready, or whose turn it is again.
    pub(super) fn look_at(&mut self, token: Token, is_readable: bool, is_writable: bool) {
        if is_writable && let Some(key) = self.registry.find(token) {
            self.write_on(key);
        }
        if is_readable && let Some(key) = self.registry.find(token) {
            self.read(key);
        }
    }

    /// Looks at up to `budget` of the subscribers that had more to do than one turn may take.
    pub(super) fn look_again(&mut self, budget: usize) {
        for _ in 0..budget.min(self.registry.revisits()) {
            if let Some(token) = self.registry.next_revisit() {
                self.look_at(token, true, true);
            }
        }
    }

    pub(super) fn write_on(&mut self, key: SubscriberKey) {
        self.prepare(key);
        let written = match self.registry[key].outlet.flush() {
            Ok(()) => self.delivery.write_ring(&mut self.registry, key),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            Err(_) => Err(End::Gone),
        };
        match written {
            // It may have come in step by that.
            Ok(()) => self.enter_pace(key),
            Err(end) => self.end(key, &end),
        }
    }

    /// Visits those whose turn it is, if a step is due.
    pub(super) fn visit_some(&mut self) {
        let Some(wall) = self.timers.begin_step(&self.delivery.clock) else {
            return;
        };
        self.matcher.give_up_snapshots(self.delivery.clock.now());
        let heartbeats = LazyCell::new(|| Frames::heartbeat(wall));
        let keys = self.registry.capacity();
        for _ in 0..keys.div_ceil(STEPS_A_ROUND) {
            let key = self.timers.next_key(keys);
            if self.registry.get(key).is_some() {
                self.visit(key, wall, &heartbeats);
            }
        }
    }

    fn visit(&mut self, key: SubscriberKey, wall: SystemTime, heartbeats: &LazyCell<Frames, impl FnOnce() -> Frames>) {
        let credit = self.limits(key).map_or(1, |limits| limits.client_messages_per_second);
        let subscriber = &mut self.registry[key];
        subscriber.attention.credit = credit;
        if std::mem::take(&mut subscriber.attention.is_paused) {
            self.registry.revisit(key);
        }
        let subscriber = &self.registry[key];
        match self.timers.due(subscriber, &self.delivery.clock, wall) {
            Some(Due::End(end)) => self.end(key, &end),
            Some(Due::Heartbeat) => {
                let heartbeat = heartbeats.get(subscriber.output.encoding);
                self.send(key, heartbeat);
            }
            None => {}
        }
    }

    pub(super) fn start_drain(&mut self, order: Drain) {
        let (streams, now) = (self.registry.live.len(), self.delivery.clock.now());
        self.timers.drain = Some(Draining::new(order, now, streams));
    }

    /// Ends up to `budget` streams, the oldest first, if the shard drains and their time has come. Returns whether there
    /// may be more at once.
    pub(super) fn drain(&mut self, budget: usize) -> bool {
        let Some(draining) = &mut self.timers.drain else {
            return false;
        };
        let due = draining.due(self.delivery.clock.now()).min(budget);
        let oldest = self.registry.live.after(None).take(due);
        let keys: Vec<SubscriberKey> = oldest.map(|(_, key)| key).collect();
        draining.count(keys.len());
        let draining = *draining;
        for &key in &keys {
            let after_ms = draining.pause_ms();
            self.end(key, &End::Draining { after_ms });
        }
        keys.len() == budget
    }

    /// Whether the shard drains and the last subscriber is gone.
    pub(super) fn is_drained(&self) -> bool {
        self.timers.drain.is_some() && self.registry.is_empty()
    }
}
