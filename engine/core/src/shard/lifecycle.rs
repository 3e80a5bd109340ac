//! The coming and going of a shard's subscribers.
//!
//! Invariant: a subscriber that is live has one place and one seat; one that leaves has given both back, is still told
//! why, and is gone when it has read that, or when its time is over.

use std::io;
use std::rc::Rc;
use std::time::Instant;

use slab::Slab;

use super::agents::Agents;
use super::outlet::Outlet;
use super::state::{State, take_position, token};
use super::subscriber::{Key, NewSubscriber, Phase, Subscriber, SubscriberInfo};
use super::waker::Waker;
use crate::index::{AuditKind, OwnCounters};
use floodway_protocol::ends::End;
use floodway_protocol::session::Session;

/// More subscribers than this leave memory behind that is worth giving back.
const CROWD: usize = 1024;

impl State {
    /// Makes `new_subscriber` a subscriber: every event after this moment that it wants is its own.
    pub(super) fn attach(&mut self, new_subscriber: NewSubscriber) -> io::Result<()> {
        let NewSubscriber {
            mut outlet,
            encoding,
            filter,
            place,
            about,
            expires_at,
            greeting,
            mut early,
        } = new_subscriber;
        let is_pipe = matches!(outlet, Outlet::Pipe(_));
        let entry = self.subscribers.vacant_entry();
        let key = Key(u32::try_from(entry.key()).expect("fewer subscribers than descriptors"));
        self.generation = self.generation.wrapping_add(1);
        let token = token(key, self.generation);
        outlet.register(
            &self.registry,
            token,
            Waker {
                wake_queue: Rc::clone(&self.wake_queue),
                token,
            },
        )?;
        let credit = place.tenant().limits().client_messages_per_second;
        let from = place.tenant().declare(self.id).max(self.matched);
        let seat = take_position(
            self.id,
            &mut self.tables,
            &mut self.by_tenant,
            key,
            &place,
            filter,
            encoding,
        );
        let now = self.sweep.ticks();
        let about = about.sharing_user_agent(|text| self.agents.share(text));
        let counters = OwnCounters::clone(&self.tables[seat.table as usize].counters);
        self.metrics.began(encoding, about.transport, &counters);
        let id = self.roll.enter(key);
        place.journal().note(|| AuditKind::Connected {
            id,
            tenant: place.tenant().id().clone(),
            about: about.clone(),
        });
        let card = SubscriberInfo {
            id,
            about,
            counters,
            since: now,
            dropped: 0,
        };
        entry.insert(Subscriber {
            outlet,
            ring: None,
            phase: Phase::Live { place, seat },
            from,
            whole_from: self.tick.next_whole(),
            encoding,
            generation: self.generation,
            last_write: now,
            credit,
            is_queued: false,
            paused: false,
            expires_at,
            session: Session::default(),
            card,
            delivered: 0,
            bytes: 0,
        });
        if is_pipe {
            // It may hold what its socket has given already, and will not report again.
            self.look_again_at(key);
        }
        self.send(key, &greeting);
        if !early.is_empty() {
            self.receive(key, &mut early);
        }
        Ok(())
    }

    /// Ends a stream: gives its place back, says good-bye behind what waits, and lets the peer go.
    pub(super) fn end(&mut self, key: Key, end: &End) {
        let Some(subscriber) = self.subscribers.get(key.0 as usize) else {
            return;
        };
        if matches!(subscriber.phase, Phase::Leaving { .. }) {
            if *end == End::Gone {
                self.remove(key);
            }
            return;
        }
        if matches!(end, End::Gone | End::SlowConsumer) {
            self.forgo(key);
        } else {
            self.settle(key);
        }
        if self.retire(key, end) {
            self.send_close(key, end);
        }
    }

    /// Gives seat and place back. Returns whether there is somebody left to be told.
    fn retire(&mut self, key: Key, end: &End) -> bool {
        let Some(subscriber) = self.subscribers.get_mut(key.0 as usize) else {
            return false;
        };
        if subscriber.seat().is_none() {
            // What it was still owed has ended it on the way.
            return false;
        }
        let leaving = Phase::Leaving {
            deadline: Instant::now() + self.config.close_timeout,
            finished: false,
        };
        let Phase::Live { place, seat } = std::mem::replace(&mut subscriber.phase, leaving) else {
            return false;
        };
        let card = &subscriber.card;
        let (encoding, transport) = (subscriber.encoding, card.about.transport);
        self.metrics.ended(encoding, transport, &card.counters, end);
        self.roll.leave(card.id);
        place.journal().note(|| AuditKind::Disconnected {
            id: card.id,
            tenant: place.tenant().id().clone(),
            about: card.about.clone(),
            reason: end.label(),
            code: end.code(),
        });
        tracing::debug!(tenant = %place.tenant().id(), id = %card.id, reason = end.label(), "stream ended");
        self.leave_cohort(seat.table, seat.cohort, seat.seat);
        drop(place);
        if *end == End::Gone {
            self.remove(key);
            return false;
        }
        true
    }

    fn send_close(&mut self, key: Key, end: &End) {
        let subscriber = &mut self.subscribers[key.0 as usize];
        let mut bytes = Vec::new();
        subscriber.encoding.close(end, &mut bytes);
        if let (End::SlowConsumer, Some(ring)) = (end, &mut subscriber.ring) {
            let discarded = ring.discard_events();
            subscriber.count_dropped(discarded, &self.metrics);
            self.metrics.held.sub(discarded);
        }
        self.send_last(key, &bytes);
    }

    fn remove(&mut self, key: Key) {
        let mut subscriber = self.subscribers.remove(key.0 as usize);
        let held = subscriber.held();
        subscriber.count_dropped(held, &self.metrics);
        self.metrics.held.sub(held);
        subscriber.drop_ring(&self.metrics);
        if self.subscribers.is_empty() && self.subscribers.capacity() > CROWD {
            // What they took is given back; the next owner of a key is told apart by its generation.
            self.subscribers = Slab::new();
            self.agents = Agents::default();
        }
    }
}
