//! The tenants of this gateway: the shards that have subscribers of each, and the permits of live streams.
//!
//! Invariants: readers never wait; the map changes when a tenant comes or goes, never with a subscriber; a tenant
//! leaves only while it has no permit out; the limits are exact however many streams connect at once, and the drop of a
//! [`ConnectionPermit`] releases it, whichever way a connection ends.
//!
//! Of each `tenant` this keeps the point where its live events begin (`handover`), the shards to wake (`wake_filter`),
//! its `groups`, its `limits`, its `permit`s and its `counters`. Beside them stand two things that all threads share: what
//! identifies a stream (`identity`), and what happened to streams (`journal`).

mod counters;
mod groups;
mod handover;
mod identity;
mod journal;
mod limits;
mod permit;
mod tenant;
mod upstream;
mod wake_filter;

use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};
use std::time::Instant;

use arc_swap::ArcSwap;
use hashbrown::{DefaultHashBuilder, HashMap};

pub use counters::{Count, OwnCounters, TenantCounters, TenantCounts};
pub use groups::Groups;
pub use identity::{BadConnectionId, ClientInfo, ConnectionId, Transport};
pub use journal::{AuditEvent, AuditKind, Journal, Limit, Missed, SourceChange, Watcher};
pub use limits::{LimitBook, Limits, OWN_LIMITS_MAX, Overflow, OwnLimits, Policies, TooManyLimits};
pub use permit::{ConnectionPermit, NoPermit};
pub use tenant::Tenant;
pub use upstream::{Answer, SOURCES_MAX, SourceNumber, Upstream};
pub use wake_filter::{Slot, WakeFilter};

use crate::history::{self, Histories, History};
use floodway_protocol::names::TenantId;
use permit::Gateway;
use tenant::PermitKind;
use upstream::OpenSources;

/// Parts of the map. A new tenant copies one of them, not the whole, so a storm of new tenants stays cheap.
const PARTS: usize = 256;

type Part = HashMap<TenantId, Arc<Tenant>>;

/// All tenants that have subscribers on this gateway, and the limits.
#[derive(Debug)]
pub struct Index {
    parts: Box<[ArcSwap<Part>]>,
    hasher: DefaultHashBuilder,
    gateway: Arc<Gateway>,
    onlookers: Arc<Gateway>,
    limits: ArcSwap<LimitBook>,
    journal: Arc<Journal>,
    draining: AtomicBool,
    histories: Arc<Histories>,
    open_sources: Arc<OpenSources>,
    /// No tenant that left used a larger position in its history: a successor of its name begins behind it, so that what is
    /// still under way of the other one is never taken for its own.
    floor: AtomicU64,
}

impl Index {
    /// As [`Index::with_history`], with the default bounds of histories.
    pub fn new(connections: u32, configured: Limits) -> Self {
        Self::with_history(connections, configured, history::Config::default())
    }

    /// An empty index of a gateway that holds this many `connections`, with `configured` limits for each tenant, and of whose
    /// events so much is kept.
    pub fn with_history(connections: u32, configured: Limits, history: history::Config) -> Self {
        let journal = Arc::new(Journal::default());
        let gateway = |kind, limit| Arc::new(Gateway::new(kind, limit, Arc::clone(&journal)));
        Self {
            parts: (0..PARTS).map(|_| ArcSwap::default()).collect(),
            hasher: DefaultHashBuilder::default(),
            gateway: gateway(PermitKind::Stream, connections),
            onlookers: gateway(PermitKind::Onlooker, u32::MAX),
            limits: ArcSwap::from_pointee(LimitBook::new(configured)),
            journal,
            draining: AtomicBool::new(false),
            histories: Arc::new(Histories::new(history)),
            open_sources: Arc::default(),
            floor: AtomicU64::new(0),
        }
    }

    /// The tenant, if it has subscribers.
    pub fn find(&self, tenant: &str) -> Option<Arc<Tenant>> {
        self.part(tenant).load().get(tenant).cloned()
    }

    /// Every tenant now.
    pub fn tenants(&self) -> Vec<Arc<Tenant>> {
        self.parts
            .iter()
            .flat_map(|part| part.load().values().cloned().collect::<Vec<_>>())
            .collect()
    }

    /// Takes a permit for one live stream of `tenant`.
    ///
    /// # Errors
    /// The first limit that is reached: the tenant's, then the gateway's. Nothing is held then.
    pub fn enter(&self, tenant: &TenantId) -> Result<ConnectionPermit, NoPermit> {
        loop {
            let found = self.find_or_add(tenant);
            let limit = found.limits().connections;
            if let Some(permit) = ConnectionPermit::acquire(found, limit, &self.gateway)? {
                return Ok(permit);
            }
        }
    }

    /// Takes a permit for an operator who looks on. It counts against no limit: it is never refused, and refuses no stream.
    pub fn look_on(&self, tenant: &TenantId) -> ConnectionPermit {
        loop {
            let found = self.find_or_add(tenant);
            if let Ok(Some(permit)) = ConnectionPermit::acquire(found, 0, &self.onlookers) {
                return permit;
            }
        }
    }

    /// Adds a tenant of which nobody is there, for its last values. It leaves when there are none of it any more.
    pub fn keep(&self, tenant: &TenantId) -> Arc<Tenant> {
        self.find_or_add(tenant)
    }

    /// Removes `tenant` if it has no permit out. Returns whether it is gone.
    pub fn retire(&self, tenant: &Arc<Tenant>) -> bool {
        // Before it retires: its successor looks behind that.
        self.floor.fetch_max(tenant.newest(), Ordering::AcqRel);
        if !tenant.retire() {
            return false;
        }
        self.part(tenant.id().as_str()).rcu(|part| {
            let mut part = Part::clone(part);
            // Another thread may have put a successor of the retired tenant into the map already.
            if part.get(tenant.id()).is_some_and(|found| Arc::ptr_eq(found, tenant)) {
                part.remove(tenant.id());
            }
            part
        });
        true
    }

    /// Live streams on this gateway, those in their handshake included.
    pub fn connections(&self) -> u32 {
        self.gateway.connections()
    }

    /// All limits now.
    pub fn limits(&self) -> arc_swap::Guard<Arc<LimitBook>> {
        self.limits.load()
    }

    /// Sets the limits of `tenant`, or with `None` the default; they replace all that were set before. Empty ones clear
    /// them. They hold at once. Of two calls at the same time the last one wins, whole.
    ///
    /// # Errors
    /// If too many tenants have limits of their own. Nothing is changed then.
    pub fn set_limits(&self, tenant: Option<&TenantId>, own: OwnLimits) -> Result<(), TooManyLimits> {
        let mut done = Ok(());
        self.limits.rcu(|book| match book.with(tenant, own) {
            Ok(changed) => {
                done = Ok(());
                Arc::new(changed)
            }
            Err(error) => {
                done = Err(error);
                Arc::clone(book)
            }
        });
        done?;
        // Pairs with the fence in `find_or_add`. Of two SeqCst fences one comes first: if this one does, a tenant that is
        // added reads the new limits; if the other does, the tenant is found in the map below. With less, both could miss.
        fence(Ordering::SeqCst);
        let changed = tenant.map_or_else(|| self.tenants(), |tenant| self.find(tenant.as_str()).into_iter().collect());
        changed.iter().for_each(|tenant| tenant.renew_limits(&self.limits));
        Ok(())
    }

    /// Where events of streams and sources are noted.
    pub fn journal(&self) -> &Arc<Journal> {
        &self.journal
    }

    /// Sets whether new streams are refused from now on.
    pub fn set_draining(&self, is_draining: bool) {
        self.draining.store(is_draining, Ordering::Release);
    }

    /// Whether new streams are refused.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    fn find_or_add(&self, tenant: &TenantId) -> Arc<Tenant> {
        if let Some(found) = self.find(tenant.as_str())
            && !found.is_retired()
        {
            return found;
        }
        // What the map holds after the change: a fresh one only if it was added. One that was not added must not be given
        // out: no event would find its subscribers.
        let mut standing = None;
        self.part(tenant.as_str()).rcu(|part| {
            let mut part = Part::clone(part);
            match part.get(tenant) {
                Some(found) if !found.is_retired() => standing = Some(Arc::clone(found)),
                _ => {
                    let fresh = Arc::new(self.fresh(tenant));
                    standing = Some(Arc::clone(&fresh));
                    part.insert(tenant.clone(), fresh);
                }
            }
            part
        });
        let standing = standing.expect("the map was looked at");
        // Pairs with the fence in `set_limits`: limits that are set at this moment reach the tenant by one of the two.
        fence(Ordering::SeqCst);
        standing.renew_limits(&self.limits);
        standing
    }

    fn fresh(&self, tenant: &TenantId) -> Tenant {
        let history = History::new(Arc::clone(&self.histories), self.floor.load(Ordering::Acquire));
        Tenant::new(tenant.clone(), self.limits().of(Some(tenant)), history, Arc::clone(&self.open_sources))
    }

    /// For ingest: this source is asked for tenants from now on, or no longer.
    pub fn set_source_open(&self, source: SourceNumber, is_open: bool) {
        self.open_sources.set(source, is_open);
        self.tenants().iter().for_each(|tenant| tenant.renew_upstream());
    }

    /// The histories of all tenants, and what they hold.
    pub fn histories(&self) -> &Histories {
        &self.histories
    }

    /// For ingest, about once a second: evicts events that are too old.
    pub fn evict_old(&self, now: Instant) {
        self.tenants().iter().for_each(|tenant| tenant.evict(now));
    }

    /// For ingest, when all histories hold too much: takes from those that were needed longest ago, and first from those that
    /// nobody is there for.
    #[cold]
    pub fn reclaim(&self) {
        let mut tenants = self.tenants();
        tenants.sort_by_cached_key(|tenant| (!tenant.is_empty(), tenant.history().last_used()));
        let mut surplus = self.histories.surplus();
        while surplus > 0 {
            let before = surplus;
            for tenant in &tenants {
                surplus = surplus.saturating_sub(tenant.shrink_history());
                if surplus == 0 {
                    return;
                }
            }
            if surplus == before {
                // What is left can't be given back: newest chunks, and last values of tenants with streams.
                return;
            }
        }
    }

    fn part(&self, tenant: &str) -> &ArcSwap<Part> {
        let hash = self.hasher.hash_one(tenant);
        &self.parts[hash as usize % PARTS]
    }
}

#[cfg(all(test, not(floodway_loom)))]
mod tests;
