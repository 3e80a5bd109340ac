//! Drain, distribute, flush.
//!
//! A tick takes everything out of the inbox, adds it to the batches of the cohorts that want it, and then writes each
//! batch to each member: one write, of bytes gathered once for all of them. With one event waiting it goes out at once;
//! under load batches grow by themselves. Only who can't take its batch whole gets a ring for the rest. A tick is cut
//! into slices, so that ten thousand writes keep nobody from being read; and if so much arrives meanwhile that the inbox
//! fills, the rest of the tick goes to the rings, whose policy then decides what is lost.

use std::collections::VecDeque;
use std::io;
use std::rc::Rc;
use std::sync::Arc;

use super::end::End;
use super::notice::{Gap, Notice};
use super::outlet::Outlet;
use super::parcel::{Addressed, Parcel};
use super::ring::{Pushed, Ring, Sent};
use super::state::State;
use super::subscriber::{Key, Phase};
use crate::event::{Encoding, Event};
use crate::inbox::{Inbox, Item};
use crate::index::Tenant;

/// A tick takes no more events once it has this many bytes: its memory stays bounded, whatever devices send.
const TICK_BYTES: usize = 1024 * 1024;

/// Writes of a ring in one turn, of up to 64 entries each; a long ring does not keep the others waiting.
const RING_WRITES: usize = 4;

/// What is under way between the inbox and the subscribers.
#[derive(Debug, Default)]
pub(super) struct Tick {
    parcels: Vec<Rc<Parcel>>,
    /// Cohorts with a batch, by table and number; the first is being flushed.
    dirty: VecDeque<(u32, u32)>,
    batch: Batch,
}

impl Tick {
    pub(super) fn is_over(&self) -> bool {
        self.dirty.is_empty()
    }
}

/// The first dirty cohort's batch, gathered.
#[derive(Debug, Default)]
struct Batch {
    is_gathered: bool,
    bytes: Vec<u8>,
    /// Where each parcel ends among the bytes.
    ends: Vec<(usize, u32)>,
    events: u64,
    /// The id of the oldest event; `u64::MAX` if there is none.
    oldest: u64,
}

impl State {
    /// Takes what waits in the inbox and matches it.
    pub(super) fn distribute(&mut self, inbox: &Inbox) {
        let (mut bytes, mut took) = (0, false);
        while bytes < TICK_BYTES {
            match inbox.take() {
                Some(Item::Event(event)) => bytes += self.match_event(event),
                Some(Item::UpstreamGap(tenant)) => self.match_gap(&tenant),
                None => break,
            }
            took = true;
        }
        if took {
            inbox.made_room();
        }
    }

    fn match_event(&mut self, event: Arc<Event>) -> usize {
        self.matched = event.id();
        let size = event.json().len();
        let Some(&table) = self.by_tenant.get(event.tenant()) else {
            return size;
        };
        let Tick { parcels, dirty, .. } = &mut self.tick;
        let number = u32::try_from(parcels.len()).expect("a tick is bounded");
        if self.tables[table as usize]
            .match_event(&event, number, |cohort| dirty.push_back((table, cohort)))
        {
            parcels.push(Rc::new(Parcel::Event(event)));
        }
        size
    }

    fn match_gap(&mut self, tenant: &Tenant) {
        let Some(&table) = self.by_tenant.get(tenant.id()) else {
            return;
        };
        let Tick { parcels, dirty, .. } = &mut self.tick;
        let number = u32::try_from(parcels.len()).expect("a tick is bounded");
        self.tables[table as usize].match_all(number, |cohort| dirty.push_back((table, cohort)));
        parcels.push(Rc::new(Parcel::Notice(Notice::gap(Gap::Upstream))));
    }

    /// Writes batches to up to `budget` subscribers.
    pub(super) fn flush(&mut self, mut budget: usize) {
        while let Some(&(table, cohort)) = self.tick.dirty.front() {
            self.gather(table, cohort);
            while let Some(key) = self.next_member(table, cohort) {
                self.deliver(key);
                budget -= 1;
                if budget == 0 {
                    return;
                }
            }
            self.end_flush(table, cohort);
        }
        self.tick.parcels.clear();
    }

    /// Ends the tick at once: what was not flushed yet goes to the rings.
    pub(super) fn spill(&mut self) {
        while let Some(&(table, cohort)) = self.tick.dirty.front() {
            self.gather(table, cohort);
            while let Some(key) = self.next_member(table, cohort) {
                if self.hold_batch(key) {
                    self.again.push_back(self.token(key));
                }
            }
            self.end_flush(table, cohort);
        }
        self.tick.parcels.clear();
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

    /// Makes the batch of a cohort one run of bytes.
    fn gather(&mut self, table: u32, cohort: u32) {
        let Tick { parcels, batch, .. } = &mut self.tick;
        if batch.is_gathered {
            return;
        }
        let cohort = &self.tables[table as usize].cohorts[cohort as usize];
        batch.bytes.clear();
        batch.ends.clear();
        (batch.events, batch.oldest) = (0, u64::MAX);
        for &number in &cohort.batch {
            let parcel = &parcels[number as usize];
            batch
                .bytes
                .extend_from_slice(parcel.frame(&cohort.spec.view).unwrap_or_default());
            batch.ends.push((batch.bytes.len(), number));
            if let Some(event) = parcel.event() {
                batch.events += 1;
                batch.oldest = batch.oldest.min(event.id().get());
            }
        }
        batch.is_gathered = true;
    }

    /// Writes the gathered batch to one member. All that is done per subscriber and flush is in here.
    fn deliver(&mut self, key: Key) {
        let subscriber = &mut self.subscribers[key.0 as usize];
        let batch = &self.tick.batch;
        if subscriber.ring.is_some() || subscriber.from.get() >= batch.oldest {
            if self.hold_batch(key) {
                self.write_ring(key);
            }
            return;
        }
        self.metrics.writes.add(1);
        match write_now(&batch.bytes, |bytes| subscriber.outlet.write(bytes)) {
            Ok(n) if n == batch.bytes.len() => {
                subscriber.last_write = self.sweep.ticks();
                self.metrics.delivered.add(batch.events);
                self.metrics.bytes.add(n as u64);
            }
            Ok(n) => self.hold_rest(key, n),
            Err(_) => self.end(key, &End::Gone),
        }
    }

    /// The outlet took only `n` bytes of the batch: the rest waits in a ring.
    fn hold_rest(&mut self, key: Key, n: usize) {
        let batch = &self.tick.batch;
        let whole = batch.ends.partition_point(|&(end, _)| end <= n);
        let events = batch.ends[..whole]
            .iter()
            .filter(|(_, number)| self.parcel(*number).event().is_some())
            .count();
        let start = whole.checked_sub(1).map_or(0, |last| batch.ends[last].0);
        self.metrics.delivered.add(events as u64);
        self.metrics.bytes.add(n as u64);
        let subscriber = &mut self.subscribers[key.0 as usize];
        subscriber.last_write = self.sweep.ticks();
        subscriber.ring.get_or_insert_default();
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
        let is_waiting = self.has_ring(key);
        for number in cohort.batch.clone() {
            self.hold(key, number, 0);
        }
        if !is_waiting {
            self.write_ring(key);
        }
    }

    /// Puts one parcel into a subscriber's ring, of which `written` bytes are on the wire.
    fn hold(&mut self, key: Key, number: u32, written: usize) {
        let parcel = Rc::clone(self.parcel(number));
        let Some(subscriber) = self.subscribers.get_mut(key.0 as usize) else {
            return;
        };
        let Phase::Live { seat, .. } = &subscriber.phase else {
            return;
        };
        if !parcel.is_after(subscriber.from) {
            return;
        }
        let spec = Rc::clone(&self.tables[seat.table as usize].cohorts[seat.cohort as usize].spec);
        let ring = subscriber.ring.get_or_insert_default();
        if written > 0 {
            return ring.push_partly_written(Addressed { parcel, spec }, written);
        }
        if let Parcel::Notice(notice) = &*parcel {
            if ring
                .push_notice(notice.frame(subscriber.encoding), self.config.control_bytes)
                .is_err()
            {
                self.end(key, &End::SlowConsumer);
            }
            return;
        }
        match ring.push(
            Addressed { parcel, spec },
            self.config.queue_size.get(),
            self.config.overflow,
        ) {
            Pushed::Held => {}
            Pushed::Dropped(events) => self.metrics.dropped.add(events),
            Pushed::Refused => {
                self.metrics.dropped.add(1);
                self.end(key, &End::SlowConsumer);
            }
        }
    }

    fn parcel(&self, number: u32) -> &Rc<Parcel> {
        &self.tick.parcels[number as usize]
    }

    /// Sends bytes of the subscriber's own, behind what waits.
    pub(super) fn send(&mut self, key: Key, bytes: &[u8]) {
        let Some(subscriber) = self.subscribers.get_mut(key.0 as usize) else {
            return;
        };
        let bound = self.config.control_bytes;
        if let Some(ring) = &mut subscriber.ring {
            if ring.push_notice(bytes, bound).is_err() {
                self.end(key, &End::SlowConsumer);
            }
            return;
        }
        self.write_or_hold(key, bytes);
    }

    /// Sends the last bytes of a stream, which may take the notices over their bound once.
    pub(super) fn send_last(&mut self, key: Key, bytes: &[u8]) {
        let Some(subscriber) = self.subscribers.get_mut(key.0 as usize) else {
            return;
        };
        match &mut subscriber.ring {
            Some(ring) => ring.append_notice(bytes),
            None => {
                self.write_or_hold(key, bytes);
                self.finish_if_written(key);
            }
        }
    }

    fn write_or_hold(&mut self, key: Key, bytes: &[u8]) {
        let subscriber = &mut self.subscribers[key.0 as usize];
        match write_now(bytes, |bytes| subscriber.outlet.write(bytes)) {
            Ok(n) => {
                subscriber.last_write = self.sweep.ticks();
                self.metrics.bytes.add(n as u64);
                if n < bytes.len() {
                    subscriber
                        .ring
                        .get_or_insert_default()
                        .append_notice(&bytes[n..]);
                }
            }
            Err(_) => self.end(key, &End::Gone),
        }
    }

    /// Writes what waits for a subscriber, as far as its outlet takes it.
    pub(super) fn write_ring(&mut self, key: Key) {
        for _ in 0..RING_WRITES {
            let Some(subscriber) = self.subscribers.get_mut(key.0 as usize) else {
                return;
            };
            let Some(ring) = &mut subscriber.ring else {
                return;
            };
            match write_ring_once(ring, subscriber.encoding, &mut subscriber.outlet) {
                Ok(sent) => {
                    subscriber.last_write = self.sweep.ticks();
                    self.metrics.delivered.add(sent.events);
                    self.metrics.gaps.add(sent.gaps);
                    self.metrics.bytes.add(sent.bytes);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => return self.end(key, &End::Gone),
            }
            if ring.is_empty() {
                subscriber.ring = None;
                return self.finish_if_written(key);
            }
        }
        self.again.push_back(self.token(key));
    }

    /// Tells the peer of a leaving subscriber that nothing follows, once everything is written.
    fn finish_if_written(&mut self, key: Key) {
        let Some(subscriber) = self.subscribers.get_mut(key.0 as usize) else {
            return;
        };
        let is_written = subscriber.ring.is_none();
        if let Phase::Leaving { finished, .. } = &mut subscriber.phase {
            if is_written
                && !std::mem::replace(finished, true)
                && subscriber.outlet.finish().is_err()
            {
                self.end(key, &End::Gone);
            }
        }
    }
}

/// Writes what the outlet takes now; 0 if that is nothing.
fn write_now(bytes: &[u8], mut write: impl FnMut(&[u8]) -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match write(bytes) {
            Ok(0) if !bytes.is_empty() => return Err(io::ErrorKind::WriteZero.into()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(0),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            written => return written,
        }
    }
}

fn write_ring_once(ring: &mut Ring, encoding: Encoding, outlet: &mut Outlet) -> io::Result<Sent> {
    ring.write_out(encoding, |slices| {
        loop {
            match outlet.write_vectored(slices) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                written => return written,
            }
        }
    })
}
