//! Whose events a shard is to be woken for.
//!
//! Every event of a tenant goes into the inbox of each interested shard, so their order and what a filter change
//! means do not depend on this. But a shard is woken only for those that one of its subscribers may want: waking it for
//! the others costs more than everything else that is done with them. Invariant: of an event that was put in before its
//! device was looked up here, and a shard that asked here before it looked into its inbox, the shard sees the event or is
//! woken for it. Waking it in vain is harmless, and happens where two devices share a slot.

use std::hash::BuildHasher;
use std::sync::OnceLock;

use crate::sync::{AtomicU64, Ordering, fence};

/// Devices are told apart by this many slots. 8 KiB for a tenant of which somebody names a device.
const SLOTS: usize = 1024;

/// The place of a device; others may have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Slot(u16);

impl Slot {
    /// The place of `device`.
    pub fn of(device: &str) -> Self {
        let hash = foldhash::fast::FixedState::default().hash_one(device);
        Self((hash % SLOTS as u64) as u16)
    }
}

/// The shards to wake, a bit each.
#[derive(Debug)]
pub struct WakeFilter {
    /// For every event.
    always: AtomicU64,
    slots: OnceLock<Box<[AtomicU64]>>,
}

impl WakeFilter {
    pub(super) fn new() -> Self {
        Self {
            always: AtomicU64::new(0),
            slots: OnceLock::new(),
        }
    }

    /// The shards to wake for an event of `device` that was put into their inboxes.
    pub fn by(&self, device: &str) -> u64 {
        // Pairs with the fence in `set`. Of two SeqCst fences one comes first: if ours does, the shard finds the event in
        // its inbox; if theirs does, we read their bit. With AcqRel both could miss, and the event would lie there.
        fence(Ordering::SeqCst);
        let of_slot = self.slots.get().map_or(0, |slots| {
            slots[Slot::of(device).0 as usize].load(Ordering::Relaxed)
        });
        self.always.load(Ordering::Relaxed) | of_slot
    }

    /// A shard is to be woken for every event, or no longer. It must look into its inbox afterwards.
    pub fn set_always(&self, shard: usize, wakes: bool) {
        set(&self.always, shard, wakes);
    }

    /// As [`WakeFilter::set_always`], for the devices of one slot.
    pub fn set_slot(&self, shard: usize, slot: Slot, wakes: bool) {
        let slots = self
            .slots
            .get_or_init(|| (0..SLOTS).map(|_| AtomicU64::new(0)).collect());
        set(&slots[slot.0 as usize], shard, wakes);
    }
}

fn set(shards: &AtomicU64, shard: usize, wakes: bool) {
    if wakes {
        shards.fetch_or(1 << shard, Ordering::Relaxed);
        // Pairs with the fence in `by`.
        fence(Ordering::SeqCst);
    } else {
        shards.fetch_and(!(1 << shard), Ordering::Relaxed);
    }
}

#[cfg(all(test, floodway_loom))]
mod loom_models {
    use super::*;
    use loom::sync::Arc;

    #[test]
    fn an_event_is_found_by_the_shard_or_wakes_it() {
        loom::model(|| {
            let wake_filter = Arc::new(WakeFilter::new());
            let inbox = Arc::new(AtomicU64::new(0));
            let ingest = {
                let (wake_filter, inbox) = (Arc::clone(&wake_filter), Arc::clone(&inbox));
                loom::thread::spawn(move || {
                    inbox.store(1, Ordering::Relaxed);
                    wake_filter.by("A")
                })
            };
            wake_filter.set_always(3, true);
            let is_found = inbox.load(Ordering::Relaxed) == 1;
            let woken = ingest.join().unwrap();
            assert!(is_found || woken & 1 << 3 != 0, "the event lies unseen");
        });
    }
}

#[cfg(all(test, not(floodway_loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_shard_is_woken_for_the_devices_it_names_until_it_no_longer_does() {
        let wake_filter = WakeFilter::new();
        let devices: Vec<String> = (0..100).map(|n| format!("d{n}")).collect();
        let slot = Slot::of(&devices[0]);
        wake_filter.set_slot(5, slot, true);
        for device in &devices {
            let wakes = if Slot::of(device) == slot { 1 << 5 } else { 0 };
            assert_eq!(wake_filter.by(device), wakes);
        }
        wake_filter.set_always(1, true);
        assert_eq!(wake_filter.by(&devices[0]), 1 << 1 | 1 << 5);
        wake_filter.set_slot(5, slot, false);
        assert_eq!(wake_filter.by(&devices[0]), 1 << 1);
    }
}
