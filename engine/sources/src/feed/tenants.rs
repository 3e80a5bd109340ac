//! The tenants that a feed serves: all, from the moment that somebody wants them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hashbrown::HashMap;

use crate::source::{Confirmation, TrackedTenant};
use floodway_core::index::{Index, SourceNumber, Tenant};
use floodway_protocol::names::TenantId;

pub(super) struct Tenants {
    index: Arc<Index>,
    source: SourceNumber,
    linger: Duration,
    entries: HashMap<TenantId, Entry>,
    is_open: bool,
    /// To be passed on, oldest first.
    pub(super) confirmed: VecDeque<Confirmation>,
}

struct Entry {
    tracked: TrackedTenant,
    is_confirmed: bool,
}

impl Tenants {
    pub(super) fn new(index: Arc<Index>, source: SourceNumber, linger: Duration) -> Self {
        Self {
            index,
            source,
            linger,
            entries: HashMap::new(),
            is_open: false,
            confirmed: VecDeque::new(),
        }
    }

    /// Somebody waits for `tenant`.
    pub(super) fn want(&mut self, tenant: &Arc<Tenant>) {
        // A request may be older than the tenant's retirement.
        if self.index.find(tenant.id().as_str()).is_some_and(|found| Arc::ptr_eq(&found, tenant)) {
            self.track(tenant);
        }
    }

    /// The feed is connected: everybody is confirmed.
    pub(super) fn open(&mut self) {
        self.is_open = true;
        for entry in self.entries.values_mut() {
            entry.is_confirmed = true;
            self.confirmed.push_back(entry.tracked.confirmed());
        }
        self.track_all();
    }

    /// The feed goes on where it was: no tenant is owed a gap.
    pub(super) fn nothing_missed(&mut self) {
        self.entries.values_mut().for_each(|entry| entry.tracked.nothing_missed());
    }

    /// What is kept of the tenants is of another feed.
    pub(super) fn forget_histories(&self) {
        self.index.tenants().iter().for_each(|tenant| tenant.forget_history());
    }

    /// The feed is lost: every tenant waits again. Returns those whose live streams do not know it yet.
    pub(super) fn lost(&mut self) -> Vec<Arc<Tenant>> {
        self.is_open = false;
        self.confirmed.clear();
        self.track_all();
        let lost = self.entries.values_mut().filter_map(|entry| {
            let was_confirmed = std::mem::take(&mut entry.is_confirmed);
            entry.tracked.connection_lost(was_confirmed)
        });
        lost.collect()
    }

    /// To be called about once a second: finds tenants that nobody reported, and lets those go that nobody has wanted for long.
    pub(super) fn sweep(&mut self, now: Instant) {
        self.track_all();
        let Self { entries, index, linger, .. } = self;
        entries.retain(|_, entry| !entry.tracked.has_lingered(now, *linger) || !entry.tracked.leave(index));
    }

    fn track_all(&mut self) {
        self.index.tenants().iter().for_each(|tenant| self.track(tenant));
    }

    fn track(&mut self, tenant: &Arc<Tenant>) {
        let fresh = || Entry {
            tracked: TrackedTenant::new(Arc::clone(tenant), self.source),
            is_confirmed: false,
        };
        let entry = self.entries.entry(tenant.id().clone()).or_insert_with(fresh);
        if !entry.tracked.is(tenant) {
            // The name's last tenant has left the index.
            entry.tracked = entry.tracked.successor(Arc::clone(tenant));
            entry.is_confirmed = false;
        }
        if self.is_open && !entry.is_confirmed {
            entry.is_confirmed = true;
            self.confirmed.push_back(entry.tracked.confirmed());
        }
    }
}
