//! The check of a token that a live stream is refreshed with.

use floodway_core::shard::{RefreshError, RefreshTokens};
use floodway_protocol::End;
use floodway_protocol::names::TenantId;
use floodway_protocol::ws::close;

use super::verifier::Verifier;

impl RefreshTokens for Verifier {
    fn verify_refresh(&self, token: &str, tenant: &TenantId) -> Result<u64, RefreshError> {
        let verified = self.verify_now(token, Some(tenant.as_str()));
        verified
            .map(|identity| identity.expires_at)
            .map_err(|refusal| {
                let diagnosis = refusal.diagnosis();
                tracing::debug!(%tenant, diagnosis, "refresh refused");
                match refusal.close_code() {
                    _ if refusal.may_pass() => RefreshError::KeyAwaited,
                    close::FORBIDDEN => RefreshError::Refused(End::Forbidden(refusal.to_string())),
                    _ => RefreshError::Refused(End::BadToken(refusal.to_string())),
                }
            })
    }
}
