//! The documents in force.
//!
//! Invariant: `group_count` and `bytes` are those of the documents that are kept, and within the bounds. A document that
//! would break one is refused, and the one that stood in its place stays.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::config::Config;
use super::payload::{Group, Invalid, limits_to_json, parse_limits};
use super::topic::Key;
use floodway_core::index::{Groups, OwnLimits};
use floodway_protocol::names::{GroupId, TenantId};

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

/// A document that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Document {
    Limits(OwnLimits),
    Group(Arc<Group>),
}

impl Document {
    /// Reads what stands under `key`; nothing in an empty payload.
    pub(super) fn parse(key: &Key, payload: &[u8], config: &Config) -> Result<Option<Self>, Invalid> {
        let document = match key {
            _ if payload.is_empty() => return Ok(None),
            Key::Limits(_) => Self::Limits(parse_limits(payload)?),
            Key::Group(..) => Self::Group(Arc::new(Group::parse(payload, config.group_devices)?)),
        };
        Ok(Some(document))
    }

    /// What [`Document::parse`] reads.
    pub(super) fn to_json(&self) -> Vec<u8> {
        match self {
            Self::Limits(limits) => limits_to_json(limits),
            Self::Group(group) => group.to_json(),
        }
    }
}

/// A bound that a document would break.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("would be more than {limit} ({setting})")]
pub struct Exceeded {
    /// The setting that is the bound.
    pub setting: &'static str,
    /// Its value.
    pub limit: usize,
}

/// All limits and groups at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
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
        self.limits.iter().filter_map(|(tenant, limits)| Some((tenant.as_ref()?, limits)))
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
                Some(Document::Group(Arc::clone(self.groups.get(tenant)?.by_name.get(group)?)))
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
            return Err(Exceeded { setting: "control.bytes", limit: config.bytes });
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

    /// The scopes whose limits, and the tenants whose groups, differ from those of `old`.
    pub(super) fn changes_since<'a>(
        &'a self,
        old: &'a Self,
    ) -> (BTreeSet<&'a Option<TenantId>>, BTreeSet<&'a TenantId>) {
        (differing(&self.limits, &old.limits), differing(&self.groups, &old.groups))
    }
}

fn differing<'a, K: Ord, V: PartialEq>(one: &'a BTreeMap<K, V>, other: &'a BTreeMap<K, V>) -> BTreeSet<&'a K> {
    one.keys().chain(other.keys()).filter(|key| one.get(key) != other.get(key)).collect()
}

/// Bytes of a document's names, and a little for itself.
fn cost(key: &Key, document: &Document) -> usize {
    let names = match key {
        Key::Limits(scope) => scope.as_ref().map_or(0, |tenant| tenant.as_str().len()),
        Key::Group(tenant, group) => tenant.as_str().len() + group.as_str().len(),
    };
    let members = match document {
        Document::Limits(_) => 0,
        Document::Group(group) => group.devices().iter().map(|device| device.as_str().len()).sum(),
    };
    EACH_BYTES + names + members
}
