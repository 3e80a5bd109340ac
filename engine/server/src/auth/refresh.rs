//! Checks the token with which a live stream is refreshed.

use floodway_core::shard::{RefreshError, RefreshTokens};
use floodway_protocol::End;
use floodway_protocol::ends::EndReason;
use floodway_protocol::names::TenantId;

use super::verifier::Verifier;

impl RefreshTokens for Verifier {
    fn verify_refresh(&self, token: &str, tenant: &TenantId) -> Result<u64, RefreshError> {
        let verified = self.verify_now(token, Some(tenant.as_str()));
        let refusal = match verified {
            Ok(identity) => return Ok(identity.expires_at),
            Err(refusal) => refusal,
        };
        let diagnosis = refusal.diagnosis();
        tracing::debug!(%tenant, diagnosis, "refresh refused");
        if refusal.may_pass() {
            return Err(RefreshError::KeyAwaited);
        }
        let text = refusal.to_string();
        Err(RefreshError::Refused(match refusal.reason() {
            EndReason::NoTenant | EndReason::Role => End::Forbidden(text),
            _ => End::BadToken(text),
        }))
    }
}
