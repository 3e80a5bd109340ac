//! Which tenants are named, and what is left for all others.
//!
//! The count of the others is the gateway's count less that of the named tenants. So it holds the tenants that have left,
//! and the sum over all is the gateway's. Invariants, for each counter: that of the others never falls; the sum lies
//! between the gateway's at the beginning and at the end of the look, so at rest it is the same. For this
//!
//! * the gateway's count is read first. What a tenant's count has more is of the time since, and only makes the others'
//!   smaller than it is, which a later look makes good;
//! * a tenant that was among the others at the last look brings nothing along when it is named: its counts until then
//!   stay with them. One that is new since then brings all;
//! * one that is not named any more, or has left, leaves its reported counts to the others.

use std::cmp::Reverse;
use std::sync::Arc;

use hashbrown::{HashMap, HashSet};

use floodway_core::index::Tenant;
use floodway_protocol::names::TenantId;

/// Counts that only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counters {
    pub(super) accepted: u64,
    pub(super) delivered: u64,
    pub(super) dropped: u64,
    pub(super) conflated: u64,
    pub(super) bytes: u64,
}

/// What is reported of one tenant, of several, or of the gateway.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Reported {
    pub(super) ws: u64,
    pub(super) sse: u64,
    pub(super) counters: Counters,
}

/// The tenants that are named now.
#[derive(Debug)]
pub(super) struct Busiest {
    most: usize,
    named: HashMap<TenantId, Named>,
    /// Those that were not, at the last look.
    unnamed: HashSet<TenantId>,
    /// The counts of the others that were reported at the last look.
    others: Counters,
}

#[derive(Debug)]
struct Named {
    tenant: Arc<Tenant>,
    /// Its counts when it was named, which stay with the others.
    before: Counters,
}

/// A tenant at one look.
struct Seen {
    named: Named,
    was_named: bool,
    now: Reported,
}

/// What is reported: each named tenant, and the others together.
pub(super) type Rows = (Vec<(TenantId, Reported)>, Reported);

impl Busiest {
    /// Names up to `most`.
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            named: HashMap::new(),
            unnamed: HashSet::new(),
            others: Counters::default(),
        }
    }

    /// Chooses the tenants anew, and reports them. `gateway` was read before the `tenants` were asked for.
    pub(super) fn look(&mut self, gateway: Reported, tenants: Vec<Arc<Tenant>>) -> Rows {
        let mut seen: Vec<Seen> = tenants.into_iter().map(|tenant| self.see(tenant)).collect();
        seen.sort_by_cached_key(Seen::rank);
        let others = seen.split_off(seen.len().min(self.most));
        self.unnamed = others.iter().map(Seen::id).collect();
        let rows: Vec<(TenantId, Reported)> = seen.iter().map(|seen| (seen.id(), seen.reported())).collect();
        let named = rows.iter().fold(Reported::default(), |sum, (_, reported)| sum.plus(reported));
        let left = gateway.less(&named);
        self.others = self.others.at_least(&left.counters);
        self.named = seen.into_iter().map(|seen| (seen.id(), seen.named)).collect();
        (rows, Reported { counters: self.others, ..left })
    }

    fn see(&self, tenant: Arc<Tenant>) -> Seen {
        let now = Reported::of(&tenant);
        let known = self.named.get(tenant.id());
        // One that has left and come again is another one.
        let known = known.filter(|named| Arc::ptr_eq(&named.tenant, &tenant));
        let before = match known {
            Some(named) => named.before,
            None if self.unnamed.contains(tenant.id()) => now.counters,
            None => Counters::default(),
        };
        Seen { named: Named { tenant, before }, was_named: known.is_some(), now }
    }
}

impl Seen {
    fn id(&self) -> TenantId {
        self.named.tenant.id().clone()
    }

    /// The smallest is the busiest. A named tenant gives way only to one that is twice as busy, lest two that are alike
    /// take turns.
    fn rank(&self) -> (Reverse<(u64, u64)>, TenantId) {
        let counters = &self.now.counters;
        let busy = counters.delivered.saturating_add(counters.dropped);
        let weight = if self.was_named { 2 } else { 1 };
        let key = (busy.saturating_mul(weight), self.now.ws + self.now.sse);
        (Reverse(key), self.id())
    }

    fn reported(&self) -> Reported {
        Reported { counters: self.now.counters.less(&self.named.before), ..self.now }
    }
}

impl Reported {
    fn of(tenant: &Tenant) -> Self {
        let counts = tenant.counts();
        Self {
            ws: counts.ws,
            sse: counts.sse,
            counters: Counters {
                accepted: tenant.events(),
                delivered: counts.delivered,
                dropped: counts.dropped,
                conflated: counts.conflated,
                bytes: counts.bytes,
            },
        }
    }

    fn with(&self, other: &Self, by: fn(u64, u64) -> u64) -> Self {
        let counters = self.counters.with(&other.counters, by);
        Self { ws: by(self.ws, other.ws), sse: by(self.sse, other.sse), counters }
    }

    fn plus(&self, other: &Self) -> Self {
        self.with(other, u64::saturating_add)
    }

    fn less(&self, other: &Self) -> Self {
        self.with(other, u64::saturating_sub)
    }
}

impl Counters {
    fn with(&self, other: &Self, by: fn(u64, u64) -> u64) -> Self {
        Self {
            accepted: by(self.accepted, other.accepted),
            delivered: by(self.delivered, other.delivered),
            dropped: by(self.dropped, other.dropped),
            conflated: by(self.conflated, other.conflated),
            bytes: by(self.bytes, other.bytes),
        }
    }

    fn less(&self, other: &Self) -> Self {
        self.with(other, u64::saturating_sub)
    }

    fn at_least(&self, other: &Self) -> Self {
        self.with(other, u64::max)
    }
}

#[cfg(all(test, not(floodway_loom)))]
mod tests;
