//! The devices of one tenant for which a shard asks to be woken.
//!
//! Invariant: the tenant's [`crate::index::Tenant::wake_filter`] has this shard's bit exactly where a count here is not zero.

use hashbrown::HashMap;

use crate::index::{Slot, Tenant};
use floodway_protocol::names::DeviceId;

#[derive(Debug)]
pub(super) struct AwaitedDevices {
    shard: usize,
    /// Cohorts that may want any device.
    always: usize,
    /// Devices that cohorts name, by slot.
    slots: HashMap<Slot, usize>,
}

impl AwaitedDevices {
    pub(super) fn new(shard: usize) -> Self {
        Self { shard, always: 0, slots: HashMap::new() }
    }

    /// A cohort wants every device, or those of a group, whose members may change at any time.
    pub(super) fn add_always(&mut self, tenant: &Tenant) {
        self.always += 1;
        if self.always == 1 {
            tenant.wake_filter().set_always(self.shard, true);
        }
    }

    pub(super) fn remove_always(&mut self, tenant: &Tenant) {
        self.always -= 1;
        if self.always == 0 {
            tenant.wake_filter().set_always(self.shard, false);
        }
    }

    /// A device is named that was not.
    pub(super) fn add(&mut self, tenant: &Tenant, device: &DeviceId) {
        let slot = Slot::of(device.as_str());
        let named = self.slots.entry(slot).or_insert(0);
        *named += 1;
        if *named == 1 {
            tenant.wake_filter().set_slot(self.shard, slot, true);
        }
    }

    /// A device is no longer named.
    pub(super) fn remove(&mut self, tenant: &Tenant, device: &DeviceId) {
        let slot = Slot::of(device.as_str());
        let named = self.slots.get_mut(&slot).expect("it was added");
        *named -= 1;
        if *named == 0 {
            self.slots.remove(&slot);
            tenant.wake_filter().set_slot(self.shard, slot, false);
        }
    }

    /// Asks the same of another tenant of that name.
    pub(super) fn repeat(&self, tenant: &Tenant) {
        if self.always > 0 {
            tenant.wake_filter().set_always(self.shard, true);
        }
        for &slot in self.slots.keys() {
            tenant.wake_filter().set_slot(self.shard, slot, true);
        }
    }
}
