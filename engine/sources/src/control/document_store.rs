//! Keeps the documents in force, and applies them.
//!
//! Invariant: what is kept has taken effect: limits in the index, groups in every tenant of the index that was
//! confirmed, since [`super::Control::apply_groups`] came before.

use std::sync::Arc;

use super::config::Config;
use super::documents::{Change, Document, Documents};
use super::field::Invalid;
use super::store::StoreFacts;
use super::topic::Key;
use super::writes::{Order, WriteError};
use floodway_core::index::Index;
use floodway_protocol::names::TenantId;

pub(super) struct DocumentStore {
    pub(super) config: Config,
    documents: Arc<Documents>,
    index: Arc<Index>,
}

impl DocumentStore {
    pub(super) fn new(config: &Config, index: Arc<Index>) -> Self {
        Self { config: config.clone(), documents: Arc::default(), index }
    }

    pub(super) fn documents(&self) -> &Arc<Documents> {
        &self.documents
    }

    /// The document in `payload`; none in an empty one.
    pub(super) fn read(&self, key: &Key, payload: &[u8]) -> Result<Option<Document>, Invalid> {
        if payload.is_empty() {
            return Ok(None);
        }
        Document::parse(key, payload, &self.config).map(Some)
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
        self.take_effect(&Change::from(key));
        Ok(())
    }

    /// Puts `documents` in the place of those that are kept.
    pub(super) fn replace(&mut self, documents: Documents) {
        let changes = documents.changes_since(&self.documents);
        if changes.is_empty() {
            return;
        }
        self.documents = Arc::new(documents);
        changes.iter().for_each(|change| self.take_effect(change));
    }

    /// Whether `order` can be done now.
    pub(super) fn check(&self, order: &Order, facts: StoreFacts) -> Result<(), WriteError> {
        let Some(document) = &order.document else {
            let old = self.documents.get(&order.key);
            return old.map(|_| ()).ok_or(WriteError::NotFound);
        };
        self.documents.admits(&order.key, document, &self.config)?;
        if !facts.admit(&order.key.topic(), &order.payload()) {
            return Err(WriteError::Exceeded { setting: facts.message_bytes_setting, limit: facts.message_bytes });
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

    fn take_effect(&self, change: &Change) {
        match change {
            Change::Limits(scope) => self.apply_limits(scope.as_ref()),
            Change::Groups(name) => {
                if let Some(tenant) = self.index.find(name.as_str()) {
                    let groups = self.documents.groups(name);
                    let members = groups.map(|groups| Arc::clone(groups.members()));
                    tenant.set_groups(members.unwrap_or_default());
                }
            }
        }
    }
}
