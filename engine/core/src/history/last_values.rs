//! The last event of each device.
//!
//! Invariant: what is folded in, is folded in order, each entry once; so the least recently used device is the one that
//! published longest ago, and is the one that makes room.

use std::borrow::Borrow;
use std::hash::{Hash, Hasher};
use std::num::NonZeroUsize;
use std::sync::Arc;

use lru::LruCache;

use super::histories::Histories;
use super::{Position, View};
use crate::event::Event;

/// Last events, as of a position.
#[derive(Clone, Debug)]
pub struct LastValues {
    events: LruCache<OfDevice, ()>,
    devices_max: usize,
    /// The position of the next entry to fold in.
    next: Position,
}

/// An event, found by its device.
#[derive(Clone, Debug)]
struct OfDevice(Arc<Event>);

impl Borrow<str> for OfDevice {
    fn borrow(&self) -> &str {
        self.0.device()
    }
}

impl Hash for OfDevice {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.device().hash(state);
    }
}

impl PartialEq for OfDevice {
    fn eq(&self, other: &Self) -> bool {
        self.0.device() == other.0.device()
    }
}

impl Eq for OfDevice {}

impl LastValues {
    pub(super) fn new(devices_max: NonZeroUsize, next: Position) -> Self {
        Self { events: LruCache::unbounded(), devices_max: devices_max.get(), next }
    }

    /// The position of the first entry that is not in it.
    pub fn next(&self) -> Position {
        self.next
    }

    pub(super) fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// The events, those of the devices that published longest ago first.
    pub fn events(&self) -> impl Iterator<Item = &Arc<Event>> {
        self.events.iter().rev().map(|(event, ())| &event.0)
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

    fn put(&mut self, event: &Arc<Event>, all: Option<&Histories>) {
        let before = self.events.pop_entry(event.device());
        self.events.push(OfDevice(Arc::clone(event)), ());
        let is_over = self.events.len() > self.devices_max;
        let oldest = if is_over { self.events.pop_lru() } else { None };
        let Some(all) = all else {
            return;
        };
        all.value_added(event.memory());
        if let Some((OfDevice(gone), ())) = &before {
            all.value_gone(gone.memory());
        }
        if let Some((OfDevice(gone), ())) = &oldest {
            all.value_gone(gone.memory());
            all.device_fell_out();
        }
    }

    /// Forgets all devices. Returns how many bytes that gave back.
    pub(super) fn clear(&mut self, all: &Histories) -> u64 {
        let mut bytes = 0;
        while let Some((OfDevice(gone), ())) = self.events.pop_lru() {
            bytes += gone.memory() as u64;
            all.value_gone(gone.memory());
        }
        bytes
    }
}
