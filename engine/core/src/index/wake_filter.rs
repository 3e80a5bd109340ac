//! The devices for whose events a shard is woken.
//!
//! Every event of a tenant goes into the inbox of each interested shard, so the order of events and the moment of a filter
//! change do not depend on this. But a shard is woken only for an event that one of its subscribers may want: waking it
//! for the others would cost more than everything else that is done with them. Invariant: if ingest puts an event into the
//! inbox and then looks the device up here, and the shard sets its bit here and then looks into its inbox, the shard finds
//! the event or is woken for it. A needless wake is harmless, and happens where two devices share a slot.

use std::hash::BuildHasher;
use std::sync::OnceLock;

use crate::sync::{AtomicU64, Ordering, fence};

/// Slots of a hash of device ids. They take 8 KiB for a tenant with a subscriber that names a device.
const SLOTS: usize = 1024;

/// The slot of a device. Devices may share one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Slot(u16);

impl Slot {
    /// The slot of `device`.
    pub fn of(device: &str) -> Self {
        let hash = foldhash::fast::FixedState::default().hash_one(device);
        Self((hash % SLOTS as u64) as u16)
    }
}

/// The shards to wake, a bit each.
#[derive(Debug)]
pub struct WakeFilter {
    /// Those to wake for every event.
    always: AtomicU64,
    slots: OnceLock<Box<[AtomicU64]>>,
}

impl WakeFilter {
    pub(super) fn new() -> Self {
        Self { always: AtomicU64::new(0), slots: OnceLock::new() }
    }

    /// The shards to wake for an event of `device` that was put into their inboxes.
    pub fn by(&self, device: &str) -> u64 {
        // Pairs with the fence in `set`. Of two SeqCst fences one comes first: if this one does, the shard finds the event in
        // its inbox; if the shard's does, its bit is read below. With AcqRel both could miss, and the event would wait there.
        fence(Ordering::SeqCst);
        let of_slot = self
            .slots
            .get()
            .map_or(0, |slots| slots[Slot::of(device).0 as usize].load(Ordering::Relaxed));
        self.always.load(Ordering::Relaxed) | of_slot
    }

    /// Sets whether `shard` is woken for the events of one slot's devices, or with `None` for every event. The shard must
    /// look into its inbox afterwards.
    pub fn set(&self, shard: usize, slot: Option<Slot>, wakes: bool) {
        let slots = || self.slots.get_or_init(|| (0..SLOTS).map(|_| AtomicU64::new(0)).collect());
        let shards = slot.map_or(&self.always, |slot| &slots()[slot.0 as usize]);
        if wakes {
            shards.fetch_or(1 << shard, Ordering::Relaxed);
            // Pairs with the fence in `by`.
            fence(Ordering::SeqCst);
        } else {
            shards.fetch_and(!(1 << shard), Ordering::Relaxed);
        }
    }
}

#[cfg(all(test, floodway_loom))]
mod loom_models;

#[cfg(all(test, not(floodway_loom)))]
mod tests;
