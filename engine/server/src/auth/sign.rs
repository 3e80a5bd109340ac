//! Makes tokens to try things out. In production an identity provider makes them.

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::json;

use floodway_protocol::names::TenantId;

/// What a token grants.
#[derive(Clone, Debug)]
pub struct Grant<'a> {
    /// The tenant, as the one key of `organization`.
    pub tenant: &'a TenantId,
    /// `realm_access.roles`.
    pub roles: &'a [String],
    /// `sub`.
    pub subject: Option<&'a str>,
    /// `iss`.
    pub issuer: Option<&'a str>,
    /// `aud`.
    pub audience: Option<&'a str>,
    /// `iat`, in Unix seconds.
    pub issued_at: u64,
    /// `exp`, in Unix seconds.
    pub expires_at: u64,
}

/// Signs a token with HS256.
///
/// # Errors
/// What the cryptography library says; none is known.
pub fn sign(secret: &str, grant: &Grant<'_>) -> Result<String, jsonwebtoken::errors::Error> {
    let mut claims = json!({
        "iat": grant.issued_at,
        "exp": grant.expires_at,
        // By name, as Keycloak writes it.
        "organization": { grant.tenant.as_str(): {} },
        "realm_access": { "roles": grant.roles },
    });
    for (name, value) in [("sub", grant.subject), ("iss", grant.issuer), ("aud", grant.audience)] {
        if let Some(value) = value {
            claims[name] = value.into();
        }
    }
    let key = EncodingKey::from_secret(secret.as_bytes());
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key)
}
