//! The filters that are asked for: a topic template with `+` for all that it leaves open (MQTT 5.0, 4.7.1.3).
//!
//! Invariant: the filters of one subject match the topics that are its own, and none covers another: a broker may send a
//! message once for each filter that matches it (MQTT 5.0, 3.3.4).

use std::sync::Arc;

use super::entry::Subject;
use crate::router::{Level, Template, Topics};
use floodway_protocol::names::TenantId;

/// Stands for one level of any text.
const ANY: &str = "+";

#[derive(Debug)]
pub(super) struct Filters {
    topics: Arc<Topics>,
}

impl Filters {
    pub(super) fn new(topics: Arc<Topics>) -> Self {
        Self { topics }
    }

    /// How many filters a subject has at most.
    pub(super) fn most(&self) -> usize {
        self.topics.templates().len()
    }

    /// Whether the tenant has any.
    pub(super) fn has(&self, tenant: &TenantId) -> bool {
        self.topics.has_tenant(tenant)
    }

    /// Those for the events of `subject`.
    pub(super) fn of(&self, subject: &Subject) -> Vec<String> {
        match subject {
            Subject::All => self.of_all(),
            Subject::Tenant(tenant) => self.of_tenant(tenant.id()),
        }
    }

    /// Those for every tenant's events.
    fn of_all(&self) -> Vec<String> {
        let all = self.topics.templates().iter().map(|template| template.topic(|_| ANY));
        widest(all.collect())
    }

    /// Those for one tenant's events. They match no other tenant's, since a name holds no wildcard (MQTT 5.0, 4.7.1).
    pub(super) fn of_tenant(&self, tenant: &TenantId) -> Vec<String> {
        let is_the_one = self.topics.tenant() == Some(tenant);
        let is_its_own = |template: &&Template| is_the_one || template.has_tenant();
        let own = self.topics.templates().iter().filter(is_its_own);
        let filter = |template: &Template| {
            template.topic(|level| match level {
                Level::Tenant => tenant.as_str(),
                _ => ANY,
            })
        };
        widest(own.map(filter).collect())
    }

    /// Those for every tenant's events that are no tenant's own.
    pub(super) fn of_all_alone(&self) -> Vec<String> {
        let own = self.topics.tenant().map(|tenant| self.of_tenant(tenant)).unwrap_or_default();
        let mut all = self.of_all();
        all.retain(|filter| !own.contains(filter));
        all
    }
}

/// Those that no other one covers, each once.
fn widest(filters: Vec<String>) -> Vec<String> {
    let mut widest: Vec<String> = Vec::new();
    for filter in filters {
        if !widest.iter().any(|other| covers(other, &filter)) {
            widest.retain(|other| !covers(&filter, other));
            widest.push(filter);
        }
    }
    widest
}

/// Whether `filter` matches whatever `other` matches.
fn covers(filter: &str, other: &str) -> bool {
    let mut pairs = filter.split('/').zip(other.split('/'));
    filter.split('/').count() == other.split('/').count() && pairs.all(|(level, other)| level == ANY || level == other)
}

#[cfg(test)]
mod tests;
