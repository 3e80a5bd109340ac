//! The documents in force.
//!
//! Invariant: `group_count` and `bytes` are those of the documents that are kept, and within the bounds. A document that
//! would break one is refused, and the one that stood in its place stays.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::config::Config;
use super::field::Invalid;
use super::group::Group;
use super::limits;
use super::topic::Key;
use floodway_core::index::{Groups, OwnLimits};
use floodway_protocol::names::{DeviceId, GroupId, TenantId};

/// What a document costs besides its names.
const EACH_BYTES: usize = 64;

/// A tenant's groups. Invariant: `members` is made of what is in `by_name`; it is changed document by document,
/// since to build it from a million names takes a good part of a second.
#[derive(Clone, Debug, Default)]
pub struct TenantGroups {
    by_name: BTreeMap<GroupId, Arc<Group>>,
    members: Arc<Groups>,
}

impl TenantGroups {
    /// The groups by name.
    pub fn by_name(&self) -> &BTreeMap<GroupId, Arc<Group>> {
        &self.by_name
    }

    /// Which groups a device is in.
    pub fn members(&self) -> &Arc<Groups> {
        &self.members
    }

    fn put(&mut self, name: &GroupId, group: Arc<Group>) {
        let old = self.by_name.insert(name.clone(), Arc::clone(&group));
        let old = old.as_ref().map_or(&[][..], |old| old.devices());
        Arc::make_mut(&mut self.members).change(name, old, group.devices());
    }

    fn remove(&mut self, name: &GroupId) {
        if let Some(old) = self.by_name.remove(name) {
            Arc::make_mut(&mut self.members).change(name, old.devices(), &[]);
        }
    }
}

impl PartialEq for TenantGroups {
    fn eq(&self, other: &Self) -> bool {
        self.by_name == other.by_name
    }
}

impl Eq for TenantGroups {}

/// A document that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Document {
    Limits(OwnLimits),
    Group(Arc<Group>),
}

impl Document {
    /// Reads what stands under `key`.
    pub(super) fn parse(key: &Key, payload: &[u8], config: &Config) -> Result<Self, Invalid> {
        match key {
            Key::Limits(_) => limits::parse(payload).map(Self::Limits),
            Key::Group(..) => {
                let group = Group::parse(payload, config.group_devices)?;
                Ok(Self::Group(Arc::new(group)))
            }
        }
    }
}

/// A bound that a document would break.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("would be more than {limit} ({setting})")]
pub(super) struct Exceeded {
    pub(super) setting: &'static str,
    pub(super) limit: usize,
}

/// What has to be applied anew.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Change {
    Limits(Option<TenantId>),
    Groups(TenantId),
}

impl From<&Key> for Change {
    fn from(key: &Key) -> Self {
        match key {
            Key::Limits(scope) => Self::Limits(scope.clone()),
            Key::Group(tenant, _) => Self::Groups(tenant.clone()),
        }
    }
}

/// All limits and groups at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Documents {
    limits: BTreeMap<Option<TenantId>, OwnLimits>,
    groups: BTreeMap<TenantId, Arc<TenantGroups>>,
    group_count: usize,
    bytes: usize,
}

impl Documents {
    /// A tenant's own limits, or with `None` those of every tenant, if they were set.
    pub fn limits(&self, tenant: Option<&TenantId>) -> Option<&OwnLimits> {
        self.limits.get(&tenant.cloned())
    }

    /// The tenants that have limits of their own, by name.
    pub fn tenant_limits(&self) -> impl Iterator<Item = (&TenantId, &OwnLimits)> {
        let own = self.limits.iter();
        own.filter_map(|(tenant, limits)| Some((tenant.as_ref()?, limits)))
    }

    /// A tenant's groups, if it has any.
    pub fn groups(&self, tenant: &TenantId) -> Option<&Arc<TenantGroups>> {
        self.groups.get(tenant)
    }

    /// Groups of all tenants.
    pub fn group_count(&self) -> usize {
        self.group_count
    }

    pub(super) fn get(&self, key: &Key) -> Option<Document> {
        match key {
            Key::Limits(scope) => self.limits.get(scope).copied().map(Document::Limits),
            Key::Group(tenant, group) => {
                let group = self.groups.get(tenant)?.by_name.get(group)?;
                Some(Document::Group(Arc::clone(group)))
            }
        }
    }

    /// Whether `document` may stand under `key`.
    pub(super) fn admits(&self, key: &Key, document: &Document, config: &Config) -> Result<(), Exceeded> {
        let old = self.get(key);
        let (setting, limit, taken) = match key {
            Key::Limits(None) => ("control.tenant_limits", usize::MAX, 0),
            Key::Limits(Some(_)) => {
                let own = self.limits.len() - usize::from(self.limits.contains_key(&None));
                ("control.tenant_limits", config.tenant_limits, own)
            }
            Key::Group(..) => ("control.groups", config.groups, self.group_count),
        };
        if old.is_none() && taken >= limit {
            return Err(Exceeded { setting, limit });
        }
        let freed = old.map_or(0, |old| cost(key, &old));
        if self.bytes - freed + cost(key, document) > config.bytes {
            let (setting, limit) = ("control.bytes", config.bytes);
            return Err(Exceeded { setting, limit });
        }
        Ok(())
    }

    pub(super) fn put(&mut self, key: &Key, document: Document, config: &Config) -> Result<(), Exceeded> {
        self.admits(key, &document, config)?;
        let old = self.get(key);
        self.bytes -= old.as_ref().map_or(0, |old| cost(key, old));
        self.bytes += cost(key, &document);
        match (key, document) {
            (Key::Limits(scope), Document::Limits(limits)) => {
                self.limits.insert(scope.clone(), limits);
            }
            (Key::Group(tenant, name), Document::Group(group)) => {
                let groups = self.groups.entry(tenant.clone()).or_default();
                Arc::make_mut(groups).put(name, group);
                self.group_count += usize::from(old.is_none());
            }
            _ => unreachable!("a document is read as what its key says"),
        }
        Ok(())
    }

    pub(super) fn remove(&mut self, key: &Key) {
        let Some(old) = self.get(key) else { return };
        self.bytes -= cost(key, &old);
        match key {
            Key::Limits(scope) => {
                self.limits.remove(scope);
            }
            Key::Group(tenant, name) => {
                self.group_count -= 1;
                let groups = self.groups.get_mut(tenant).expect("it was found above");
                Arc::make_mut(groups).remove(name);
                if groups.by_name.is_empty() {
                    self.groups.remove(tenant);
                }
            }
        }
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (Key, Document)> {
        let limits = self
            .limits
            .iter()
            .map(|(scope, limits)| (Key::Limits(scope.clone()), Document::Limits(*limits)));
        let groups = self.groups.iter().flat_map(|(tenant, groups)| {
            groups.by_name.iter().map(|(name, group)| {
                let key = Key::Group(tenant.clone(), name.clone());
                (key, Document::Group(Arc::clone(group)))
            })
        });
        limits.chain(groups)
    }

    /// What differs from `old`.
    pub(super) fn changes_since(&self, old: &Self) -> Vec<Change> {
        let mut scopes: Vec<_> = self.limits.keys().chain(old.limits.keys()).collect();
        scopes.sort_unstable();
        scopes.dedup();
        scopes.retain(|scope| self.limits.get(*scope) != old.limits.get(*scope));
        let mut tenants: Vec<_> = self.groups.keys().chain(old.groups.keys()).collect();
        tenants.sort_unstable();
        tenants.dedup();
        tenants.retain(|tenant| self.groups.get(*tenant) != old.groups.get(*tenant));
        let limits = scopes.into_iter().cloned().map(Change::Limits);
        limits.chain(tenants.into_iter().cloned().map(Change::Groups)).collect()
    }
}

/// Bytes of a document's names, and a little for itself.
fn cost(key: &Key, document: &Document) -> usize {
    let names = match key {
        Key::Limits(scope) => scope.as_ref().map_or(0, |tenant| tenant.as_str().len()),
        Key::Group(tenant, group) => tenant.as_str().len() + group.as_str().len(),
    };
    let members = match document {
        Document::Limits(_) => 0,
        Document::Group(group) => {
            let lengths = group.devices().iter().map(DeviceId::as_str).map(str::len);
            lengths.sum()
        }
    };
    EACH_BYTES + names + members
}
