//! A shard's parts, and what a session's commands do with them.
//!
//! Each part owns what its name says; only what joins them stands here, and beside this in [`super::lifecycle`],
//! [`super::turn`], [`super::session`] and [`super::listing`]. Invariant: a subscriber that has a ring waits for its outlet,
//! or is to be visited again. Only the shard's thread ever touches any of this.

use std::io;
use std::rc::Rc;
use std::sync::Arc;

use super::clock::{Clock, TimeSource};
use super::config::Config;
use super::delivery::Delivery;
use super::filter::Filter;
use super::input::{Input, RefreshTokens};
use super::keys::SubscriberKey;
use super::matcher::Matcher;
use super::metrics::Metrics;
use super::registry::Registry;
use super::timers::Timers;
use super::waker::WakeQueue;
use crate::index::Limits;

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
        let matcher = Matcher::new(id, Arc::clone(&metrics), clock.now());
        Ok(Self {
            registry: Registry::new(id, sockets, wake_queue),
            matcher,
            timers: Timers::new(clock.now(), config),
            delivery: Delivery::new(config, metrics, clock)?,
            input: Input::new(config.client_message_bytes, tokens),
        })
    }

    pub(super) fn filter(&self, key: SubscriberKey) -> &Filter {
        self.matcher
            .filter(self.registry[key].live().expect("the stream is live").position.cohort)
    }

    /// What a subscriber may use now; none if it leaves.
    pub(super) fn limits(&mut self, key: SubscriberKey) -> Option<Limits> {
        let live = self.registry.get(key)?.live()?;
        Some(self.matcher.tenant(live.position.cohort.tenant).limits())
    }

    /// Gives a subscriber another filter: events matched so far are sent as it wanted them, later ones as it wants.
    pub(super) fn refilter(&mut self, key: SubscriberKey, filter: Filter) {
        let (registry, matcher) = (&mut self.registry, &mut self.matcher);
        let mut settled = self.delivery.settle(registry, matcher, key);
        let from = registry[key].live().expect("the stream is live").position.cohort;
        let is_same = *matcher.filter(from) == filter;
        if settled.is_ok() && !is_same {
            settled = self.delivery.settle_pace(registry, matcher, key);
        }
        if let Err(end) = settled {
            // What it was still owed has ended it.
            return self.end(key, &end);
        }
        let subscriber = &mut self.registry[key];
        let newest = self.matcher.tenant(from.tenant).newest;
        let is_behind = subscriber.is_behind();
        if is_same && !is_behind {
            return;
        }
        let after = subscriber.after.max(newest);
        subscriber.after = after;
        if let Some(ring) = &mut subscriber.ring {
            ring.close_span(newest + 1);
        }
        if !is_same {
            self.change_cohort(key, filter);
        }
        if is_behind {
            self.read_on(key, after);
        }
        self.enter_pace(key);
    }

    fn change_cohort(&mut self, key: SubscriberKey, filter: Filter) {
        let registry = &mut self.registry;
        let from = registry[key].live().expect("the stream is live").position;
        let moved = |(moved, to)| registry.move_member(moved, to);
        let changed = self.matcher.change(key, from, filter, moved);
        if let Some(live) = self.registry[key].live_mut() {
            live.position = changed;
        }
    }

    /// A subscriber that is in step comes into its pace, if it has one.
    pub(super) fn enter_pace(&mut self, key: SubscriberKey) {
        if let Some(subscriber) = self.registry.get(key)
            && subscriber.info.options.max_rate.is_some()
            && !subscriber.is_behind()
            && let Some(live) = subscriber.live()
        {
            self.matcher.enter_pace(key, live.position.cohort, subscriber.after, subscriber.settled());
        }
    }

    /// Sends bytes of the subscriber's own, behind what waits.
    pub(super) fn send(&mut self, key: SubscriberKey, bytes: &[u8]) {
        if let Some(subscriber) = self.registry.get_mut(key)
            && let Err(end) = self.delivery.send(subscriber, bytes)
        {
            self.end(key, &end);
        }
    }
}
