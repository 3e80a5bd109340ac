//! Batches go out: one write a member, of bytes gathered once for all of them.
//!
//! Only a member that can't take its batch whole gets a ring for the rest. A tick is cut into slices, so that ten thousand
//! writes do not keep the shard from reading; and if so much arrives meanwhile that the inbox fills, the rest of the tick
//! goes to the rings, whose policy then decides what is lost.

use std::io;
use std::mem::take;

use super::Delivery;
use super::uring::SENDS;
use super::write::write_now;
use crate::index::TenantCounters;
use crate::shard::keys::{CohortKey, SubscriberKey};
use crate::shard::matcher::{Audience, Matcher, TenantCohorts};
use crate::shard::metrics::STRIDE;
use crate::shard::outlet::Outlet;
use crate::shard::registry::{Registry, Subscriber};
use floodway_protocol::End;

impl Delivery {
    /// Writes batches to up to `budget` subscribers.
    pub(crate) fn flush(&mut self, registry: &mut Registry, matcher: &mut Matcher, mut budget: usize) {
        // Members that are written to between two looks at the clock. What one system call sends is not cut for this.
        let stride = if self.uring.is_some() { SENDS } else { STRIDE };
        while budget > 0
            && let Some(&key) = self.tick.dirty.front()
        {
            let most = budget.min(stride);
            let tenant = matcher.tenant(key.tenant);
            let reached = self.flush_some(registry, tenant, key.cohort, most);
            budget -= reached;
            if reached < most {
                self.end_flush(matcher, key);
            }
        }
        self.count_delays();
        if self.tick.is_over() {
            self.tick.end();
        }
    }

    /// Writes a cohort's batch to `most` of its members that have not had it, or to all of them if they are fewer; returns
    /// to how many. Not inlined: the loop over the subscribers is to have the registers for itself.
    #[inline(never)]
    fn flush_some(&mut self, registry: &mut Registry, tenant: &mut TenantCohorts, cohort: u32, most: usize) -> usize {
        let limits = tenant.limits();
        let TenantCohorts { tenant, counters, cohorts, .. } = tenant;
        let cohort = &mut cohorts[cohort as usize];
        self.tick.gather(cohort);
        let (members, audience) = cohort.take(most, &limits, tenant);
        for &key in members {
            self.deliver(registry, &audience, key);
        }
        self.send_queued(registry, &audience);
        self.count_batches(counters);
        members.len()
    }

    /// Ends the tick at once: what was not flushed yet goes to the rings.
    pub(crate) fn hold_tick(&mut self, registry: &mut Registry, matcher: &mut Matcher) {
        while let Some(&cohort) = self.tick.dirty.front() {
            let tenant = matcher.tenant(cohort.tenant);
            let limits = tenant.limits();
            let TenantCohorts { tenant, cohorts, .. } = tenant;
            let (members, audience) = cohorts[cohort.cohort as usize].take(usize::MAX, &limits, tenant);
            for &key in members {
                let subscriber = &mut registry[key];
                let is_waiting = subscriber.ring.is_some();
                self.hold_all(subscriber, &audience, audience.batch, key);
                if !is_waiting && subscriber.ring.is_some() {
                    // Nothing waited before, so its outlet does not report by itself.
                    registry.revisit(key);
                }
            }
            self.end_flush(matcher, cohort);
        }
        self.tick.end();
    }

    fn end_flush(&mut self, matcher: &mut Matcher, cohort: CohortKey) {
        matcher.end_flush(cohort);
        self.tick.dirty.pop_front();
        self.tick.batch.is_gathered = false;
    }

    /// Publishes what the members took since the last call: a few adds for all of them.
    fn count_batches(&mut self, counters: &TenantCounters) {
        let batch = &mut self.tick.batch;
        let (writes, whole) = (take(&mut batch.writes), take(&mut batch.whole));
        let (events, bytes, gaps) = (whole * batch.events, whole * batch.bytes.len() as u64, whole * batch.gaps);
        self.untimed.add_batch(&batch.received, writes, whole);
        counters.delivered.add(events);
        counters.bytes.add(bytes);
        self.count_matched(events);
        let metrics = &self.metrics;
        metrics.events.delivered.add(events);
        metrics.bytes.add(bytes);
        metrics.writes.add(writes);
        metrics.gaps.upstream.add(gaps);
        if self.untimed.is_due() {
            self.count_delays();
        }
    }

    /// Writes the gathered batch to one member. All that is done per subscriber and flush is in here.
    fn deliver(&mut self, registry: &mut Registry, audience: &Audience<'_>, key: SubscriberKey) {
        let subscriber = &mut registry[key];
        let batch = &self.tick.batch;
        if subscriber.ring.is_some() {
            return self.hold_all(subscriber, audience, audience.batch, key);
        }
        if subscriber.after >= batch.oldest {
            return self.deliver_own(registry, audience, key);
        }
        if self.uring.is_some() && subscriber.outlet.socket().is_some() {
            self.queued.push(key);
            return;
        }
        self.write_batch(subscriber, audience, key);
    }

    /// Only a part of the batch is the member's own: it came, or changed its filter, in the middle of it.
    #[cold]
    fn deliver_own(&mut self, registry: &mut Registry, audience: &Audience<'_>, key: SubscriberKey) {
        if let Err(end) = self.write_each(registry, audience, key) {
            self.failed.push((key, end));
        }
    }

    #[inline(always)]
    fn write_batch(&mut self, subscriber: &mut Subscriber, audience: &Audience<'_>, key: SubscriberKey) {
        let bytes = &self.tick.batch.bytes;
        let written = write_now(bytes, |bytes| subscriber.outlet.write(bytes));
        self.account(subscriber, audience, key, written);
    }

    /// Writes the gathered batch to the queued members, many with one system call.
    fn send_queued(&mut self, registry: &mut Registry, audience: &Audience<'_>) {
        if self.queued.is_empty() {
            return;
        }
        let queued = take(&mut self.queued);
        for keys in queued.chunks(SENDS) {
            let mut sent = 0;
            if let Some(mut uring) = self.uring.take() {
                let outlets = keys.iter().map(|&key| &registry[key].outlet);
                let results = uring.send(&self.tick.batch.bytes, outlets.filter_map(Outlet::socket));
                for (&key, &result) in keys.iter().zip(results) {
                    self.account_sent(&mut registry[key], audience, key, result);
                }
                sent = results.len();
                // Without a queue from now on, if the kernel has refused this one.
                self.uring = (sent == keys.len()).then_some(uring);
            }
            for &key in &keys[sent..] {
                self.write_batch(&mut registry[key], audience, key);
            }
        }
        self.queued = queued;
        self.queued.clear();
    }

    /// As [`Delivery::account`], for the result that io_uring gives: the bytes taken, or a negated `errno`.
    fn account_sent(&mut self, subscriber: &mut Subscriber, audience: &Audience<'_>, key: SubscriberKey, result: i32) {
        let written = match usize::try_from(result) {
            Ok(n) => Ok(n),
            Err(_) => match io::Error::from_raw_os_error(-result) {
                error if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
                error if error.kind() == io::ErrorKind::Interrupted => {
                    return self.write_batch(subscriber, audience, key);
                }
                error => Err(error),
            },
        };
        self.account(subscriber, audience, key, written);
    }

    /// Counts what its outlet took of the gathered batch, and holds the rest. Inlined: part of what is done per subscriber.
    #[inline(always)]
    fn account(
        &mut self,
        subscriber: &mut Subscriber,
        audience: &Audience<'_>,
        key: SubscriberKey,
        written: io::Result<usize>,
    ) {
        let batch = &mut self.tick.batch;
        batch.writes += 1;
        match written {
            Ok(n) if n == batch.bytes.len() => {
                batch.whole += 1;
                subscriber.output.last_write = self.clock.tenths();
                subscriber.output.events += batch.events;
                subscriber.output.bytes += n as u64;
            }
            Ok(n) => self.hold_rest(subscriber, audience, key, n),
            Err(_) => self.lose(subscriber, key),
        }
    }

    /// Its outlet has failed: nothing of the batch reached it.
    #[cold]
    fn lose(&mut self, subscriber: &mut Subscriber, key: SubscriberKey) {
        let events = self.tick.batch.events;
        self.count_matched(events);
        subscriber.count_dropped(events, &self.metrics);
        self.failed.push((key, End::Gone));
    }
}
