//! Whose events a filter is for.

use std::sync::Arc;

use crate::mqtt::filters;
use floodway_core::index::Tenant;

/// Whose events a filter is for.
#[derive(Clone, Debug)]
pub(super) enum Subject {
    /// Every tenant's.
    All,
    /// This one's, and not those of a successor of its name.
    Tenant(Arc<Tenant>),
}

impl Subject {
    pub(super) fn filter(&self) -> String {
        match self {
            Self::All => filters::ALL_TENANTS.to_owned(),
            Self::Tenant(tenant) => filters::of_tenant(tenant.id()),
        }
    }
}
