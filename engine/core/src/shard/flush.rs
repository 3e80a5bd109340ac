//! Batches go out: one write a member, of bytes gathered once for all of them.
//!
//! Only who can't take its batch whole gets a ring for the rest. A tick is cut into slices, so that ten thousand writes
//! keep nobody from being read; and if so much arrives meanwhile that the inbox fills, the rest of the tick goes to the
//! rings, whose policy then decides what is lost.

use std::io;
use std::mem::take;
use std::rc::Rc;

use super::delays::stride;
use super::outgoing::{Addressed, Outgoing};
use super::outlet::Outlet;
use super::ring::Pushed;
use super::state::State;
use super::subscriber::{Key, Phase};
use super::uring::SENDS;
use super::write::write_now;
use crate::index::{Limit, Limits};
use floodway_protocol::ends::End;

/// Events that are put into a ring before it is written, if nothing waited: as many as one turn is sure to write.
const AT_ONCE: usize = 128;

impl State {
    /// Writes batches to up to `budget` subscribers.
    pub(super) fn flush(&mut self, mut budget: usize) {
        let stride = stride(self.uring.is_some());
        while budget > 0
            && let Some(&(table, cohort)) = self.tick.dirty.front()
        {
            let most = budget.min(stride);
            let reached = self.flush_some(table, cohort, most);
            budget -= reached;
            if reached < most {
                self.end_flush(table, cohort);
            }
        }
        self.take_times();
        if self.tick.is_over() {
            self.tick.end();
        }
    }

    /// Writes a cohort's batch to `most` of its members that have not had it, or to all of them if they are fewer; returns
    /// to how many. Not inlined: the loop over the subscribers is to have the registers for itself.
    #[inline(never)]
    fn flush_some(&mut self, table: u32, cohort: u32, most: usize) -> usize {
        self.gather(table, cohort);
        let mut reached = 0;
        while reached < most
            && let Some(key) = self.next_member(table, cohort)
        {
            self.deliver(key);
            reached += 1;
        }
        self.send_queued();
        self.count_batches(table);
        reached
    }

    /// Ends the tick at once: what was not flushed yet goes to the rings.
    pub(super) fn spill(&mut self) {
        while let Some(&(table, cohort)) = self.tick.dirty.front() {
            self.gather(table, cohort);
            while let Some(key) = self.next_member(table, cohort) {
                if self.hold_batch(key) {
                    self.look_again_at(key);
                }
            }
            self.end_flush(table, cohort);
        }
        self.tick.end();
    }

    fn next_member(&mut self, table: u32, cohort: u32) -> Option<Key> {
        self.tables[table as usize].cohorts[cohort as usize]
            .members
            .next()
    }

    fn end_flush(&mut self, table: u32, cohort: u32) {
        self.tables[table as usize].end_flush(cohort);
        self.close_table_if_empty(table);
        self.tick.dirty.pop_front();
        self.tick.batch.is_gathered = false;
    }

    /// Publishes what the members took since the last call: a few adds for all of them.
    fn count_batches(&mut self, table: u32) {
        let batch = &mut self.tick.batch;
        let (writes, whole) = (take(&mut batch.writes), take(&mut batch.whole));
        let (events, bytes) = (whole * batch.events, whole * batch.bytes.len() as u64);
        self.written.add_batch(&batch.received, writes, whole);
        let counters = &self.tables[table as usize].counters;
        counters.delivered.add(events);
        counters.bytes.add(bytes);
        let metrics = &self.metrics;
        metrics.matched.add(events);
        metrics.delivered.add(events);
        metrics.bytes.add(bytes);
        metrics.writes.add(writes);
        metrics.upstream_gaps.add(whole * batch.gaps);
        if self.written.is_due() {
            self.written.settle(&metrics.delays);
        }
    }

    /// Counts how long those deliveries took whose time was not taken yet.
    pub(super) fn take_times(&mut self) {
        self.written.settle(&self.metrics.delays);
    }

    /// Writes the gathered batch to one member. All that is done per subscriber and flush is in here.
    fn deliver(&mut self, key: Key) {
        let subscriber = &mut self.subscribers[key.0 as usize];
        let batch = &self.tick.batch;
        if subscriber.ring.is_some() {
            self.hold_batch(key);
            return;
        }
        if subscriber.from.get() >= batch.oldest || subscriber.whole_from > self.tick.serial {
            let numbers: Vec<u32> = batch.ends.iter().map(|&(_, number)| number).collect();
            return self.write_parcels(key, &numbers);
        }
        if self.uring.is_some() && subscriber.outlet.socket().is_some() {
            self.queued.push(key);
            return;
        }
        let written = write_now(&batch.bytes, |bytes| subscriber.outlet.write(bytes));
        self.account(key, written);
    }

    fn write_batch(&mut self, key: Key) {
        let outlet = &mut self.subscribers[key.0 as usize].outlet;
        let written = write_now(&self.tick.batch.bytes, |bytes| outlet.write(bytes));
        self.account(key, written);
    }

    /// Writes the gathered batch to those who are queued for it, many with one system call.
    fn send_queued(&mut self) {
        if self.queued.is_empty() {
            return;
        }
        let queued = std::mem::take(&mut self.queued);
        for keys in queued.chunks(SENDS) {
            let taken = self.uring.take();
            let outlets = keys
                .iter()
                .map(|key| &self.subscribers[key.0 as usize].outlet);
            let mut sent = 0;
            if let Some(mut uring) = taken {
                let results =
                    uring.send(&self.tick.batch.bytes, outlets.filter_map(Outlet::socket));
                for (&key, &result) in keys.iter().zip(results) {
                    self.account_sent(key, result);
                }
                sent = results.len();
                // Without a queue from now on, if the kernel has refused this one.
                self.uring = (sent == keys.len()).then_some(uring);
            }
            for &key in &keys[sent..] {
                self.write_batch(key);
            }
        }
        self.queued = queued;
        self.queued.clear();
    }

    /// As [`State::account`], for what io_uring has told: the bytes taken, or a negated `errno`.
    fn account_sent(&mut self, key: Key, result: i32) {
        match usize::try_from(result) {
            Ok(n) => self.account(key, Ok(n)),
            Err(_) => match io::Error::from_raw_os_error(-result) {
                error if error.kind() == io::ErrorKind::WouldBlock => self.account(key, Ok(0)),
                error if error.kind() == io::ErrorKind::Interrupted => self.write_batch(key),
                error => self.account(key, Err(error)),
            },
        }
    }

    /// Counts what its outlet took of the gathered batch, and holds the rest. Inlined: part of what is done per subscriber.
    #[inline(always)]
    fn account(&mut self, key: Key, written: io::Result<usize>) {
        let batch = &mut self.tick.batch;
        batch.writes += 1;
        let subscriber = &mut self.subscribers[key.0 as usize];
        match written {
            Ok(n) if n == batch.bytes.len() => {
                batch.whole += 1;
                subscriber.last_write = self.sweep.ticks();
                subscriber.delivered += batch.events;
                subscriber.bytes += n as u64;
            }
            Ok(n) => self.hold_rest(key, n),
            Err(_) => self.lose(key),
        }
    }

    /// Its outlet has failed: nothing of the batch reached it.
    #[cold]
    fn lose(&mut self, key: Key) {
        let events = self.tick.batch.events;
        self.metrics.matched.add(events);
        self.subscribers[key.0 as usize].count_dropped(events, &self.metrics);
        self.end(key, &End::Gone);
    }

    /// The outlet took only `n` bytes of the batch: the rest waits in a ring.
    #[cold]
    fn hold_rest(&mut self, key: Key, n: usize) {
        if self.subscribers[key.0 as usize].outlet.events().is_some() {
            return self.write_events(key);
        }
        let batch = &self.tick.batch;
        let whole = batch.ends.partition_point(|&(end, _)| end <= n);
        let mut events = 0;
        for &(_, number) in &batch.ends[..whole] {
            let parcel = &self.tick.parcels[number as usize];
            match parcel.event() {
                Some(event) => {
                    events += 1;
                    self.written.add_one(event.received());
                }
                None => self.metrics.upstream_gaps.add(parcel.gaps()),
            }
        }
        let start = whole.checked_sub(1).map_or(0, |last| batch.ends[last].0);
        let now = self.sweep.ticks();
        let subscriber = &mut self.subscribers[key.0 as usize];
        self.metrics.matched.add(events);
        subscriber.count_sent(events, n as u64, &self.metrics);
        subscriber.last_write = now;
        subscriber.ring_from(now, &self.metrics);
        for at in whole..self.tick.batch.ends.len() {
            let number = self.tick.batch.ends[at].1;
            let written = if at == whole { n - start } else { 0 };
            self.hold(key, number, written);
        }
    }

    /// Puts those parcels of the gathered batch that are the subscriber's own into its ring. Returns whether the ring
    /// is new: nothing waited before, so nobody will come back for it by themselves.
    fn hold_batch(&mut self, key: Key) -> bool {
        let is_waiting = self.has_ring(key);
        for at in 0..self.tick.batch.ends.len() {
            self.hold(key, self.tick.batch.ends[at].1, 0);
        }
        !is_waiting && self.has_ring(key)
    }

    fn has_ring(&self, key: Key) -> bool {
        self.subscribers
            .get(key.0 as usize)
            .is_some_and(|subscriber| subscriber.ring.is_some())
    }

    /// Delivers what its cohort's batch still has for a subscriber, so that it may leave the cohort.
    pub(super) fn settle(&mut self, key: Key) {
        let Some(seat) = self
            .subscribers
            .get(key.0 as usize)
            .and_then(|subscriber| subscriber.seat())
        else {
            return;
        };
        let cohort = &self.tables[seat.table as usize].cohorts[seat.cohort as usize];
        if cohort.batch.is_empty() || cohort.members.has_flushed(seat.seat) {
            return;
        }
        let numbers = cohort.batch.clone();
        self.write_parcels(key, &numbers);
    }

    /// Sends those of the parcels that are the subscriber's own. As long as its outlet takes them the ring is emptied
    /// before it is full: a batch may be larger than a ring, and who reads loses nothing.
    fn write_parcels(&mut self, key: Key, numbers: &[u32]) {
        let queue_size = self
            .limits(key)
            .map_or(AT_ONCE, |limits| limits.queue_size.get());
        let full = AT_ONCE.min(queue_size) as u64;
        let mut is_waiting = self.has_ring(key);
        for &number in numbers {
            self.hold(key, number, 0);
            let subscriber = self.subscribers.get(key.0 as usize);
            if !is_waiting && subscriber.is_some_and(|subscriber| subscriber.held() >= full) {
                self.write_ring(key);
                is_waiting = self.has_ring(key);
            }
        }
        if !is_waiting {
            self.write_ring(key);
        }
    }

    /// Writes the gathered batch to one that takes events whole, and so none of its bytes.
    fn write_events(&mut self, key: Key) {
        self.tick.batch.writes -= 1;
        let numbers: Vec<u32> = self.tick.batch.ends.iter().map(|&(_, n)| n).collect();
        self.write_parcels(key, &numbers);
    }

    /// Counts what its cohort's batch still has for a subscriber that will not receive it.
    pub(super) fn forgo(&mut self, key: Key) {
        let Some(subscriber) = self.subscribers.get_mut(key.0 as usize) else {
            return;
        };
        let Some(seat) = subscriber.seat() else {
            return;
        };
        let cohort = &self.tables[seat.table as usize].cohorts[seat.cohort as usize];
        if cohort.members.has_flushed(seat.seat) {
            return;
        }
        let events = cohort
            .batch
            .iter()
            .filter_map(|&number| self.tick.parcels[number as usize].event())
            .filter(|event| event.id() > subscriber.from);
        let events = events.count() as u64;
        self.metrics.matched.add(events);
        subscriber.count_dropped(events, &self.metrics);
        subscriber.from = subscriber.from.max(self.matched);
    }

    /// Puts one parcel into a subscriber's ring, of which `written` bytes are on the wire.
    fn hold(&mut self, key: Key, number: u32, written: usize) {
        let parcel = Rc::clone(self.parcel(number));
        let Some(subscriber) = self.subscribers.get_mut(key.0 as usize) else {
            return;
        };
        match parcel.event() {
            Some(event) if event.id() <= subscriber.from => return,
            Some(event) => subscriber.from = event.id(),
            None if subscriber.whole_from > self.tick.serial => return,
            None => {}
        }
        let Phase::Live { seat, .. } = &subscriber.phase else {
            // An event before this one in the batch has ended the stream.
            let events = u64::from(parcel.event().is_some());
            self.metrics.matched.add(events);
            return subscriber.count_dropped(events, &self.metrics);
        };
        let table = &mut self.tables[seat.table as usize];
        let spec = Rc::clone(&table.cohorts[seat.cohort as usize].spec);
        let encoding = subscriber.encoding;
        let ring = subscriber.ring_from(self.sweep.ticks(), &self.metrics);
        if written > 0 {
            self.metrics.count_begun(&parcel);
            return ring.begin_with(Addressed { parcel, spec }, written);
        }
        if let Outgoing::Notice(notice) = &*parcel {
            match ring.push_shared(notice, encoding, self.config.control_bytes) {
                Ok(()) => self.metrics.upstream_gaps.add(notice.gaps()),
                Err(_) => self.end(key, &End::SlowConsumer),
            }
            return;
        }
        let Limits {
            queue_size,
            overflow,
            ..
        } = table.limits();
        let pushed = ring.push(Addressed { parcel, spec }, queue_size.get(), overflow);
        self.account_pushed(key, pushed);
    }

    /// Counts what a push into a subscriber's ring has cost.
    fn account_pushed(&mut self, key: Key, pushed: Pushed) {
        self.metrics.matched.add(1);
        self.metrics.held.add(1);
        let events = match pushed {
            Pushed::Held => return,
            Pushed::Dropped(events) => events,
            Pushed::Refused => 1,
        };
        self.metrics.held.sub(events);
        let subscriber = &mut self.subscribers[key.0 as usize];
        subscriber.count_dropped(events, &self.metrics);
        let ring = subscriber.ring.as_mut();
        if ring.is_some_and(|ring| ring.is_first_loss()) {
            subscriber.note_limit(Limit::QueueSize);
        }
        if pushed == Pushed::Refused {
            self.end(key, &End::SlowConsumer);
        }
    }

    fn parcel(&self, number: u32) -> &Rc<Outgoing> {
        &self.tick.parcels[number as usize]
    }
}
