//! Keeps the documents in force, and applies them.
//!
//! Invariant: what is kept has taken effect: limits in the index, groups in every tenant of the index that was
//! confirmed, since [`super::Control::apply_groups`] came before.

use std::sync::Arc;

use super::config::Config;
use super::documents::{Document, Documents, Exceeded};
use super::store::StoreFacts;
use super::topic::Key;
use super::writes::{Order, WriteError};
use floodway_core::index::Index;
use floodway_protocol::names::{TenantId, is_wild};

pub(super) struct DocumentStore {
    pub(super) config: Config,
    pub(super) documents: Arc<Documents>,
    index: Arc<Index>,
}

impl DocumentStore {
    pub(super) fn new(config: &Config, index: Arc<Index>) -> Self {
        Self { config: config.clone(), documents: Arc::default(), index }
    }

    pub(super) fn take(&mut self, key: &Key, document: Option<Document>) -> Result<(), WriteError> {
        if self.documents.get(key) == document {
            return Ok(());
        }
        match document {
            None => Arc::make_mut(&mut self.documents).remove(key),
            Some(document) => {
                // First, so that a refusal costs no copy.
                self.documents.admits(key, &document, &self.config)?;
                Arc::make_mut(&mut self.documents).put(key, document, &self.config)?;
            }
        }
        match key {
            Key::Limits(scope) => self.apply_limits(scope.as_ref()),
            Key::Group(tenant, _) => self.apply_groups(tenant),
        }
        Ok(())
    }

    /// Puts `documents` in the place of those that are kept.
    pub(super) fn replace(&mut self, documents: Documents) {
        let old = std::mem::replace(&mut self.documents, Arc::new(documents));
        let (scopes, tenants) = self.documents.changes_since(&old);
        scopes.into_iter().for_each(|scope| self.apply_limits(scope.as_ref()));
        tenants.into_iter().for_each(|tenant| self.apply_groups(tenant));
    }

    /// Whether `order` can be done now.
    pub(super) fn check(&self, order: &Order, facts: StoreFacts) -> Result<(), WriteError> {
        let topic = order.key.topic();
        if facts.refuses_wild_names && is_wild(topic.as_bytes()) {
            return Err(WriteError::Refused("a name with '*', '>' or white space".to_owned()));
        }
        let Some(document) = &order.document else {
            return self.documents.get(&order.key).map(|_| ()).ok_or(WriteError::NotFound);
        };
        self.documents.admits(&order.key, document, &self.config)?;
        if !facts.admit(&topic, &order.payload()) {
            return Err(Exceeded { setting: facts.message_bytes_setting, limit: facts.message_bytes }.into());
        }
        Ok(())
    }

    fn apply_limits(&self, tenant: Option<&TenantId>) {
        let limits = self.documents.limits(tenant);
        let applied = self.index.set_limits(tenant, limits.copied().unwrap_or_default());
        let tenant = tenant.map_or("(default)", TenantId::as_str);
        match (applied, limits) {
            (Err(error), _) => tracing::warn!(tenant, %error, "limits not applied"),
            (Ok(()), Some(limits)) => tracing::info!(tenant, ?limits, "limits set"),
            (Ok(()), None) => tracing::info!(tenant, "limits taken back"),
        }
    }

    fn apply_groups(&self, tenant: &TenantId) {
        if let Some(found) = self.index.find(tenant.as_str()) {
            let groups = self.documents.groups(tenant);
            found.set_groups(groups.map(|groups| Arc::clone(groups.members())).unwrap_or_default());
        }
    }
}
