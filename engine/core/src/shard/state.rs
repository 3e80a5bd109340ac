//! A shard's parts, and what a session's commands do with them.
//!
//! Each part owns what its name says; only what joins them stands here, and beside this in [`super::lifecycle`],
//! [`super::turn`], [`super::read`] and [`super::listing`]. Invariant: a subscriber that has a ring waits for its outlet,
//! or is to be visited again. Only the shard's thread ever touches any of this.

use std::io;
use std::rc::Rc;
use std::sync::Arc;

use super::clock::{Clock, TimeSource};
use super::config::Config;
use super::delivery::Delivery;
use super::filter::Filter;
use super::input::{Input, RefreshTokens};
use super::keys::{CohortPosition, SubscriberKey};
use super::matcher::Matcher;
use super::metrics::Metrics;
use super::registry::{Phase, Registry};
use super::timers::Timers;
use super::waker::WakeQueue;
use crate::index::Limits;
use floodway_protocol::names::TenantId;

pub(super) struct State {
    /// Who is there.
    pub(super) registry: Registry,
    /// Who wants what.
    pub(super) matcher: Matcher,
    /// What goes out.
    pub(super) delivery: Delivery,
    /// What is due by the clock.
    pub(super) timers: Timers,
    /// What the reading of every client needs.
    pub(super) input: Input,
}

impl State {
    /// # Errors
    /// If the settings demand io_uring and the kernel gives none.
    pub(super) fn new(
        id: usize,
        config: &Config,
        sockets: mio::Registry,
        wake_queue: Rc<WakeQueue>,
        metrics: Arc<Metrics>,
        time: TimeSource,
        tokens: Arc<dyn RefreshTokens>,
    ) -> io::Result<Self> {
        let clock = Clock::new(time);
        Ok(Self {
            registry: Registry::new(id, sockets, wake_queue),
            matcher: Matcher::new(id),
            timers: Timers::new(clock.now(), config),
            delivery: Delivery::new(config, metrics, clock)?,
            input: Input::new(config.client_message_bytes, tokens),
        })
    }

    pub(super) fn filter(&self, key: SubscriberKey) -> &Filter {
        self.matcher.filter(self.position(key).cohort)
    }

    /// What a subscriber may use now; none if it leaves.
    pub(super) fn limits(&mut self, key: SubscriberKey) -> Option<Limits> {
        let position = self.registry.get(key)?.position()?;
        Some(self.matcher.limits(position.cohort))
    }

    pub(super) fn tenant(&self, key: SubscriberKey) -> &TenantId {
        let permit = self.registry[key].permit();
        permit.expect("the stream is live").tenant().id()
    }

    fn position(&self, key: SubscriberKey) -> CohortPosition {
        let position = self.registry[key].position();
        position.expect("the stream is live")
    }

    /// Gives a subscriber another filter: events matched so far are sent as it wanted them, later ones as it wants.
    pub(super) fn refilter(&mut self, key: SubscriberKey, filter: Filter) {
        self.settle(key);
        if !self.is_live(key) {
            // What it was still owed has ended it.
            return;
        }
        let subscriber = &mut self.registry[key];
        subscriber.start.after = subscriber.start.after.max(self.matcher.newest());
        subscriber.start.tick = self.delivery.tick.next_whole();
        let encoding = subscriber.output.encoding;
        let from = self.position(key);
        if *self.matcher.filter(from.cohort) == filter {
            return;
        }
        let registry = &mut self.registry;
        let moved = |(moved, to)| registry.move_member(moved, to);
        let changed = self.matcher.change(key, from, filter, encoding, moved);
        if let Phase::Live { position, .. } = &mut self.registry[key].phase {
            *position = changed;
        }
    }

    pub(super) fn set_expiry(&mut self, key: SubscriberKey, unix: u64) {
        if let Phase::Live { expires_at, .. } = &mut self.registry[key].phase {
            *expires_at = unix;
        }
    }

    pub(super) fn count_messages(&mut self, key: SubscriberKey, count: usize) {
        self.registry[key].count_messages(count);
    }

    /// Sends bytes of the subscriber's own, behind what waits.
    pub(super) fn send(&mut self, key: SubscriberKey, bytes: &[u8]) {
        if let Some(subscriber) = self.registry.get_mut(key)
            && let Err(end) = self.delivery.send(subscriber, bytes)
        {
            self.end(key, &end);
        }
    }

    /// Delivers what its cohort's batch still has for a subscriber.
    fn settle(&mut self, key: SubscriberKey) {
        let delivery = &mut self.delivery;
        if let Err(end) = delivery.settle(&mut self.registry, &mut self.matcher, key) {
            self.end(key, &end);
        }
    }
}
