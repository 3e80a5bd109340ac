//! Whose events a filter is for.
//!
//! Invariant: the filters match what [`crate::router::parse_topic`] accepts.

use std::sync::Arc;

use floodway_core::index::Tenant;
use floodway_protocol::names::TenantId;

/// The filter for every tenant's telemetry.
pub(super) const ALL_TENANTS: &str = "tenant/+/device/+/telemetry";

/// The filter for one tenant's telemetry. Matches no other tenant's, since a name holds no wildcard (MQTT 5.0, 4.7.1).
pub(super) fn filter_of(tenant: &TenantId) -> String {
    format!("tenant/{tenant}/device/+/telemetry")
}

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
            Self::All => ALL_TENANTS.to_owned(),
            Self::Tenant(tenant) => filter_of(tenant.id()),
        }
    }
}
