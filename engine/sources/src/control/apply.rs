//! Where limits take effect.

use super::limits::Limits;
use floodway_protocol::names::TenantId;

/// Takes limits over. Called on the thread of ingest, so it must not wait.
pub trait Apply: Send {
    /// `tenant`'s own limits, or with `None` those of every tenant, are `limits` from now on; `None` takes them back.
    fn limits(&self, tenant: Option<&TenantId>, limits: Option<&Limits>);
}

/// Any function of this form.
impl<F: Fn(Option<&TenantId>, Option<&Limits>) + Send> Apply for F {
    fn limits(&self, tenant: Option<&TenantId>, limits: Option<&Limits>) {
        self(tenant, limits);
    }
}
