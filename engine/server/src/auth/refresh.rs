//! Checks the token with which a live stream is refreshed.

use floodway_core::shard::{RefreshError, RefreshTokens};
use floodway_protocol::End;
use floodway_protocol::ends::EndReason;
use floodway_protocol::names::TenantId;

use super::verifier::Verifier;

impl RefreshTokens for Verifier {
    fn verify_refresh(&self, token: &str, tenant: &TenantId) -> Result<u64, RefreshError> {
        let refusal = match self.verify_now(token, Some(tenant.as_str())) {
            Ok(identity) => return Ok(identity.expires_at),
            Err(refusal) => refusal,
        };
        tracing::debug!(%tenant, diagnosis = refusal.diagnosis(), "refresh refused");
        Err(match refusal.reason() {
            _ if refusal.may_pass() => RefreshError::KeyAwaited,
            EndReason::NoTenant | EndReason::Role => RefreshError::Refused(End::Forbidden(refusal.to_string())),
            _ => RefreshError::Refused(End::BadToken(refusal.to_string())),
        })
    }
}
