//! The devices of one tenant for which a shard asks to be woken.
//!
//! Invariant: the tenant's [`crate::index::Tenant::wake_filter`] has this shard's bit exactly where a count here is not zero.

use hashbrown::HashMap;

use crate::index::{Slot, Tenant};
use floodway_protocol::names::DeviceId;

#[derive(Debug)]
pub(super) struct AwaitedDevices {
    shard: usize,
    /// Devices that cohorts name, by slot; under `None` the cohorts that may want any device.
    slots: HashMap<Option<Slot>, usize>,
}

impl AwaitedDevices {
    pub(super) fn new(shard: usize) -> Self {
        Self { shard, slots: HashMap::new() }
    }

    /// A device is named that was not. With `None`: a cohort wants every device, or those of a group, whose members may
    /// change at any time.
    pub(super) fn add(&mut self, tenant: &Tenant, device: Option<&DeviceId>) {
        let slot = slot(device);
        let named = self.slots.entry(slot).or_insert(0);
        *named += 1;
        if *named == 1 {
            tenant.wake_filter().set(self.shard, slot, true);
        }
    }

    /// What was added once is wanted no longer.
    pub(super) fn remove(&mut self, tenant: &Tenant, device: Option<&DeviceId>) {
        let slot = slot(device);
        let named = self.slots.get_mut(&slot).expect("it was added");
        *named -= 1;
        if *named == 0 {
            self.slots.remove(&slot);
            tenant.wake_filter().set(self.shard, slot, false);
        }
    }

    /// Asks the same of another tenant of that name.
    pub(super) fn repeat(&self, tenant: &Tenant) {
        self.slots.keys().for_each(|&slot| tenant.wake_filter().set(self.shard, slot, true));
    }
}

fn slot(device: Option<&DeviceId>) -> Option<Slot> {
    device.map(|device| Slot::of(device.as_str()))
}
