//! Who wants what: the subscribers of a shard by tenant and by what they want.
//!
//! It knows subscribers by their keys alone. Invariant: a tenant is here while it has subscribers on this shard, or a
//! batch of its cohorts is still to be flushed.

mod awaited;
mod cohorts;
mod members;
mod paced;
mod pacer;
mod snapshots;

use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use hashbrown::HashMap;
use slab::Slab;

pub(crate) use self::cohorts::{Audience, Cohort, Matched, TenantCohorts};
pub(crate) use self::members::Moved;
use self::paced::Paces;
pub(crate) use self::paced::Waiting;
use super::filter::Filter;
use super::keys::{CohortKey, CohortPosition, SubscriberKey};
use super::metrics::Metrics;
use super::outgoing::{Outgoing, SubscriptionKey};
use crate::event::Event;
use crate::history::Position;
use crate::index::Tenant;
use floodway_protocol::names::TenantId;

pub(crate) struct Matcher {
    shard: usize,
    tenants: Slab<TenantCohorts>,
    by_id: HashMap<TenantId, u32>,
    paces: Paces,
    /// Tenants that may have a list of last events.
    with_snapshots: Vec<u32>,
}

impl Matcher {
    pub(crate) fn new(shard: usize, metrics: Arc<Metrics>, now: Instant) -> Self {
        Self {
            shard,
            tenants: Slab::new(),
            by_id: HashMap::new(),
            paces: Paces::new(metrics, now),
            with_snapshots: Vec::new(),
        }
    }

    /// Adds a subscriber; every event after the returned position that it wants is its own.
    pub(crate) fn join(
        &mut self,
        key: SubscriberKey,
        tenant: &Arc<Tenant>,
        subscription: SubscriptionKey,
    ) -> (CohortPosition, Position) {
        let shard = self.shard;
        let newest = tenant.declare(shard);
        let tenants = &mut self.tenants;
        let number = *self.by_id.entry_ref(tenant.id()).or_insert_with(|| {
            let number = u32::try_from(tenants.vacant_key()).expect("fewer tenants than descriptors");
            tenants.insert(TenantCohorts::new(number, Arc::clone(tenant), shard, newest));
            number
        });
        let cohorts = &mut self.tenants[number as usize];
        cohorts.follow(tenant, shard, newest);
        (position(number, cohorts.join(key, subscription)), newest)
    }

    /// Moves a subscriber to another cohort of its tenant; calls `moved` for members whose index changes by it.
    pub(crate) fn change(
        &mut self,
        key: SubscriberKey,
        from: CohortPosition,
        filter: Filter,
        moved: impl FnMut(Moved),
    ) -> CohortPosition {
        // It joins the new cohort before it leaves the old one, so that the tenant stays.
        let number = from.cohort.tenant;
        let SubscriptionKey { encoding, pace, .. } = *self.cohort(from.cohort).key;
        let joined = self.tenants[number as usize].join(key, SubscriptionKey { filter, encoding, pace });
        self.leave(from, moved);
        position(number, joined)
    }

    /// Takes a subscriber out; calls `moved` for members whose index changes by it.
    pub(crate) fn leave(&mut self, from: CohortPosition, moved: impl FnMut(Moved)) {
        let CohortKey { tenant, cohort } = from.cohort;
        self.tenants[tenant as usize].leave(cohort, from.member, moved);
        self.forget_if_empty(tenant);
    }

    /// Ends the flush of a cohort's batch.
    pub(crate) fn end_flush(&mut self, key: CohortKey) {
        self.tenants[key.tenant as usize].end_flush(key.cohort);
        self.forget_if_empty(key.tenant);
    }

    fn forget_if_empty(&mut self, tenant: u32) {
        let found = &self.tenants[tenant as usize];
        if found.is_empty() && found.cohorts.is_empty() {
            let gone = self.tenants.remove(tenant as usize);
            gone.tenant.withdraw(self.shard);
            self.by_id.remove(gone.tenant.id());
        }
    }

    /// Adds outgoing number `outgoing` to the batch of each cohort that wants `event`; calls `first` for those that had
    /// no batch.
    pub(crate) fn match_event(
        &mut self,
        event: &Arc<Event>,
        at: Position,
        outgoing: u32,
        mut first: impl FnMut(CohortKey),
    ) -> Matched {
        let Some(&tenant) = self.by_id.get(event.tenant()) else {
            return Matched::default();
        };
        let first = |cohort| first(CohortKey { tenant, cohort });
        self.tenants[tenant as usize].match_event(event, at, outgoing, &mut self.paces, first)
    }

    /// Adds outgoing number `outgoing` to the batch of every cohort of the tenant; calls `first` for those that had no
    /// batch. Returns whether there is one.
    pub(crate) fn match_all(
        &mut self,
        tenant: &Tenant,
        notice: &Rc<Outgoing>,
        outgoing: u32,
        mut first: impl FnMut(CohortKey),
    ) -> bool {
        let Some(&tenant) = self.by_id.get(tenant.id()) else {
            return false;
        };
        let first = |cohort| first(CohortKey { tenant, cohort });
        self.tenants[tenant as usize].match_all(notice, outgoing, first)
    }

    /// Time has passed: paced events that are due by then can be taken.
    pub(crate) fn advance(&mut self, now: Instant) {
        self.paces.advance(now);
    }

    /// When a pace has something to be taken; in the past, if there is something now.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.paces.next()
    }

    /// Takes an event out of a cohort's pace that is due.
    pub(crate) fn take_due(&mut self) -> Option<(CohortKey, Waiting)> {
        while let Some(key) = self.paces.first_due() {
            let cohort = &mut self.tenants[key.tenant as usize].cohorts[key.cohort as usize];
            let paced = cohort.paced.as_mut().expect("a cohort without a pace is never due");
            if let Some(waiting) = self.paces.take_due(key, paced) {
                return Some((key, waiting));
            }
        }
        None
    }

    /// A member comes into its cohort's pace, if there is one: events after this position are its own. Of `settled` events
    /// of it is known what became of them.
    pub(crate) fn enter_pace(&mut self, key: SubscriberKey, cohort: CohortKey, after: Position, settled: u64) {
        if let Some(paced) = &mut self.cohort_mut(cohort).paced {
            paced.enter(key, after, settled);
        }
    }

    /// A member leaves its cohort's pace. Returns its own events that wait, in the order of their positions.
    pub(crate) fn leave_pace(&mut self, key: SubscriberKey, cohort: CohortKey) -> Vec<(Arc<Event>, Position)> {
        let found = &mut self.tenants[cohort.tenant as usize].cohorts[cohort.cohort as usize];
        let Some(paced) = &mut found.paced else {
            return Vec::new();
        };
        self.paces.leave(cohort, paced, key)
    }

    /// Adds outgoing number `outgoing` to a cohort's batch. Returns whether it is the first.
    pub(crate) fn add(&mut self, cohort: CohortKey, outgoing: u32) -> bool {
        self.cohort_mut(cohort).add(outgoing)
    }

    /// The last event of each device of the tenant, as of what was matched, and up to which position that is.
    pub(crate) fn snapshot(&mut self, tenant: u32, now: Instant) -> (Rc<[Arc<Event>]>, Position) {
        if !self.with_snapshots.contains(&tenant) {
            self.with_snapshots.push(tenant);
        }
        self.tenant(tenant).snapshot(now)
    }

    /// Gives up lists that nobody has asked for for some time.
    pub(crate) fn give_up_snapshots(&mut self, now: Instant) {
        let tenants = &mut self.tenants;
        self.with_snapshots
            .retain(|&tenant| tenants.get_mut(tenant as usize).is_some_and(|tenant| tenant.give_up_snapshot(now)));
    }

    pub(crate) fn tenant(&mut self, number: u32) -> &mut TenantCohorts {
        &mut self.tenants[number as usize]
    }

    pub(crate) fn cohort(&self, key: CohortKey) -> &Cohort {
        &self.tenants[key.tenant as usize].cohorts[key.cohort as usize]
    }

    pub(crate) fn cohort_mut(&mut self, key: CohortKey) -> &mut Cohort {
        &mut self.tenants[key.tenant as usize].cohorts[key.cohort as usize]
    }

    pub(crate) fn filter(&self, key: CohortKey) -> &Filter {
        &self.cohort(key).key.filter
    }

    #[cfg(all(test, not(floodway_loom)))]
    pub(crate) fn is_empty(&self) -> bool {
        self.tenants.is_empty() && self.by_id.is_empty()
    }
}

fn position(tenant: u32, (cohort, member): (u32, u32)) -> CohortPosition {
    let cohort = CohortKey { tenant, cohort };
    CohortPosition { cohort, member }
}
