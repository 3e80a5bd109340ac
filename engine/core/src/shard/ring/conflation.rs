//! The policy `latest`: a ring that is full turns to the last event of each device, until everything is written.
//!
//! At the turn, what waits is folded to the newest event of each device, behind a gap that counts what the fold passed over.
//! From then on a new event replaces the older one of its device, and stands at the end: so what waits is always in the order
//! of the ids, and a stream that is cut in between resumes exactly. When everything is written a second gap counts what was
//! passed over since the turn, and all events follow again.
//!
//! A push costs the same however much waits. What it replaces leaves an empty place; when most places are empty they are
//! taken out, so memory is bounded however long a subscriber stalls.

use std::collections::VecDeque;
use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashSet, HashTable};

use super::push::Bounds;
use super::{Entry, Ring};
use crate::shard::outgoing::Addressed;
use floodway_protocol::messages::notice::Gap;

/// Empty places that are not worth being taken out.
pub(super) const EMPTY_PLACES: usize = 16;

#[derive(Debug)]
pub(super) struct Conflation {
    /// Where the one event of each device waits: the numbers of its entries. An entry keeps its number when those before it
    /// leave.
    places: HashTable<u64>,
    hasher: DefaultHashBuilder,
    /// The number of the first entry.
    first: u64,
    /// No event waits before the entry with this number.
    oldest: u64,
    /// Entries that are empty places.
    empty: usize,
    /// Events passed over since the turn.
    passed: u64,
}

impl Conflation {
    /// Of entries that hold one event of each device, the first `skipped` not counted.
    fn of(entries: &VecDeque<Entry>, skipped: usize, passed: u64) -> Self {
        let mut conflation = Self {
            places: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
            first: 0,
            oldest: 0,
            empty: 0,
            passed,
        };
        for at in skipped..entries.len() {
            if entries[at].event().is_some() {
                conflation.enter(entries, at);
            }
        }
        conflation
    }

    /// Notes the place of the event at `at`.
    fn enter(&mut self, entries: &VecDeque<Entry>, at: usize) {
        let (hasher, first) = (&self.hasher, self.first);
        let hash = |number: u64| hasher.hash_one(device_at(entries, first, number));
        let number = first + at as u64;
        self.places.insert_unique(hash(number), number, |&number| hash(number));
    }

    /// Forgets the place of the device's event. Returns where it is.
    fn leave(&mut self, entries: &VecDeque<Entry>, device: &str) -> Option<usize> {
        let first = self.first;
        let is_own = |&number: &u64| device_at(entries, first, number) == device;
        let found = self.places.find_entry(self.hasher.hash_one(device), is_own).ok()?;
        Some((found.remove().0 - first) as usize)
    }

    /// Forgets the place of the oldest event behind the first `skipped` entries. Returns where it is.
    fn leave_oldest(&mut self, entries: &VecDeque<Entry>, skipped: usize) -> Option<usize> {
        let start = self.oldest.saturating_sub(self.first) as usize;
        let mut behind = entries.iter().enumerate().skip(start.max(skipped));
        let (at, event) = behind.find_map(|(at, entry)| Some((at, entry.event()?)))?;
        self.oldest = self.first + at as u64;
        self.leave(entries, event.device())
    }

    /// An event whose entry is the first one no longer waits whole.
    pub(super) fn leave_front(&mut self, entries: &VecDeque<Entry>) {
        if let Some(event) = entries.front().and_then(Entry::event) {
            self.leave(entries, event.device());
        }
    }
}

fn device_at(entries: &VecDeque<Entry>, first: u64, number: u64) -> &str {
    let event = entries.get((number - first) as usize).and_then(Entry::event);
    event.expect("its place is forgotten before it leaves").device()
}

impl Ring {
    /// Folds the events that wait to the newest of each device, behind a gap. Returns how many it passed over.
    pub(super) fn turn(&mut self) -> u64 {
        let overtaken = self.overtaken();
        let place = self.waiting().next().map_or(self.entries.len(), |(at, _)| at);
        overtaken.iter().for_each(|&at| self.pass_over(at));
        let folded = overtaken.len() as u64;
        // Before the empty places are taken out: the first event may be one of them.
        self.entries.insert(place, Entry::Gap(Gap::Conflated(folded)));
        self.entries.retain(|entry| !matches!(entry, Entry::PassedOver));
        self.conflation = Some(Box::new(Conflation::of(&self.entries, usize::from(self.written > 0), 0)));
        folded
    }

    /// The events that wait, and that newer ones of the device have overtaken.
    fn overtaken(&self) -> Vec<usize> {
        let mut seen = HashSet::with_capacity(self.held);
        let overtaken = self.waiting().rev().filter(|(_, event)| !seen.insert(event.device()));
        overtaken.map(|(at, _)| at).collect()
    }

    /// Puts an event at the end of a ring that conflates. Returns how many were passed over for it.
    pub(super) fn push_latest(&mut self, event: Addressed, bounds: &Bounds<'_>) -> u64 {
        let skipped = usize::from(self.written > 0);
        let Some(mut conflation) = self.conflation.take() else {
            return 0;
        };
        let mut passed = 0;
        if let Some(older) = conflation.leave(&self.entries, event.device()) {
            self.pass_over(older);
            passed += 1;
        }
        while self.held > 0
            && (!self.may_hold(&event.outgoing, bounds)
                || (passed == 0 && !self.may_pin(&event.outgoing, bounds.pinned)))
            && let Some(oldest) = conflation.leave_oldest(&self.entries, skipped)
        {
            self.pass_over(oldest);
            passed += 1;
        }
        self.append(event, bounds.pinned);
        conflation.enter(&self.entries, self.entries.len() - 1);
        conflation.empty += passed as usize;
        conflation.passed += passed;
        self.conflation = Some(conflation);
        self.take_out_empty();
        passed
    }

    fn pass_over(&mut self, at: usize) {
        if let Entry::Event(event) = std::mem::replace(&mut self.entries[at], Entry::PassedOver) {
            self.held -= 1;
            self.held_bytes -= event.outgoing.pinned_bytes();
        }
    }

    /// Takes empty places out: at the front each, elsewhere all if they are more than half.
    fn take_out_empty(&mut self) {
        let Some(conflation) = &mut self.conflation else {
            return;
        };
        while let Some(Entry::PassedOver) = self.entries.front() {
            self.entries.pop_front();
            conflation.first += 1;
            conflation.empty -= 1;
        }
        if conflation.empty > EMPTY_PLACES.max(self.entries.len() / 2) {
            self.entries.retain(|entry| !matches!(entry, Entry::PassedOver));
            **conflation = Conflation::of(&self.entries, usize::from(self.written > 0), conflation.passed);
        }
    }

    /// The first entry has left a ring that conflates. If it was the last, its subscriber has caught up.
    #[cold]
    pub(super) fn conflate_on(&mut self) {
        if let Some(conflation) = &mut self.conflation {
            conflation.first += 1;
        }
        self.take_out_empty();
        if self.entries.is_empty() {
            self.end_conflation();
        }
    }

    /// If it conflates, all events follow from here on, behind a gap.
    pub(super) fn end_conflation(&mut self) {
        if let Some(conflation) = self.conflation.take() {
            self.entries.retain(|entry| !matches!(entry, Entry::PassedOver));
            self.entries.push_back(Entry::Gap(Gap::Conflated(conflation.passed)));
        }
    }
}
