//! The cohorts of one tenant on one shard.
//!
//! Subscribers that want the same and see it in the same way form a cohort: an event is matched, and its bytes are
//! gathered, once for all of them. Invariant: a cohort is listed under each device and group that its filter names,
//! or among those that want everything, exactly while it has members.

use std::hash::Hash;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use arc_swap::{ArcSwap, Cache};
use hashbrown::HashMap;
use slab::Slab;

use super::awaited::AwaitedDevices;
use super::members::{Members, Moved};
use super::paced::{Paced, Paces};
use super::snapshots::Snapshots;
use crate::event::Event;
use crate::history::Position;
use crate::index::{Limits, OwnCounters, Tenant};
use crate::shard::keys::{CohortKey, SubscriberKey};
use crate::shard::matches::{CohortMatches, Matches};
use crate::shard::outgoing::{Outgoing, SubscriptionKey};
use floodway_protocol::names::{DeviceId, GroupId};

/// A batch whose list grew past this gives its memory back.
const BATCH_KEPT: usize = 64;

#[derive(Debug)]
pub(crate) struct Cohort {
    pub(crate) key: Rc<SubscriptionKey>,
    pub(crate) members: Members,
    /// What is to be flushed to the members, by its number in the tick.
    pub(crate) batch: Vec<u32>,
    /// What holds events back, if its members want no more than so many of each device.
    pub(crate) paced: Option<Box<Paced>>,
    /// For members that are behind.
    pub(crate) matches: CohortMatches,
    /// Where it is in each list that names it, in the order of its filter.
    positions: Vec<u32>,
}

/// A cohort's entry in a list. It knows which of the cohort's positions it is, so that it can be removed without a
/// search: ten thousand cohorts may be in one list.
#[derive(Clone, Copy, Debug)]
struct Listed {
    cohort: u32,
    nth: u32,
}

type List = Vec<Listed>;

/// A cohort, as a delivery to one of its members needs it. Handed on by reference: the loop over the subscribers keeps its
/// registers, and only the cold ways look inside.
pub(crate) struct Audience<'a> {
    pub(crate) key: &'a Rc<SubscriptionKey>,
    pub(crate) batch: &'a [u32],
    pub(crate) limits: &'a Limits,
    pub(crate) matches: &'a CohortMatches,
    pub(crate) tenant: &'a Arc<Tenant>,
}

impl Cohort {
    /// Adds something to the batch. Returns whether it is the first.
    pub(super) fn add(&mut self, outgoing: u32) -> bool {
        self.batch.push(outgoing);
        self.batch.len() == 1
    }

    pub(crate) fn audience<'a>(&'a self, limits: &'a Limits, tenant: &'a Arc<Tenant>) -> Audience<'a> {
        let Self { key, batch, matches, .. } = self;
        Audience { key, batch, limits, matches, tenant }
    }

    /// Up to `most` members that the batch goes to now, and what a delivery to each of them needs.
    pub(crate) fn take<'a>(
        &'a mut self,
        most: usize,
        limits: &'a Limits,
        tenant: &'a Arc<Tenant>,
    ) -> (&'a [SubscriberKey], Audience<'a>) {
        let Self { key, members, batch, matches, .. } = self;
        (members.take(most), Audience { key, batch, limits, matches, tenant })
    }

    /// An event at this position matched. Returns for how many members it waits in the history.
    #[inline]
    fn count_behind(&self, at: Position) -> u64 {
        if self.matches.may_be_needed() { self.add_behind(at) } else { 0 }
    }

    #[cold]
    fn add_behind(&self, at: Position) -> u64 {
        self.matches.get().map_or(0, |matches| {
            matches.add_event(at);
            matches.followers()
        })
    }
}

/// How many cohorts want an event.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Matched {
    pub(crate) cohorts: usize,
    /// Those of them that see it narrowed to some metrics.
    pub(crate) narrowed: usize,
    /// Members of them that are behind, for whom it waits in the history.
    pub(crate) behind: u64,
}

/// The tenant's limits, looked at again only when they have changed.
type Watched = Cache<Arc<ArcSwap<Limits>>, Arc<Limits>>;

#[derive(Debug)]
pub(crate) struct TenantCohorts {
    /// Its number in the shard.
    number: u32,
    pub(crate) tenant: Arc<Tenant>,
    /// What this shard counts of the tenant.
    pub(crate) counters: OwnCounters,
    limits: Watched,
    pub(crate) cohorts: Slab<Cohort>,
    by_key: HashMap<Rc<SubscriptionKey>, u32>,
    everything: List,
    by_device: HashMap<DeviceId, List>,
    by_group: HashMap<GroupId, List>,
    awaited: AwaitedDevices,
    subscribers: usize,
    snapshots: Snapshots,
    /// The position of the newest entry that was matched. A filter that is changed now holds for newer ones. What is not
    /// newer was under way when the tenant came to this shard, and is nobody's own.
    pub(crate) newest: Position,
}

impl TenantCohorts {
    pub(crate) fn new(number: u32, tenant: Arc<Tenant>, shard: usize, newest: Position) -> Self {
        Self {
            number,
            counters: tenant.counters(shard),
            limits: Cache::new(tenant.watch_limits()),
            tenant,
            cohorts: Slab::new(),
            by_key: HashMap::new(),
            everything: Vec::new(),
            by_device: HashMap::new(),
            by_group: HashMap::new(),
            awaited: AwaitedDevices::new(shard),
            subscribers: 0,
            snapshots: Snapshots::default(),
            newest,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.subscribers == 0
    }

    /// The tenant left the index and came back while a last batch kept its cohorts on `shard`.
    pub(crate) fn follow(&mut self, tenant: &Arc<Tenant>, shard: usize, newest: Position) {
        if !Arc::ptr_eq(&self.tenant, tenant) {
            self.newest = self.newest.max(newest);
            self.snapshots = Snapshots::default();
            self.awaited.repeat(tenant);
            self.counters = tenant.counters(shard);
            self.limits = Cache::new(tenant.watch_limits());
            self.tenant = Arc::clone(tenant);
        }
    }

    /// The matches of a cohort, for a member that reads on from history.
    pub(crate) fn matches(&self, cohort: u32) -> Rc<Matches> {
        let Cohort { key, matches, .. } = &self.cohorts[cohort as usize];
        matches.get_or(|| Matches::new(Arc::clone(&self.tenant), Rc::clone(key), self.newest + 1))
    }

    pub(super) fn snapshot(&mut self, now: Instant) -> (Rc<[Arc<Event>]>, Position) {
        self.snapshots.at(self.newest, &self.tenant, now)
    }

    pub(super) fn give_up_snapshot(&mut self, now: Instant) -> bool {
        self.snapshots.give_up(now)
    }

    /// What the tenant's streams may use now.
    pub(crate) fn limits(&mut self) -> Limits {
        **self.limits.load()
    }

    /// Adds a subscriber; returns its cohort and its position there.
    pub(crate) fn join(&mut self, key: SubscriberKey, subscription: SubscriptionKey) -> (u32, u32) {
        let cohort = match self.by_key.get(&subscription) {
            Some(&cohort) => cohort,
            None => self.found_cohort(subscription),
        };
        self.subscribers += 1;
        (cohort, self.cohorts[cohort as usize].members.join(key))
    }

    /// Takes a subscriber out; its cohort is dissolved with its last member, but not while it is being flushed.
    pub(crate) fn leave(&mut self, cohort: u32, member: u32, moved: impl FnMut(Moved)) {
        self.subscribers -= 1;
        self.cohorts[cohort as usize].members.leave(member, moved);
        self.dissolve_if_idle(cohort);
    }

    /// Ends the flush of a cohort's batch.
    pub(crate) fn end_flush(&mut self, cohort: u32) {
        let Cohort { members, batch, .. } = &mut self.cohorts[cohort as usize];
        members.end_flush();
        batch.clear();
        batch.shrink_to(BATCH_KEPT);
        self.dissolve_if_idle(cohort);
    }

    /// Adds it to the batch of each cohort that wants `event`; calls `first` for those that had no batch.
    pub(crate) fn match_event(
        &mut self,
        event: &Arc<Event>,
        at: Position,
        outgoing: u32,
        paces: &mut Paces,
        mut first: impl FnMut(u32),
    ) -> Matched {
        if at <= self.newest {
            return Matched::default();
        }
        self.newest = at;
        let (tenant, cohorts, counters) = (self.number, &mut self.cohorts, &self.counters);
        let mut matched = Matched::default();
        let mut offer = |list: &[Listed]| {
            for &Listed { cohort: id, .. } in list {
                let cohort = &mut cohorts[id as usize];
                let metrics = cohort.key.filter.metrics();
                if event.matches(metrics) {
                    // Lists may name the cohort twice.
                    let (is_new, goes_now) = match &mut cohort.paced {
                        None => (cohort.batch.last() != Some(&outgoing), true),
                        Some(paced) => {
                            let key = CohortKey { tenant, cohort: id };
                            (paced.is_new(at), paces.offer(key, paced, event, at, counters))
                        }
                    };
                    if !is_new {
                        continue;
                    }
                    matched.behind += cohort.count_behind(at);
                    if !goes_now {
                        continue;
                    }
                    matched.cohorts += 1;
                    matched.narrowed += usize::from(metrics.is_some());
                    if cohort.add(outgoing) {
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

    /// Adds it to the batch of every cohort; calls `first` for those that had no batch. Returns whether there is a cohort
    /// that it is for.
    pub(crate) fn match_all(&mut self, notice: &Rc<Outgoing>, outgoing: u32, mut first: impl FnMut(u32)) -> bool {
        if notice.position <= self.newest {
            return false;
        }
        self.newest = notice.position;
        for (id, cohort) in &mut self.cohorts {
            if cohort.add(outgoing) {
                first(index(id));
            }
            if let Some(matches) = cohort.matches.get() {
                matches.add_notice(notice);
            }
        }
        !self.cohorts.is_empty()
    }

    fn found_cohort(&mut self, key: SubscriptionKey) -> u32 {
        let key = Rc::new(key);
        let id = index(self.cohorts.vacant_key());
        let mut positions = Vec::new();
        if key.filter.wants_all_devices() {
            enlist(&mut self.everything, id, &mut positions);
        }
        if may_want_any(&key) {
            self.awaited.add(&self.tenant, None);
        }
        for device in key.filter.devices() {
            let list = self.by_device.entry_ref(device).or_insert_with(|| {
                self.awaited.add(&self.tenant, Some(device));
                List::new()
            });
            enlist(list, id, &mut positions);
        }
        for group in key.filter.groups() {
            let list = self.by_group.entry(group.clone()).or_default();
            enlist(list, id, &mut positions);
        }
        let paced = key.pace.map(|rate| Box::new(Paced::new(rate)));
        self.cohorts.insert(Cohort {
            key: Rc::clone(&key),
            members: Members::default(),
            batch: Vec::new(),
            paced,
            matches: CohortMatches::default(),
            positions,
        });
        self.by_key.insert(key, id);
        id
    }

    fn dissolve_if_idle(&mut self, id: u32) {
        let cohort = &self.cohorts[id as usize];
        if !cohort.members.is_empty() || !cohort.batch.is_empty() {
            return;
        }
        let Cohort { key, positions, .. } = self.cohorts.remove(id as usize);
        self.by_key.remove(&key);
        let mut positions = positions.into_iter();
        if key.filter.wants_all_devices() {
            remove_at(&mut self.everything, positions.next(), &mut self.cohorts);
        }
        if may_want_any(&key) {
            self.awaited.remove(&self.tenant, None);
        }
        for device in key.filter.devices() {
            if remove_under(&mut self.by_device, device, positions.next(), &mut self.cohorts) {
                self.awaited.remove(&self.tenant, Some(device));
            }
        }
        for group in key.filter.groups() {
            remove_under(&mut self.by_group, group, positions.next(), &mut self.cohorts);
        }
    }
}

/// Groups gain and lose devices while a filter names them.
fn may_want_any(key: &SubscriptionKey) -> bool {
    key.filter.wants_all_devices() || !key.filter.groups().is_empty()
}

fn index(id: usize) -> u32 {
    u32::try_from(id).expect("fewer cohorts than descriptors")
}

/// Puts a cohort at the end of `list`, and the position among its `positions`.
fn enlist(list: &mut List, cohort: u32, positions: &mut Vec<u32>) {
    let nth = index(positions.len());
    positions.push(index(list.len()));
    list.push(Listed { cohort, nth });
}

/// Takes the entry at `position` out of `list`; the last one moves there.
fn remove_at(list: &mut List, position: Option<u32>, cohorts: &mut Slab<Cohort>) {
    let position = position.expect("one for each list");
    list.swap_remove(position as usize);
    if let Some(moved) = list.get(position as usize) {
        cohorts[moved.cohort as usize].positions[moved.nth as usize] = position;
    }
}

/// Returns whether nothing is left under `name`.
fn remove_under<N: Eq + Hash>(
    lists: &mut HashMap<N, List>,
    name: &N,
    position: Option<u32>,
    cohorts: &mut Slab<Cohort>,
) -> bool {
    let list = lists.get_mut(name).expect("it is listed under each name");
    remove_at(list, position, cohorts);
    let is_last = list.is_empty();
    if is_last {
        lists.remove(name);
    }
    is_last
}

#[cfg(all(test, not(floodway_loom)))]
mod properties;
