//! What all threads know of one tenant.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::{ArcSwap, ArcSwapOption};
use crossbeam::utils::CachePadded;
use tokio::sync::watch;

use super::counters::{Count, OwnCounters, TenantCounterTable, TenantCounts};
use super::groups::Groups;
use super::handover::Handover;
use super::limits::{Book, Limits};
use super::wake_filter::WakeFilter;
use crate::event::EventId;
use floodway_protocol::names::TenantId;

/// Stands in `places` for a tenant that has left the index: nobody can enter it any more.
const RETIRED: u64 = u64::MAX;

/// Who has a place. Both are counted in one word, so that it tells at once whether anybody is there.
#[derive(Clone, Copy, Debug)]
#[repr(u64)]
pub(super) enum Who {
    /// A stream, which counts against the tenant's limit: in the lower half of the word.
    Stream = 1,
    /// One who looks on and is in no stream's way: in the upper half.
    Onlooker = 1 << 32,
}

/// Whether the broker sends this tenant's events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upstream {
    /// Not (yet) confirmed.
    Waiting,
    /// The broker has confirmed the subscription: whatever is published from now on arrives.
    Confirmed,
    /// The broker has refused the subscription.
    Refused,
}

/// A tenant that has subscribers, or had some a moment ago.
#[derive(Debug)]
pub struct Tenant {
    id: TenantId,
    handover: CachePadded<Handover>,
    wake_filter: WakeFilter,
    places: CachePadded<AtomicU64>,
    upstream: watch::Sender<Upstream>,
    /// Why the broker refused the subscription last.
    refusal: ArcSwapOption<String>,
    groups: ArcSwap<Groups>,
    /// Shards keep a cache of it beside their subscribers, so that none looks it up for a delivery.
    limits: Arc<ArcSwap<Limits>>,
    tallies: TenantCounterTable,
    /// Only ingest writes it.
    events: Count,
}

pub(super) enum NoPermit {
    Full,
    Retired,
}

impl Tenant {
    pub(super) fn new(id: TenantId, limits: Limits) -> Self {
        Self {
            id,
            handover: CachePadded::new(Handover::new()),
            wake_filter: WakeFilter::new(),
            places: CachePadded::new(AtomicU64::new(0)),
            upstream: watch::Sender::new(Upstream::Waiting),
            refusal: ArcSwapOption::empty(),
            groups: ArcSwap::default(),
            limits: Arc::new(ArcSwap::from_pointee(limits)),
            tallies: TenantCounterTable::default(),
            events: Count::default(),
        }
    }

    /// Its name.
    pub fn id(&self) -> &TenantId {
        &self.id
    }

    /// Ingest: `event` is accepted. Returns the shards to push it to, a bit each.
    pub fn appended(&self, event: EventId) -> u64 {
        self.events.add(1);
        self.handover.appended(event.get())
    }

    /// The shards that have subscribers of this tenant, a bit each.
    pub fn interest(&self) -> u64 {
        self.handover.interest()
    }

    /// Which of these shards are to be woken, for which devices.
    pub fn wake_filter(&self) -> &WakeFilter {
        &self.wake_filter
    }

    /// A shard: push me every event after the one that is returned.
    pub fn declare(&self, shard: usize) -> EventId {
        EventId::new(self.handover.declare(shard))
    }

    /// A shard: push me no more.
    pub fn withdraw(&self, shard: usize) {
        self.handover.withdraw(shard);
    }

    /// Live streams of this tenant that count against its limit, those in their handshake included.
    pub fn connections(&self) -> u32 {
        match self.places.load(Ordering::Relaxed) {
            RETIRED => 0,
            taken => streams(taken),
        }
    }

    /// Whether nobody wants its events: there is no stream, and nobody looks on.
    pub fn is_empty(&self) -> bool {
        matches!(self.places.load(Ordering::Relaxed), 0 | RETIRED)
    }

    /// Whether the broker sends this tenant's events, to wait upon.
    pub fn upstream(&self) -> watch::Receiver<Upstream> {
        self.upstream.subscribe()
    }

    /// Ingest tells how the subscription stands.
    pub fn set_upstream(&self, state: Upstream) {
        self.upstream.send_replace(state);
    }

    /// Ingest tells that the broker refuses the subscription, and why.
    pub fn set_refused(&self, reason: &str) {
        self.refusal.store(Some(Arc::new(reason.to_owned())));
        self.set_upstream(Upstream::Refused);
    }

    /// Why the broker refuses the subscription, if it does.
    pub fn refusal(&self) -> Option<Arc<String>> {
        let is_refused = *self.upstream.borrow() == Upstream::Refused;
        is_refused.then(|| self.refusal.load_full()).flatten()
    }

    /// Its groups, as they are now.
    pub fn groups(&self) -> arc_swap::Guard<Arc<Groups>> {
        self.groups.load()
    }

    /// Replaces its groups; the next event is matched against the new ones.
    pub fn set_groups(&self, groups: Arc<Groups>) {
        self.groups.store(groups);
    }

    /// What its streams may use now.
    pub fn limits(&self) -> Limits {
        **self.limits.load()
    }

    /// The same, to be watched.
    pub fn watch_limits(&self) -> Arc<ArcSwap<Limits>> {
        Arc::clone(&self.limits)
    }

    /// Takes over what `book` says now. The book is read anew if somebody else changed the limits meanwhile, so that the
    /// newest book wins whoever is last.
    pub(super) fn renew_limits(&self, book: &ArcSwap<Book>) {
        self.limits.rcu(|_| book.load().of(&self.id));
    }

    /// What `shard` counts of this tenant; for that shard only.
    pub fn counters(&self, shard: usize) -> OwnCounters {
        self.tallies.of(shard)
    }

    /// What its streams have received since it came into the index.
    pub fn counts(&self) -> TenantCounts {
        self.tallies.sum()
    }

    /// Events of its devices since it came into the index.
    pub fn events(&self) -> u64 {
        self.events.get()
    }

    /// Takes a place if fewer than `limit` streams are there (0: no limit); an onlooker's whatever the limit. One
    /// compare-and-swap decides, so the limit is exact however many ask at once. Relaxed: the count guards nothing but
    /// itself.
    pub(super) fn take_place(&self, who: Who, limit: u32) -> Result<(), NoPermit> {
        let full_at = match (who, limit) {
            (Who::Onlooker, _) | (_, 0) => u32::MAX,
            (Who::Stream, limit) => limit,
        };
        let taken = self
            .places
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |taken| {
                (taken != RETIRED && streams(taken) < full_at).then(|| taken + who as u64)
            });
        match taken {
            Ok(_) => Ok(()),
            Err(RETIRED) => Err(NoPermit::Retired),
            Err(_) => Err(NoPermit::Full),
        }
    }

    pub(super) fn give_place_back(&self, who: Who) {
        self.places.fetch_sub(who as u64, Ordering::Relaxed);
    }

    pub(super) fn is_retired(&self) -> bool {
        self.places.load(Ordering::Relaxed) == RETIRED
    }

    /// Closes an empty tenant for good. False if somebody has a place.
    pub(super) fn retire(&self) -> bool {
        self.places
            .compare_exchange(0, RETIRED, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok()
    }
}

fn streams(places: u64) -> u32 {
    (places % Who::Onlooker as u64) as u32
}
