//! What an outlet does not take at once waits in the subscriber's ring.

use std::rc::Rc;
use std::sync::Arc;

use super::Delivery;
use crate::history::Position;
use crate::index::{Limit, Overflow};
use crate::shard::Config;
use crate::shard::keys::SubscriberKey;
use crate::shard::matcher::{Audience, Matcher, TenantCohorts};
use crate::shard::matches::Matches;
use crate::shard::outgoing::{Addressed, SubscriptionKey};
use crate::shard::registry::{Live, Registry, Subscriber};
use crate::shard::ring::{Bounds, Pushed, Span};
use floodway_protocol::End;

/// Events that are put into a ring before it is written, if nothing waited: as many as one turn is sure to write.
const AT_ONCE: u64 = 128;

impl Delivery {
    /// The outlet took only `n` bytes of the gathered batch: the rest waits in a ring.
    #[cold]
    pub(super) fn hold_rest(
        &mut self,
        subscriber: &mut Subscriber,
        audience: &Audience<'_>,
        key: SubscriberKey,
        n: usize,
    ) {
        if subscriber.outlet.events().is_some() {
            return self.hand_over(subscriber, audience, key);
        }
        let batch = &self.tick.batch;
        let whole = batch.ends.partition_point(|&end| end <= n);
        let start = whole.checked_sub(1).map_or(0, |last| batch.ends[last]);
        let (written, mut rest) = audience.batch.split_at(whole);
        let mut events = 0;
        for &number in written {
            let outgoing = &self.tick.outgoing[number as usize];
            match outgoing.event() {
                Some(event) => {
                    events += 1;
                    self.untimed.add_one(event.received());
                }
                None => self.metrics.gaps.upstream.add(outgoing.gaps()),
            }
        }
        self.count_matched(events);
        subscriber.count_sent(events, n as u64, &self.metrics);
        subscriber.output.last_write = self.clock.tenths();
        if n > start {
            self.hold_begun(subscriber, audience.key, rest[0], n - start);
            rest = &rest[1..];
        }
        self.hold_all(subscriber, audience, rest, key);
    }

    /// Gives the gathered batch to one that takes events whole, and so has taken none of its bytes.
    fn hand_over(&mut self, subscriber: &mut Subscriber, audience: &Audience<'_>, key: SubscriberKey) {
        // The attempt was none. What takes no more wakes the shard by itself, so it needs no other visit.
        self.tick.batch.writes -= 1;
        if let Err(end) = self.write_own(subscriber, audience) {
            self.failed.push((key, end));
        }
    }

    /// Begins a ring with something of which `written` bytes are on the wire.
    fn hold_begun(&mut self, subscriber: &mut Subscriber, key: &Rc<SubscriptionKey>, number: u32, written: usize) {
        let outgoing = Rc::clone(&self.tick.outgoing[number as usize]);
        self.metrics.gaps.upstream.add(outgoing.gaps());
        if outgoing.event().is_some() {
            self.count_matched(1);
            self.metrics.events.held.add(1);
        }
        let key = Rc::clone(key);
        let ring = subscriber.ring_from(self.clock.tenths(), &self.metrics);
        ring.begin_with(Addressed { outgoing, key }, written, &self.pinned);
    }

    /// Puts those of the batch's numbers that are the subscriber's own into its ring.
    pub(super) fn hold_all(
        &mut self,
        subscriber: &mut Subscriber,
        audience: &Audience<'_>,
        numbers: &[u32],
        key: SubscriberKey,
    ) {
        let simple = self.hold_simple(subscriber, audience, numbers);
        for (at, &number) in numbers.iter().enumerate().skip(simple) {
            if let Err(end) = self.hold(subscriber, audience, number) {
                self.drop_all(subscriber, &numbers[at + 1..]);
                return self.failed.push((key, end));
            }
        }
    }

    /// Puts events into a subscriber's ring, or drops them, as long as that is simple: asks and counts for all of them at once
    /// what [`Delivery::hold`] does for each. Returns how many of the numbers are done with.
    fn hold_simple(&mut self, subscriber: &mut Subscriber, audience: &Audience<'_>, numbers: &[u32]) -> usize {
        if subscriber.is_behind() {
            return numbers.len();
        }
        let drops_newest = subscriber.info.options.policy(audience.limits) == Overflow::DropNewest;
        let Some(ring) = subscriber.ring.as_mut().filter(|ring| !ring.is_conflating()) else {
            return 0;
        };
        let (bounds, after) = (self.bounds(audience), subscriber.after);
        let (mut held, mut dropped, mut done) = (0, 0, 0);
        for &number in numbers {
            let outgoing = &self.tick.outgoing[number as usize];
            if outgoing.position > after {
                if outgoing.event().is_none() {
                    break;
                }
                if ring.push_if_room(outgoing, audience.key, &bounds) {
                    held += 1;
                } else if drops_newest {
                    ring.drop_newest();
                    dropped += 1;
                } else {
                    break;
                }
            }
            done += 1;
        }
        self.count_matched(held + dropped);
        self.metrics.events.held.add(held);
        if dropped > 0 {
            self.count_lost(subscriber, dropped, 0);
        }
        done
    }

    /// Puts one event or notice into a subscriber's ring, if it is the subscriber's own.
    fn hold(&mut self, subscriber: &mut Subscriber, audience: &Audience<'_>, number: u32) -> Result<(), End> {
        let outgoing = &self.tick.outgoing[number as usize];
        if outgoing.position <= subscriber.after || subscriber.is_behind() {
            return Ok(());
        }
        let encoding = subscriber.output.encoding;
        let policy = subscriber.info.options.policy(audience.limits);
        let ring = subscriber.ring_from(self.clock.tenths(), &self.metrics);
        if let Some(notice) = outgoing.notice() {
            ring.push_shared(notice, encoding, self.control_bytes)?;
            self.metrics.gaps.upstream.add(notice.gaps());
            return Ok(());
        }
        let addressed = Addressed { outgoing: Rc::clone(outgoing), key: Rc::clone(audience.key) };
        let pushed = ring.push(addressed, &self.bounds(audience), policy);
        if pushed == Pushed::Behind {
            self.fall_behind(subscriber, audience, number);
            return Ok(());
        }
        self.account_pushed(subscriber, pushed)
    }

    fn bounds(&self, audience: &Audience<'_>) -> Bounds<'_> {
        let events = audience.limits.queue_size.get();
        Bounds {
            events,
            bytes: Config::bytes_of_queue(self.queue_bytes, events),
            pinned: &self.pinned,
        }
    }

    /// The subscriber reads on from history, from this one of the batch on.
    #[cold]
    fn fall_behind(&self, subscriber: &mut Subscriber, audience: &Audience<'_>, number: u32) {
        let from = self.tick.outgoing[number as usize].position;
        let at = audience.batch.partition_point(|&before| before < number);
        let rest = audience.batch[at..].iter().map(|&number| &self.tick.outgoing[number as usize]);
        let matches = audience.matches.get_or(|| {
            let newest = rest.clone().next_back().map_or(from, |last| last.position);
            Matches::new(Arc::clone(audience.tenant), Rc::clone(audience.key), newest + 1)
        });
        matches.fill_in(rest.rev());
        let ring = subscriber.ring_from(self.clock.tenths(), &self.metrics);
        ring.push_span(Span::new(matches, from, from));
        // What it needs is filled in already.
        let prepared = ring.prepare(0, Position::MAX - 1);
        debug_assert!(!prepared.has_more, "it can be read at once");
        self.count_unread(prepared.matched);
    }

    /// Counts what a push into a subscriber's ring has cost.
    fn account_pushed(&mut self, subscriber: &mut Subscriber, pushed: Pushed) -> Result<(), End> {
        self.count_matched(1);
        let metrics = &self.metrics;
        metrics.events.held.add(1);
        let (dropped, conflated) = match pushed {
            Pushed::Held => return Ok(()),
            Pushed::Dropped(events) => (events, 0),
            Pushed::Conflated(events) => (0, events),
            Pushed::Refused | Pushed::Behind => (1, 0),
        };
        metrics.events.held.sub(dropped + conflated);
        self.count_lost(subscriber, dropped, conflated);
        match pushed {
            Pushed::Refused => Err(End::SlowConsumer),
            _ => Ok(()),
        }
    }

    /// Counts events that a subscriber's full ring has cost it.
    fn count_lost(&self, subscriber: &mut Subscriber, dropped: u64, conflated: u64) {
        subscriber.count_dropped(dropped, &self.metrics);
        subscriber.count_conflated(conflated, &self.metrics);
        if subscriber.ring.as_mut().is_some_and(|ring| ring.is_first_loss()) {
            subscriber.note_limit(Limit::QueueSize);
        }
    }

    /// Delivers what its cohort's batch still has for a subscriber, so that it may leave the cohort.
    ///
    /// # Errors
    /// With its end, if the stream can't go on. What it was owed is counted as dropped then.
    pub(crate) fn settle(
        &mut self,
        registry: &mut Registry,
        matcher: &mut Matcher,
        key: SubscriberKey,
    ) -> Result<(), End> {
        let Some(&Live { position, .. }) = registry.get(key).and_then(Subscriber::live) else {
            return Ok(());
        };
        let cohort = matcher.cohort(position.cohort);
        if cohort.batch.is_empty() || cohort.members.has_flushed(position.member) {
            return Ok(());
        }
        let tenant = matcher.tenant(position.cohort.tenant);
        let limits = tenant.limits();
        let TenantCohorts { tenant, cohorts, .. } = tenant;
        let cohort = &mut cohorts[position.cohort.cohort as usize];
        let written = self.write_each(registry, &cohort.audience(&limits, tenant), key);
        // It does not receive it again, with the others.
        cohort.members.pass(position.member, |(moved, to)| registry.move_member(moved, to));
        written
    }

    /// Sends the member's own of the cohort's batch. As long as its outlet takes it, the ring is emptied before it is
    /// full: a batch may be larger than a ring, and a peer that reads loses nothing.
    pub(super) fn write_each(
        &mut self,
        registry: &mut Registry,
        audience: &Audience<'_>,
        key: SubscriberKey,
    ) -> Result<(), End> {
        if self.write_own(&mut registry[key], audience)? {
            registry.revisit(key);
        }
        Ok(())
    }

    /// Whether a ring is to be written before it holds this one of the batch.
    fn is_full(&self, subscriber: &Subscriber, audience: &Audience<'_>, number: u32) -> bool {
        let outgoing = &self.tick.outgoing[number as usize];
        subscriber
            .ring
            .as_ref()
            .is_some_and(|ring| ring.queued() >= AT_ONCE || !ring.has_room_for(outgoing, &self.bounds(audience)))
    }

    /// As [`Delivery::write_each`]. Returns whether it needs another visit.
    fn write_own(&mut self, subscriber: &mut Subscriber, audience: &Audience<'_>) -> Result<bool, End> {
        let (mut is_waiting, mut has_more) = (subscriber.ring.is_some(), false);
        for (at, &number) in audience.batch.iter().enumerate() {
            if !is_waiting && self.is_full(subscriber, audience, number) {
                let written = self.write_some(subscriber);
                has_more = written.inspect_err(|_| self.drop_all(subscriber, &audience.batch[at..]))?;
                is_waiting = subscriber.ring.is_some();
            }
            let held = self.hold(subscriber, audience, number);
            held.inspect_err(|_| self.drop_all(subscriber, &audience.batch[at + 1..]))?;
        }
        if is_waiting {
            return Ok(has_more);
        }
        self.write_some(subscriber)
    }

    /// Counts as dropped what its cohort's batch still has for a subscriber that will not receive it.
    pub(crate) fn forgo(&mut self, registry: &mut Registry, matcher: &Matcher, key: SubscriberKey) {
        let Some(&Live { position, .. }) = registry.get(key).and_then(Subscriber::live) else {
            return;
        };
        let cohort = matcher.cohort(position.cohort);
        if !cohort.members.has_flushed(position.member) {
            self.drop_all(&mut registry[key], &cohort.batch);
        }
    }

    /// Counts the subscriber's own of these events as dropped.
    pub(super) fn drop_all(&mut self, subscriber: &mut Subscriber, numbers: &[u32]) {
        if subscriber.is_behind() {
            // They are among those that it has yet to read.
            return;
        }
        let events = self.tick.events_behind(subscriber.after, numbers);
        self.count_matched(events);
        subscriber.count_dropped(events, &self.metrics);
    }
}
