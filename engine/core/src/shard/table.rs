//! Who of one tenant wants what, on one shard.
//!
//! Subscribers that want the same and see it in the same way form a cohort: an event is matched, and its bytes are
//! gathered, once for all of them. Invariant: a cohort is listed under each device and group that its filter names,
//! or among those that want everything, exactly while it has members.

use std::hash::Hash;
use std::rc::Rc;
use std::sync::Arc;

use arc_swap::{ArcSwap, Cache};
use hashbrown::HashMap;
use slab::Slab;

use super::awaiting::Awaiting;
use super::members::{Members, Moved};
use super::outgoing::SubscriptionKey;
use super::subscriber::Key;
use crate::event::Event;
use crate::index::{Limits, OwnCounters, Tenant};
use floodway_protocol::names::{DeviceId, GroupId};

/// A batch whose list grew past this gives its memory back.
const BATCH_KEPT: usize = 64;

#[derive(Debug)]
pub(super) struct Cohort {
    pub(super) spec: Rc<SubscriptionKey>,
    pub(super) members: Members,
    /// What is to be flushed to the members: places in the tick's list of parcels.
    pub(super) batch: Vec<u32>,
    /// Where it is in each list that names it, in the order of its filter.
    places: Vec<u32>,
}

/// A cohort's entry in a list. It knows which of the cohort's places it is, so that it can be struck out without a
/// search: ten thousand cohorts may be in one list.
#[derive(Clone, Copy, Debug)]
struct Listed {
    cohort: u32,
    nth: u32,
}

type List = Vec<Listed>;

impl Cohort {
    /// Adds a parcel to the batch. Returns whether it is the first.
    fn add(&mut self, parcel: u32) -> bool {
        if self.batch.last() == Some(&parcel) {
            return false;
        }
        self.batch.push(parcel);
        self.batch.len() == 1
    }

    pub(super) fn end_flush(&mut self) {
        self.members.end_flush();
        self.batch.clear();
        self.batch.shrink_to(BATCH_KEPT);
    }
}

/// How many cohorts want an event.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Matched {
    pub(super) cohorts: usize,
    /// Those of them that see it narrowed to some metrics.
    pub(super) narrowed: usize,
}

/// The tenant's limits, looked at again only when they have changed.
type Watched = Cache<Arc<ArcSwap<Limits>>, Arc<Limits>>;

#[derive(Debug)]
pub(super) struct Table {
    pub(super) tenant: Arc<Tenant>,
    /// What this shard counts of the tenant.
    pub(super) counters: OwnCounters,
    limits: Watched,
    pub(super) cohorts: Slab<Cohort>,
    by_spec: HashMap<Rc<SubscriptionKey>, u32>,
    everything: List,
    by_device: HashMap<DeviceId, List>,
    by_group: HashMap<GroupId, List>,
    awaiting: Awaiting,
    subscribers: usize,
}

impl Table {
    pub(super) fn new(tenant: Arc<Tenant>, shard: usize) -> Self {
        Self {
            counters: tenant.counters(shard),
            limits: Cache::new(tenant.watch_limits()),
            tenant,
            cohorts: Slab::new(),
            by_spec: HashMap::new(),
            everything: Vec::new(),
            by_device: HashMap::new(),
            by_group: HashMap::new(),
            awaiting: Awaiting::new(shard),
            subscribers: 0,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.subscribers == 0
    }

    /// The tenant left the index and came back while a last batch kept its table on `shard`.
    pub(super) fn follow(&mut self, tenant: &Arc<Tenant>, shard: usize) {
        if !Arc::ptr_eq(&self.tenant, tenant) {
            self.awaiting.repeat(tenant);
            self.counters = tenant.counters(shard);
            self.limits = Cache::new(tenant.watch_limits());
            self.tenant = Arc::clone(tenant);
        }
    }

    /// What the tenant's streams may use now.
    pub(super) fn limits(&mut self) -> Limits {
        **self.limits.load()
    }

    /// Puts a subscriber among those that want `spec`; returns its cohort and its seat there.
    pub(super) fn join(&mut self, key: Key, spec: SubscriptionKey) -> (u32, u32) {
        let cohort = match self.by_spec.get(&spec) {
            Some(&cohort) => cohort,
            None => self.found_cohort(spec),
        };
        self.subscribers += 1;
        (cohort, self.cohorts[cohort as usize].members.join(key))
    }

    /// Takes a subscriber out; its cohort is dissolved with its last member, but not while it is being flushed.
    pub(super) fn leave(&mut self, cohort: u32, seat: u32, moved: impl FnMut(Moved)) {
        self.subscribers -= 1;
        self.cohorts[cohort as usize].members.leave(seat, moved);
        self.dissolve_if_idle(cohort);
    }

    /// Ends the flush of a cohort's batch.
    pub(super) fn end_flush(&mut self, cohort: u32) {
        self.cohorts[cohort as usize].end_flush();
        self.dissolve_if_idle(cohort);
    }

    /// Adds the parcel to the batch of each cohort that wants `event`; calls `first` for those that had none.
    pub(super) fn match_event(
        &mut self,
        event: &Event,
        parcel: u32,
        mut first: impl FnMut(u32),
    ) -> Matched {
        let cohorts = &mut self.cohorts;
        let mut matched = Matched::default();
        let mut offer = |list: &[Listed]| {
            for &Listed { cohort: id, .. } in list {
                let cohort = &mut cohorts[id as usize];
                let metrics = cohort.spec.view.metrics.as_ref();
                if event.matches(metrics) {
                    matched.cohorts += 1;
                    matched.narrowed += usize::from(metrics.is_some());
                    if cohort.add(parcel) {
                        first(id);
                    }
                }
            }
        };
        offer(&self.everything);
        if let Some(list) = self.by_device.get(event.device()) {
            offer(list);
        }
        if !self.by_group.is_empty() {
            for group in self.tenant.groups().of(event.device()) {
                if let Some(list) = self.by_group.get(group) {
                    offer(list);
                }
            }
        }
        matched
    }

    /// Adds the parcel to the batch of every cohort.
    pub(super) fn match_all(&mut self, parcel: u32, mut first: impl FnMut(u32)) {
        for (id, cohort) in &mut self.cohorts {
            if cohort.add(parcel) {
                first(index(id));
            }
        }
    }

    fn found_cohort(&mut self, spec: SubscriptionKey) -> u32 {
        let spec = Rc::new(spec);
        let id = index(self.cohorts.vacant_key());
        let mut places = Vec::new();
        if spec.filter.wants_all_devices() {
            enlist(&mut self.everything, id, &mut places);
        }
        if may_want_any(&spec) {
            self.awaiting.add_always(&self.tenant);
        }
        for device in spec.filter.devices() {
            let list = self.by_device.entry_ref(device).or_insert_with(|| {
                self.awaiting.add(&self.tenant, device);
                List::new()
            });
            enlist(list, id, &mut places);
        }
        for group in spec.filter.groups() {
            let list = self.by_group.entry(group.clone()).or_default();
            enlist(list, id, &mut places);
        }
        self.cohorts.insert(Cohort {
            spec: Rc::clone(&spec),
            members: Members::default(),
            batch: Vec::new(),
            places,
        });
        self.by_spec.insert(spec, id);
        id
    }

    fn dissolve_if_idle(&mut self, id: u32) {
        let cohort = &self.cohorts[id as usize];
        if !cohort.members.is_empty() || !cohort.batch.is_empty() {
            return;
        }
        let Cohort { spec, places, .. } = self.cohorts.remove(id as usize);
        self.by_spec.remove(&spec);
        let mut places = places.into_iter();
        if spec.filter.wants_all_devices() {
            strike_out(&mut self.everything, places.next(), &mut self.cohorts);
        }
        if may_want_any(&spec) {
            self.awaiting.remove_always(&self.tenant);
        }
        for device in spec.filter.devices() {
            let is_last = strike_out_of(
                &mut self.by_device,
                device,
                places.next(),
                &mut self.cohorts,
            );
            if is_last {
                self.awaiting.remove(&self.tenant, device);
            }
        }
        for group in spec.filter.groups() {
            strike_out_of(&mut self.by_group, group, places.next(), &mut self.cohorts);
        }
    }
}

/// Groups gain and lose devices while a filter names them.
fn may_want_any(spec: &SubscriptionKey) -> bool {
    spec.filter.wants_all_devices() || !spec.filter.groups().is_empty()
}

fn index(id: usize) -> u32 {
    u32::try_from(id).expect("fewer cohorts than descriptors")
}

/// Puts a cohort at the end of `list`, and the place among its `places`.
fn enlist(list: &mut List, cohort: u32, places: &mut Vec<u32>) {
    let nth = index(places.len());
    places.push(index(list.len()));
    list.push(Listed { cohort, nth });
}

/// Takes the entry at `place` out of `list`; the last one takes its place.
fn strike_out(list: &mut List, place: Option<u32>, cohorts: &mut Slab<Cohort>) {
    let place = place.expect("a place for each list");
    list.swap_remove(place as usize);
    if let Some(moved) = list.get(place as usize) {
        cohorts[moved.cohort as usize].places[moved.nth as usize] = place;
    }
}

/// Returns whether nothing is left under `name`.
fn strike_out_of<N: Eq + Hash>(
    lists: &mut HashMap<N, List>,
    name: &N,
    place: Option<u32>,
    cohorts: &mut Slab<Cohort>,
) -> bool {
    let list = lists.get_mut(name).expect("it is listed under each name");
    strike_out(list, place, cohorts);
    let is_last = list.is_empty();
    if is_last {
        lists.remove(name);
    }
    is_last
}

#[cfg(all(test, not(floodway_loom)))]
#[path = "table_tests.rs"]
mod tests;
