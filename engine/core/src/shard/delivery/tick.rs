//! From the inbox into the batches of the cohorts.
//!
//! A tick takes everything out of the inbox and adds it to the batches of the cohorts that want it. With one event
//! waiting it goes out at once: no timer, no added latency. Under load the batches grow by themselves, and the price per
//! event falls. Invariant: a number in a batch is an index of the tick's list, which is emptied only when every batch is
//! flushed.

use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use crate::event::Event;
use crate::history::Position;
use crate::inbox::{Inbox, Item};
use crate::index::Tenant;
use crate::shard::keys::CohortKey;
use crate::shard::matcher::{Cohort, Matcher, Waiting};
use crate::shard::metrics::Received;
use crate::shard::outgoing::Outgoing;
use floodway_protocol::messages::notice::{Gap, Notice};

/// A tick takes no more events once it has this many bytes: its memory stays bounded, whatever devices send.
const TICK_BYTES: usize = 1024 * 1024;

/// What is under way between the inbox and the subscribers.
#[derive(Debug, Default)]
pub(crate) struct Tick {
    pub(super) outgoing: Vec<Rc<Outgoing>>,
    /// Cohorts with a batch; the first is being flushed.
    pub(super) dirty: VecDeque<CohortKey>,
    pub(super) batch: Batch,
    /// Events that paces had held back and released, once for each member whose own they are: counted as matched and held
    /// when they came, and so until it is counted what becomes of them.
    pub(super) released: u64,
    /// Events times members that are behind and read them from history, not counted in the metrics yet.
    behind: u64,
}

impl Tick {
    pub(crate) fn is_over(&self) -> bool {
        self.dirty.is_empty()
    }

    /// Every batch is flushed.
    pub(super) fn end(&mut self) {
        self.outgoing.clear();
    }

    /// Takes what waits in the inbox and matches it, behind what paces have held back until now.
    pub(crate) fn fill(&mut self, inbox: &Inbox, matcher: &mut Matcher) {
        let (mut bytes, mut took) = (self.add_due(matcher), false);
        while bytes < TICK_BYTES {
            match inbox.take() {
                Some(Item::Event(event, position)) => bytes += self.add_event(event, position, matcher),
                Some(Item::UpstreamGap(tenant, position)) => {
                    self.add_notice(&tenant, Notice::gap(Gap::Upstream), position, matcher);
                }
                Some(Item::Upstream(source, position)) => {
                    let notice = Notice::source(source.state, source.since);
                    self.add_notice(&source.tenant, notice, position, matcher);
                }
                None => break,
            }
            took = true;
        }
        if took {
            inbox.made_room();
        }
    }

    /// What is to be counted as matched and held for members that are behind.
    pub(super) fn take_behind(&mut self) -> u64 {
        std::mem::take(&mut self.behind)
    }

    /// Matches an event, and returns about how many bytes it costs until the tick is over: itself, a text for each
    /// projection, and its place in each batch.
    fn add_event(&mut self, event: Arc<Event>, position: Position, matcher: &mut Matcher) -> usize {
        let (number, dirty) = (self.next_number(), &mut self.dirty);
        let matched = matcher.match_event(&event, position, number, |cohort| dirty.push_back(cohort));
        self.behind += matched.behind;
        let size = event.json().len();
        if matched.cohorts > 0 {
            self.outgoing.push(Rc::new(Outgoing::of_event(event, position)));
        }
        size * (1 + matched.narrowed) + size_of::<u32>() * matched.cohorts
    }

    /// Adds what paces have held back until now, in the order in which it came; returns about how many bytes it costs until
    /// the tick is over.
    fn add_due(&mut self, matcher: &mut Matcher) -> usize {
        let (mut bytes, mut due) = (0, Vec::new());
        while bytes < TICK_BYTES
            && let Some((cohort, waiting)) = matcher.take_due()
        {
            bytes += 2 * waiting.event.json().len();
            due.push((cohort, waiting));
        }
        due.sort_by_key(|(_, waiting)| waiting.position);
        for (cohort, Waiting { event, position, owners }) in due {
            self.released += owners;
            let number = self.put(event, position);
            if matcher.add(cohort, number) {
                self.dirty.push_back(cohort);
            }
        }
        bytes
    }

    /// A notice goes to all of the tenant's subscribers.
    fn add_notice(&mut self, tenant: &Tenant, notice: Notice, position: Position, matcher: &mut Matcher) {
        let (number, dirty) = (self.next_number(), &mut self.dirty);
        let notice = Rc::new(Outgoing::of_notice(notice, position));
        if matcher.match_all(tenant, &notice, number, |cohort| dirty.push_back(cohort)) {
            self.outgoing.push(notice);
        }
    }

    /// Adds an event that a pace had held back; returns its number.
    pub(super) fn put(&mut self, event: Arc<Event>, position: Position) -> u32 {
        let number = self.next_number();
        self.outgoing.push(Rc::new(Outgoing::of_event(event, position)));
        number
    }

    /// Takes the newest ones out again: they are in no batch.
    pub(super) fn take_back(&mut self, count: usize) {
        self.outgoing.truncate(self.outgoing.len() - count);
    }

    /// How many of these are events behind `after`.
    pub(crate) fn events_behind(&self, after: Position, numbers: &[u32]) -> u64 {
        let outgoing = numbers.iter().map(|&number| &self.outgoing[number as usize]);
        let own = outgoing.filter(|outgoing| outgoing.event().is_some() && outgoing.position > after);
        own.count() as u64
    }

    fn next_number(&self) -> u32 {
        u32::try_from(self.outgoing.len()).expect("a tick is bounded")
    }

    /// Makes the batch of the first dirty cohort one run of bytes.
    pub(super) fn gather(&mut self, cohort: &Cohort) {
        let Self { outgoing, batch, .. } = self;
        if batch.is_gathered {
            return;
        }
        batch.bytes.clear();
        batch.ends.clear();
        batch.received.clear();
        (batch.events, batch.gaps, batch.oldest) = (0, 0, Position::MAX);
        for &number in &cohort.batch {
            let one = &outgoing[number as usize];
            batch.bytes.extend_from_slice(one.frame(&cohort.key).unwrap_or_default());
            batch.ends.push(batch.bytes.len());
            batch.oldest = batch.oldest.min(one.position);
            if let Some(event) = one.event() {
                batch.events += 1;
                batch.received.add(event.received(), 1);
            } else {
                batch.gaps += one.gaps();
            }
        }
        batch.is_gathered = true;
    }
}

/// The first dirty cohort's batch, gathered.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) is_gathered: bool,
    pub(super) bytes: Vec<u8>,
    /// Where each event and notice ends among the bytes.
    pub(super) ends: Vec<usize>,
    pub(super) events: u64,
    /// When these were received.
    pub(super) received: Received,
    /// Gaps that notices among them report.
    pub(super) gaps: u64,
    /// The smallest position among them.
    pub(super) oldest: Position,
    /// Writes of it that are not counted in the metrics yet, and those of them that were taken whole.
    pub(super) writes: u64,
    pub(super) whole: u64,
}
