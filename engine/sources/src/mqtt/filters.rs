//! The topic filters for telemetry.
//!
//! Invariant: they match what [`parse_topic`] accepts.

#[cfg(doc)]
use crate::router::parse_topic;
use floodway_protocol::names::TenantId;

/// The filter for every tenant's telemetry.
pub(super) const ALL_TENANTS: &str = "tenant/+/device/+/telemetry";

/// The filter for one tenant's telemetry. Matches no other tenant's, since a name holds no wildcard (MQTT 5.0, 4.7.1).
pub(super) fn of_tenant(tenant: &TenantId) -> String {
    format!("tenant/{tenant}/device/+/telemetry")
}
