//! Makes tokens to try things out. In production an identity provider makes them.

use std::collections::BTreeMap;

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;

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
    let claims = Claims {
        sub: grant.subject,
        iss: grant.issuer,
        aud: grant.audience,
        iat: grant.issued_at,
        exp: grant.expires_at,
        organization: BTreeMap::from([(grant.tenant.as_str(), BTreeMap::new())]),
        realm_access: RealmAccess { roles: grant.roles },
    };
    let key = EncodingKey::from_secret(secret.as_bytes());
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key)
}

#[derive(Serialize)]
struct Claims<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<&'a str>,
    iat: u64,
    exp: u64,
    /// By name, as Keycloak writes it; the organizations are empty.
    organization: BTreeMap<&'a str, BTreeMap<&'a str, &'a str>>,
    realm_access: RealmAccess<'a>,
}

#[derive(Serialize)]
struct RealmAccess<'a> {
    roles: &'a [String],
}
