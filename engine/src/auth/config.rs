//! Settings of token checks.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// How tokens are checked. Exactly one of `hs256_secret`, `public_key` and `jwks_url` is set.
#[derive(Clone)]
pub struct Config {
    /// `auth.hs256_secret`. Never shown.
    pub hs256_secret: Option<String>,
    /// `auth.public_key`: a PEM file with an RSA, EC (P-256, P-384) or Ed25519 public key.
    pub public_key: Option<PathBuf>,
    /// `auth.jwks_url`: where a JWK set (RFC 7517) is fetched.
    pub jwks_url: Option<String>,
    /// `auth.issuer`: required value of `iss`. Default: not checked.
    pub issuer: Option<String>,
    /// `auth.audience`: required value of `aud`. Default: not checked.
    pub audience: Option<String>,
    /// `auth.roles`: one of them must be in `realm_access.roles`.
    pub roles: Vec<String>,
    /// `auth.leeway_seconds`: clock difference that `exp` and `nbf` forgive, 0 to 5 s. Default 0.
    pub leeway: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            hs256_secret: None,
            public_key: None,
            jwks_url: None,
            issuer: None,
            audience: None,
            roles: ["customer", "tenant-admin", "operator", "operator-admin"]
                .map(str::to_owned)
                .to_vec(),
            leeway: Duration::ZERO,
        }
    }
}

/// Shows everything but the secret.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field(
                "hs256_secret",
                &self.hs256_secret.as_ref().map(|_| "********"),
            )
            .field("public_key", &self.public_key)
            .field("jwks_url", &self.jwks_url)
            .field("issuer", &self.issuer)
            .field("audience", &self.audience)
            .field("roles", &self.roles)
            .field("leeway", &self.leeway)
            .finish()
    }
}
