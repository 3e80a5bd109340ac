//! From the inbox into the batches of the cohorts.
//!
//! A tick takes everything out of the inbox and adds it to the batches of the cohorts that want it. With one event
//! waiting it goes out at once: no timer, no added latency. Under load the batches grow by themselves, and the price per
//! event falls. Invariant: a parcel's number in a batch is its place in the tick's list, which is emptied only when every
//! batch is flushed.

use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use super::delays::Received;
use super::outgoing::Outgoing;
use super::state::State;
use crate::event::Event;
use crate::inbox::{Inbox, Item};
use crate::index::Tenant;
use floodway_protocol::messages::notice::{Gap, Notice};

/// A tick takes no more events once it has this many bytes: its memory stays bounded, whatever devices send.
const TICK_BYTES: usize = 1024 * 1024;

/// What is under way between the inbox and the subscribers.
#[derive(Debug, Default)]
pub(super) struct Tick {
    /// Its number; the next one begins when this one is over.
    pub(super) serial: u64,
    pub(super) parcels: Vec<Rc<Outgoing>>,
    /// Cohorts with a batch, by table and number; the first is being flushed.
    pub(super) dirty: VecDeque<(u32, u32)>,
    pub(super) batch: Batch,
}

impl Tick {
    pub(super) fn is_over(&self) -> bool {
        self.dirty.is_empty()
    }

    /// Every batch is flushed.
    pub(super) fn end(&mut self) {
        self.parcels.clear();
        self.serial += 1;
    }

    /// The first tick whose parcels are all for somebody who comes now.
    pub(super) fn next_whole(&self) -> u64 {
        self.serial + u64::from(!self.is_over())
    }
}

/// The first dirty cohort's batch, gathered.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) is_gathered: bool,
    pub(super) bytes: Vec<u8>,
    /// Where each parcel ends among the bytes.
    pub(super) ends: Vec<(usize, u32)>,
    pub(super) events: u64,
    /// When these were received.
    pub(super) received: Received,
    /// Gaps that notices among the parcels tell of.
    pub(super) gaps: u64,
    /// The id of the oldest event; `u64::MAX` if there is none.
    pub(super) oldest: u64,
    /// Writes of it that are not counted in the metrics yet, and those of them that were taken whole.
    pub(super) writes: u64,
    pub(super) whole: u64,
}

impl State {
    /// Takes what waits in the inbox and matches it.
    pub(super) fn distribute(&mut self, inbox: &Inbox) {
        let (mut bytes, mut took) = (0, false);
        while bytes < TICK_BYTES {
            match inbox.take() {
                Some(Item::Event(event)) => bytes += self.match_event(event),
                Some(Item::UpstreamGap(tenant)) => {
                    self.match_notice(&tenant, Notice::gap(Gap::Upstream));
                }
                Some(Item::Upstream(tenant, state)) => {
                    self.match_notice(&tenant, Notice::source(state));
                }
                None => break,
            }
            took = true;
        }
        if took {
            inbox.made_room();
        }
    }

    /// Matches an event, and returns about how many bytes it costs until the tick is over: itself, a text for each
    /// projection, and its place in each batch.
    fn match_event(&mut self, event: Arc<Event>) -> usize {
        self.matched = event.id();
        let size = event.json().len();
        let Some(&table) = self.by_tenant.get(event.tenant()) else {
            return size;
        };
        let Tick { parcels, dirty, .. } = &mut self.tick;
        let number = u32::try_from(parcels.len()).expect("a tick is bounded");
        let add_dirty = |cohort| dirty.push_back((table, cohort));
        let matched = self.tables[table as usize].match_event(&event, number, add_dirty);
        if matched.cohorts > 0 {
            parcels.push(Rc::new(Outgoing::Event(event)));
        }
        size * (1 + matched.narrowed) + size_of::<u32>() * matched.cohorts
    }

    /// A notice goes to all of the tenant's subscribers.
    fn match_notice(&mut self, tenant: &Tenant, notice: Notice) {
        let Some(&table) = self.by_tenant.get(tenant.id()) else {
            return;
        };
        let Tick { parcels, dirty, .. } = &mut self.tick;
        let number = u32::try_from(parcels.len()).expect("a tick is bounded");
        self.tables[table as usize].match_all(number, |cohort| dirty.push_back((table, cohort)));
        parcels.push(Rc::new(Outgoing::Notice(notice)));
    }

    /// Makes the batch of a cohort one run of bytes.
    pub(super) fn gather(&mut self, table: u32, cohort: u32) {
        let Tick { parcels, batch, .. } = &mut self.tick;
        if batch.is_gathered {
            return;
        }
        let cohort = &self.tables[table as usize].cohorts[cohort as usize];
        batch.bytes.clear();
        batch.ends.clear();
        batch.received.clear();
        (batch.events, batch.gaps, batch.oldest) = (0, 0, u64::MAX);
        for &number in &cohort.batch {
            let parcel = &parcels[number as usize];
            batch
                .bytes
                .extend_from_slice(parcel.frame(&cohort.spec.view).unwrap_or_default());
            batch.ends.push((batch.bytes.len(), number));
            if let Some(event) = parcel.event() {
                batch.events += 1;
                batch.received.add(event.received(), 1);
                batch.oldest = batch.oldest.min(event.id().get());
            } else {
                batch.gaps += parcel.gaps();
            }
        }
        batch.is_gathered = true;
    }
}
