//! The last event of each device.
//!
//! Invariant: what is folded in, is folded in order, each entry once; so the least recently used device is the one that
//! published longest ago, and is the one that makes room. What a source had kept from before is older than all of that.

use std::num::NonZeroUsize;
use std::sync::Arc;

use lru::LruCache;

use super::histories::Histories;
use super::{Position, View};
use crate::event::Event;

/// Last events, as of a position.
#[derive(Clone, Debug)]
pub struct LastValues {
    /// By device. A device's event is replaced where it is: most events are of a device that is known.
    events: LruCache<Arc<str>, Arc<Event>>,
    devices_max: usize,
    /// The position of the next entry to fold in.
    next: Position,
    /// How many it was given that were never entries.
    seeds: u64,
}

impl LastValues {
    pub(super) fn new(devices_max: NonZeroUsize, next: Position) -> Self {
        Self { events: LruCache::unbounded(), devices_max: devices_max.get(), next, seeds: 0 }
    }

    /// The position of the first entry that is not in it.
    pub fn next(&self) -> Position {
        self.next
    }

    /// How many events it was given that were never entries. It grows while the values may be others at the same position.
    pub fn seeds(&self) -> u64 {
        self.seeds
    }

    pub(super) fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// The events, those of the devices that published longest ago first.
    pub fn events(&self) -> impl Iterator<Item = &Arc<Event>> {
        self.events.iter().rev().map(|(_, event)| event)
    }

    /// Takes in the entries of `view` before `end`. Memory is counted in `all`, if it is given.
    pub(super) fn fold(&mut self, view: &View, end: Position, all: Option<&Histories>) {
        let mut next = self.next;
        for (position, entry) in view.entries(self.next).take_while(|(position, _)| *position < end) {
            if let Some(event) = entry.event() {
                self.put(event, all);
            }
            next = position + 1;
        }
        self.next = next;
    }

    /// Takes in an event from before the first entry, unless one of its device is known already, or there is no room.
    pub(super) fn seed(&mut self, event: &Arc<Event>, all: &Histories) {
        if self.events.contains(event.device()) || self.events.len() >= self.devices_max {
            return;
        }
        self.events.push(event.device().into(), Arc::clone(event));
        self.events.demote(event.device());
        self.seeds += 1;
        all.value_replaced(event.memory(), None);
    }

    fn put(&mut self, event: &Arc<Event>, all: Option<&Histories>) {
        let gone = if let Some(known) = self.events.get_mut(event.device()) {
            Some(std::mem::replace(known, Arc::clone(event)))
        } else {
            self.events.push(event.device().into(), Arc::clone(event));
            let oldest = (self.events.len() > self.devices_max).then(|| self.events.pop_lru());
            let oldest = oldest.flatten().map(|(_, oldest)| oldest);
            if let (Some(_), Some(all)) = (&oldest, all) {
                all.device_fell_out();
            }
            oldest
        };
        if let Some(all) = all {
            all.value_replaced(event.memory(), gone.map(|gone| gone.memory()));
        }
    }

    /// Forgets all devices. Returns how many bytes that gave back.
    pub(super) fn clear(&mut self, all: &Histories) -> u64 {
        let mut bytes = 0;
        while let Some((_, gone)) = self.events.pop_lru() {
            bytes += gone.memory() as u64;
            all.value_gone(gone.memory());
        }
        bytes
    }
}

#[cfg(all(test, not(floodway_loom)))]
mod tests;
