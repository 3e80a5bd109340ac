//! Who is there: the tenants, the shards that have subscribers of them, and the places that are taken.
//!
//! Invariants: readers never wait; the map changes when a tenant comes or goes, never with a subscriber; a tenant
//! leaves only while nobody has a place in it; the limits are exact however many connect at once, and a place is
//! given back by the drop of its [`ConnectionPermit`], whatever path a connection ends on.
//!
//! What is known of those who are there stands here too, since everybody may name the index: who a stream is
//! (`identity`), what a tenant may use (`limits`), what it received (`counters`), and what happened (`journal`).

mod config;
mod counters;
mod groups;
mod handover;
mod identity;
mod journal;
mod limits;
mod permit;
mod tenant;
mod wake_filter;

use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering, fence};

use arc_swap::ArcSwap;
use hashbrown::{DefaultHashBuilder, HashMap};

pub use config::Config;
pub use counters::{Count, OwnCounters, TenantCounters, TenantCounts};
pub use groups::Groups;
pub use identity::{BadConnectionId, ClientInfo, ConnectionId, Transport};
pub use journal::{AuditEvent, AuditKind, AuditNews, Journal, Limit, SourceChange, Watcher};
pub use limits::{Limits, OWN_LIMITS_MAX, Overflow, OwnLimits, TooManyLimits};
pub use permit::{ConnectionPermit, NoPermit};
pub use tenant::{Tenant, Upstream};
pub use wake_filter::{Slot, WakeFilter};

use floodway_protocol::names::TenantId;
use limits::Book;
use permit::Gateway;

/// Parts of the map. A tenant that comes copies one of them, not the whole: a storm of new tenants stays cheap.
const PARTS: usize = 256;

type Part = HashMap<TenantId, Arc<Tenant>>;

/// All tenants that have subscribers on this gateway.
#[derive(Debug)]
pub struct Index {
    parts: Box<[ArcSwap<Part>]>,
    hasher: DefaultHashBuilder,
    gateway: Arc<Gateway>,
    onlookers: Arc<Gateway>,
    limits: ArcSwap<Book>,
    journal: Arc<Journal>,
    draining: AtomicBool,
}

impl Index {
    /// An empty index with the limits of `config`, and defaults of what one stream may use; the gateway's own limit is
    /// already derived, not 0.
    pub fn new(config: &Config) -> Self {
        Self::with_limits(
            config.connections,
            Limits {
                connections: config.connections_per_tenant,
                ..Limits::default()
            },
        )
    }

    /// An empty index of a gateway that holds so many `connections`, with `configured` limits for each tenant.
    pub fn with_limits(connections: u32, configured: Limits) -> Self {
        let journal = Arc::new(Journal::default());
        Self {
            parts: (0..PARTS).map(|_| ArcSwap::default()).collect(),
            hasher: DefaultHashBuilder::default(),
            gateway: Arc::new(Gateway::new(connections, Arc::clone(&journal))),
            onlookers: Arc::new(Gateway::of_onlookers(Arc::clone(&journal))),
            limits: ArcSwap::from_pointee(Book::new(configured)),
            journal,
            draining: AtomicBool::new(false),
        }
    }

    /// The tenant, if it has subscribers.
    pub fn find(&self, tenant: &str) -> Option<Arc<Tenant>> {
        self.part(tenant).load().get(tenant).cloned()
    }

    /// Every tenant that is there now.
    pub fn tenants(&self) -> Vec<Arc<Tenant>> {
        self.parts
            .iter()
            .flat_map(|part| part.load().values().cloned().collect::<Vec<_>>())
            .collect()
    }

    /// Takes a place for one live stream of `tenant`.
    ///
    /// # Errors
    /// The first limit that is reached: the tenant's, then the gateway's. Nothing is held then.
    pub fn enter(&self, tenant: &TenantId) -> Result<ConnectionPermit, NoPermit> {
        loop {
            let found = self.find_or_add(tenant);
            let limit = found.limits().connections;
            match ConnectionPermit::take(found, limit, &self.gateway) {
                Ok(place) => return Ok(place),
                Err(permit::Refused::Retired) => {}
                Err(permit::Refused::NoPermit(reason)) => return Err(reason),
            }
        }
    }

    /// The same for an operator who looks on. It counts against no limit: it is let in whatever they say, and keeps
    /// nobody out.
    pub fn look_on(&self, tenant: &TenantId) -> ConnectionPermit {
        loop {
            // Refused only where the tenant has left the index meanwhile: it is looked up again.
            if let Ok(place) = ConnectionPermit::take(self.find_or_add(tenant), 0, &self.onlookers)
            {
                return place;
            }
        }
    }

    /// Forgets `tenant` if nobody has a place in it. Returns whether it is gone.
    pub fn retire(&self, tenant: &Arc<Tenant>) -> bool {
        if !tenant.retire() {
            return false;
        }
        self.part(tenant.id().as_str()).rcu(|part| {
            let mut part = Part::clone(part);
            // Another thread may have put a successor of the retired tenant in its place already.
            if part
                .get(tenant.id())
                .is_some_and(|found| Arc::ptr_eq(found, tenant))
            {
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

    /// The default limit of live streams per tenant; 0 is none.
    pub fn connections_per_tenant(&self) -> u32 {
        self.default_limits().connections
    }

    /// What holds for tenants with no limits of their own.
    pub fn default_limits(&self) -> Limits {
        self.limits.load().default_limits()
    }

    /// What holds for `tenant`, be it there or not.
    pub fn limits_of(&self, tenant: &TenantId) -> Limits {
        self.limits.load().of(tenant)
    }

    /// What was set for `tenant`, or as the default where it is none.
    pub fn own_limits(&self, tenant: Option<&TenantId>) -> OwnLimits {
        self.limits.load().own(tenant)
    }

    /// The tenants for which something was set, in the order of their names.
    pub fn tenants_with_limits(&self) -> Vec<(TenantId, OwnLimits)> {
        self.limits.load().tenants()
    }

    /// Sets limits for `tenant`, or as the default where it is none, in the place of what was set before; empty ones
    /// clear it. They hold at once. Of two calls at once the last wins, whole.
    ///
    /// # Errors
    /// If too many tenants have limits of their own. Nothing is changed then.
    pub fn set_limits(
        &self,
        tenant: Option<&TenantId>,
        own: OwnLimits,
    ) -> Result<(), TooManyLimits> {
        let mut refused = None;
        self.limits.rcu(|book| match book.with(tenant, own) {
            Ok(changed) => {
                refused = None;
                Arc::new(changed)
            }
            Err(error) => {
                refused = Some(error);
                Arc::clone(book)
            }
        });
        if let Some(error) = refused {
            return Err(error);
        }
        // Pairs with the fence in `find_or_add`. Of two SeqCst fences one comes first: if ours does, a tenant that is
        // added reads what was set here; if theirs does, we find it in the map. With less, both could miss.
        fence(Ordering::SeqCst);
        match tenant {
            Some(tenant) => {
                if let Some(found) = self.find(tenant.as_str()) {
                    found.renew_limits(&self.limits);
                }
            }
            None => self
                .tenants()
                .iter()
                .for_each(|tenant| tenant.renew_limits(&self.limits)),
        }
        Ok(())
    }

    /// Where things that happen to streams are told.
    pub fn journal(&self) -> &Arc<Journal> {
        &self.journal
    }

    /// From now on nobody new is admitted.
    pub fn start_draining(&self) {
        self.draining.store(true, Ordering::Release);
    }

    /// New streams are admitted again.
    pub fn cancel_draining(&self) {
        self.draining.store(false, Ordering::Release);
    }

    /// Whether nobody new is admitted.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    fn find_or_add(&self, tenant: &TenantId) -> Arc<Tenant> {
        if let Some(found) = self.find(tenant.as_str())
            && !found.is_retired()
        {
            return found;
        }
        let fresh = Arc::new(Tenant::new(tenant.clone(), self.limits_of(tenant)));
        // What stands in the map after the change, or what kept it: `fresh` only if it was added. One that was never
        // added must not be given out, or its subscribers are where no event finds them.
        let mut standing = Arc::clone(&fresh);
        self.part(tenant.as_str()).rcu(|part| {
            let mut part = Part::clone(part);
            match part.get(tenant) {
                Some(found) if !found.is_retired() => standing = Arc::clone(found),
                _ => {
                    standing = Arc::clone(&fresh);
                    part.insert(tenant.clone(), Arc::clone(&fresh));
                }
            }
            part
        });
        // Pairs with the fence in `set_limits`: what is set just now reaches the tenant by one of the two.
        fence(Ordering::SeqCst);
        standing.renew_limits(&self.limits);
        standing
    }

    fn part(&self, tenant: &str) -> &ArcSwap<Part> {
        let hash = self.hasher.hash_one(tenant);
        &self.parts[hash as usize % PARTS]
    }
}

#[cfg(all(test, not(floodway_loom)))]
mod tests;
