//! What a tenant's streams may use: the configured limits, a default that is set at run time, and a tenant's own.
//!
//! Invariant: limits that are set hold from then on, all at once, for present and new streams. A lower limit ends no stream,
//! but admits no new one. A ring with more events is cut to it by its policy, with the next event.

use std::fmt;
use std::num::NonZeroUsize;

use hashbrown::HashMap;

use floodway_protocol::names::TenantId;

/// Tenants that may have limits of their own. Each costs some 100 bytes and its name.
pub const OWN_LIMITS_MAX: usize = 10_000;

/// What happens to a subscriber whose ring is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overflow {
    /// The new event is dropped.
    #[default]
    DropNewest,
    /// The oldest waiting event is dropped.
    DropOldest,
    /// The stream turns to the last event of each device until it has caught up; what that passes over is counted as
    /// conflated.
    Latest,
    /// The stream ends as a slow consumer.
    Disconnect,
    /// Nothing is dropped: the stream reads on from its tenant's history, as long as that holds what it needs.
    CatchUp,
}

impl Overflow {
    /// Each policy with its name, as settings, control documents and commands have it. The admin API's names are the
    /// same in upper case.
    pub const NAMED: [(&'static str, Self); 5] = [
        ("drop_newest", Self::DropNewest),
        ("drop_oldest", Self::DropOldest),
        ("latest", Self::Latest),
        ("disconnect", Self::Disconnect),
        ("catch_up", Self::CatchUp),
    ];

    /// The policy with this name.
    pub fn named(name: &str) -> Option<Self> {
        let found = Self::NAMED.into_iter().find(|(known, _)| *known == name);
        found.map(|(_, policy)| policy)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        let found = Self::NAMED.into_iter().find(|(_, policy)| *policy == self);
        found.expect("each policy has a name").0
    }

    /// Whether a full ring takes the new event, and drops others for it.
    pub fn makes_room(self) -> bool {
        matches!(self, Self::DropOldest | Self::Latest | Self::CatchUp)
    }
}

/// Overflow policies: a set of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policies(u8);

impl Policies {
    /// Whether this one is among them.
    pub fn contains(self, policy: Overflow) -> bool {
        self.0 & Self::bit(policy) != 0
    }

    /// Those that are among them, in the order of [`Overflow::NAMED`].
    pub fn iter(self) -> impl Iterator<Item = Overflow> {
        let all = Overflow::NAMED.into_iter().map(|(_, policy)| policy);
        all.filter(move |policy| self.contains(*policy))
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    fn bit(policy: Overflow) -> u8 {
        1 << policy as u8
    }
}

impl Default for Policies {
    /// All of them.
    fn default() -> Self {
        Overflow::NAMED.into_iter().map(|(_, policy)| policy).collect()
    }
}

impl FromIterator<Overflow> for Policies {
    fn from_iter<I: IntoIterator<Item = Overflow>>(policies: I) -> Self {
        Self(policies.into_iter().fold(0, |bits, policy| bits | Self::bit(policy)))
    }
}

/// Their names, separated by commas.
impl fmt::Display for Policies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.iter().map(Overflow::name).collect();
        f.write_str(&names.join(", "))
    }
}

/// The limits that hold for a tenant. The settings are what holds where nothing else is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// `limits.connections_per_tenant`: live streams, WebSocket and SSE together, on this gateway. Default 10; 0 is none.
    pub connections: u32,
    /// `stream.queue_size`: events that one subscriber may lag. Default 100. Costs 32 bytes each, only while it lags.
    pub queue_size: NonZeroUsize,
    /// `stream.overflow`: what happens at that limit. Default `drop_newest`.
    pub overflow: Overflow,
    /// `stream.overflow_allowed`: the policies that a stream may choose instead. Default all. See [`Limits::choices`].
    pub overflow_allowed: Policies,
    /// `stream.filter_ids`: devices, groups and metrics, each, that one subscriber may name. Default 1,000.
    pub filter_ids: usize,
    /// `stream.client_messages_per_second`: Default 1,000; a client that sends more is read more slowly. A change of filter
    /// counts as one more for every 16 names, a token as 16 more. 0 works like 1.
    pub client_messages_per_second: u32,
}

impl Limits {
    /// The policies that a stream may choose: those that are allowed, and always the one that holds without a choice.
    pub fn choices(&self) -> Policies {
        self.overflow_allowed.iter().chain([self.overflow]).collect()
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10,
            queue_size: NonZeroUsize::new(100).expect("not zero"),
            overflow: Overflow::DropNewest,
            overflow_allowed: Policies::default(),
            filter_ids: 1000,
            client_messages_per_second: 1000,
        }
    }
}

/// Limits that are set on one level. `None`: as on the level below.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OwnLimits {
    /// See [`Limits::connections`].
    pub connections: Option<u32>,
    /// See [`Limits::queue_size`].
    pub queue_size: Option<NonZeroUsize>,
    /// See [`Limits::overflow`].
    pub overflow: Option<Overflow>,
    /// See [`Limits::overflow_allowed`]. Never empty.
    pub overflow_allowed: Option<Policies>,
    /// See [`Limits::filter_ids`].
    pub filter_ids: Option<usize>,
    /// See [`Limits::client_messages_per_second`].
    pub client_messages_per_second: Option<u32>,
}

impl OwnLimits {
    /// Whether none is set.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn over(self, under: Limits) -> Limits {
        Limits {
            connections: self.connections.unwrap_or(under.connections),
            queue_size: self.queue_size.unwrap_or(under.queue_size),
            overflow: self.overflow.unwrap_or(under.overflow),
            overflow_allowed: self.overflow_allowed.unwrap_or(under.overflow_allowed),
            filter_ids: self.filter_ids.unwrap_or(under.filter_ids),
            client_messages_per_second: self.client_messages_per_second.unwrap_or(under.client_messages_per_second),
        }
    }
}

impl From<Limits> for OwnLimits {
    /// The same limits, all of them set.
    fn from(limits: Limits) -> Self {
        Self {
            connections: Some(limits.connections),
            queue_size: Some(limits.queue_size),
            overflow: Some(limits.overflow),
            overflow_allowed: Some(limits.overflow_allowed),
            filter_ids: Some(limits.filter_ids),
            client_messages_per_second: Some(limits.client_messages_per_second),
        }
    }
}

/// [`OWN_LIMITS_MAX`] tenants have limits of their own already. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{OWN_LIMITS_MAX} tenants have limits of their own, and no more may")]
pub struct TooManyLimits;

/// All limits. It is never changed in place, so a reader sees one state of it.
#[derive(Clone, Debug, Default)]
pub struct LimitBook {
    configured: Limits,
    default: OwnLimits,
    tenants: HashMap<TenantId, OwnLimits>,
}

impl LimitBook {
    pub(super) fn new(configured: Limits) -> Self {
        Self { configured, ..Self::default() }
    }

    /// The limits of `tenant`, whether it is in the index or not; with `None`, of tenants with none of their own.
    pub fn of(&self, tenant: Option<&TenantId>) -> Limits {
        let default = self.default.over(self.configured);
        tenant
            .and_then(|tenant| self.tenants.get(tenant))
            .map_or(default, |own| own.over(default))
    }

    /// The limits that are set for `tenant`, or with `None` as the default.
    pub fn own(&self, tenant: Option<&TenantId>) -> OwnLimits {
        match tenant {
            None => self.default,
            Some(tenant) => self.tenants.get(tenant).copied().unwrap_or_default(),
        }
    }

    /// The tenants with limits of their own, by name.
    pub fn tenants(&self) -> Vec<(TenantId, OwnLimits)> {
        let own = self.tenants.iter();
        let mut own: Vec<_> = own.map(|(tenant, own)| (tenant.clone(), *own)).collect();
        own.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        own
    }

    /// A copy with `own` for `tenant`, or as the default.
    pub(super) fn with(&self, tenant: Option<&TenantId>, own: OwnLimits) -> Result<Self, TooManyLimits> {
        let mut book = self.clone();
        match tenant {
            None => book.default = own,
            Some(tenant) if own.is_empty() => _ = book.tenants.remove(tenant),
            Some(tenant) => _ = book.tenants.insert(tenant.clone(), own),
        }
        (book.tenants.len() <= OWN_LIMITS_MAX).then_some(book).ok_or(TooManyLimits)
    }
}

#[cfg(test)]
mod tests;
