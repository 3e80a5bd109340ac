//! What becomes of an event that comes to a ring: it is held, or the overflow policy decides.

use std::rc::Rc;

use super::{Entry, Ring};
use crate::index::Overflow;
use crate::shard::outgoing::{Addressed, Outgoing, SubscriptionKey};
use crate::shard::pinned::Pinned;
use floodway_protocol::messages::notice::Gap;

/// What may wait in one ring. An event that comes to a ring that holds none is held whatever they say.
#[derive(Clone, Copy, Debug)]
pub(in crate::shard) struct Bounds<'a> {
    /// So many events.
    pub(in crate::shard) events: usize,
    /// Events that take so much memory.
    pub(in crate::shard) bytes: usize,
    /// What the events of all rings together may take.
    pub(in crate::shard) pinned: &'a Pinned,
}

/// What came of an event that was pushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::shard) enum Pushed {
    Held,
    /// So many events, this one or older ones, were dropped for it.
    Dropped(u64),
    /// It is held, and so many older ones were passed over.
    Conflated(u64),
    /// The ring is full and its subscriber is to be disconnected; the event is not held.
    Refused,
    /// The ring is full and its subscriber reads on from history; the event is not held.
    Behind,
}

impl Ring {
    /// Puts an event at the end, or applies the policy if it has no room there.
    pub(in crate::shard) fn push(&mut self, event: Addressed, bounds: &Bounds<'_>, overflow: Overflow) -> Pushed {
        if self.conflation.is_some() {
            if overflow == Overflow::Latest {
                return Pushed::Conflated(self.push_latest(event, bounds));
            }
            // The policy has changed.
            self.end_conflation();
        }
        if self.has_room_for(&event.outgoing, bounds) || self.held == 0 {
            self.append(event, bounds.pinned);
            return Pushed::Held;
        }
        match overflow {
            Overflow::DropNewest => {
                self.drop_newest();
                Pushed::Dropped(1)
            }
            Overflow::DropOldest => {
                let mut dropped = 0;
                while self.held > 0 && (dropped == 0 || !self.may_hold(&event.outgoing, bounds)) {
                    self.drop_oldest();
                    dropped += 1;
                }
                self.append(event, bounds.pinned);
                Pushed::Dropped(dropped)
            }
            Overflow::Latest => {
                let folded = self.turn();
                Pushed::Conflated(folded + self.push_latest(event, bounds))
            }
            Overflow::Disconnect => Pushed::Refused,
            Overflow::CatchUp => Pushed::Behind,
        }
    }

    /// Whether events take the places of older ones.
    pub(in crate::shard) fn is_conflating(&self) -> bool {
        self.conflation.is_some()
    }

    /// For a ring that does not conflate: puts an event at the end if it has room there. Returns whether it did.
    #[inline]
    pub(in crate::shard) fn push_if_room(
        &mut self,
        event: &Rc<Outgoing>,
        key: &Rc<SubscriptionKey>,
        bounds: &Bounds<'_>,
    ) -> bool {
        let has_room = self.has_room_for(event, bounds) || self.held == 0;
        if has_room {
            self.append(Addressed { outgoing: Rc::clone(event), key: Rc::clone(key) }, bounds.pinned);
        }
        has_room
    }

    /// Puts an event at the end, whatever waits. Only for a new stream, before anything else comes.
    pub(in crate::shard) fn push_first(&mut self, event: Addressed, pinned: &Pinned) {
        self.append(event, pinned);
    }

    /// Whether nothing has to go for this event.
    #[inline]
    pub(in crate::shard) fn has_room_for(&self, event: &Outgoing, bounds: &Bounds<'_>) -> bool {
        self.may_hold(event, bounds) && self.may_pin(event, bounds.pinned)
    }

    /// The same, as far as it is for all rings together.
    #[inline]
    pub(super) fn may_pin(&self, event: &Outgoing, pinned: &Pinned) -> bool {
        let memory = event.memory();
        let more = if event.pinned_bytes() > 0 { 0 } else { memory };
        pinned.has_room_for(more, self.held_bytes + memory)
    }

    /// The same, as far as it is for this ring alone.
    #[inline]
    pub(super) fn may_hold(&self, event: &Outgoing, bounds: &Bounds<'_>) -> bool {
        self.held < bounds.events && self.held_bytes + event.memory() <= bounds.bytes
    }

    #[inline]
    pub(super) fn append(&mut self, event: Addressed, pinned: &Pinned) {
        self.held_bytes += event.outgoing.pin(pinned);
        self.entries.push_back(Entry::Event(event));
        self.held += 1;
    }

    /// An event that comes now is dropped.
    #[inline]
    pub(in crate::shard) fn drop_newest(&mut self) {
        match self.entries.back_mut() {
            Some(Entry::Gap(Gap::Overflow(dropped))) => *dropped += 1,
            _ => self.entries.push_back(Entry::Gap(Gap::Overflow(1))),
        }
    }

    /// The events that can be dropped or passed over, and where they are.
    pub(super) fn waiting(&self) -> impl DoubleEndedIterator<Item = (usize, &Addressed)> {
        let first = usize::from(self.written > 0);
        self.entries
            .iter()
            .enumerate()
            .skip(first)
            .filter_map(|(at, entry)| Some((at, entry.event()?)))
    }

    /// Replaces the oldest event that waits by a gap.
    fn drop_oldest(&mut self) {
        let (at, event) = self.waiting().next().expect("an event is held");
        let bytes = event.outgoing.pinned_bytes();
        self.held -= 1;
        self.held_bytes -= bytes;
        let before = at.checked_sub(1).and_then(|before| self.entries.get_mut(before));
        if let Some(Entry::Gap(Gap::Overflow(dropped))) = before {
            *dropped += 1;
            self.entries.remove(at);
            self.merge_with_next(at - 1);
        } else {
            self.entries[at] = Entry::Gap(Gap::Overflow(1));
            self.merge_with_next(at);
        }
    }

    fn merge_with_next(&mut self, at: usize) {
        if let (Some(Entry::Gap(Gap::Overflow(_))), Some(&Entry::Gap(Gap::Overflow(more)))) =
            (self.entries.get(at), self.entries.get(at + 1))
        {
            self.entries.remove(at + 1);
            if let Entry::Gap(Gap::Overflow(dropped)) = &mut self.entries[at] {
                *dropped += more;
            }
        }
    }
}
