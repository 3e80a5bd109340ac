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
    /// `auth.jwks_refresh_seconds`: the longest time for which a key still counts after the provider has withdrawn it, 10 s to
    /// a day. Default 300 s.
    pub jwks_refresh: Duration,
    /// `auth.jwks_waiting`: clients that wait at once because their token names a new key, until the keys are fetched again.
    /// Default 1,000; a further one is refused for now.
    pub jwks_waiting: usize,
    /// `auth.issuer`: required value of `iss`. Default: not checked.
    pub issuer: Option<String>,
    /// `auth.audience`: required value of `aud`. Default: not checked.
    pub audience: Option<String>,
    /// `auth.roles`: one of them must be in `realm_access.roles`.
    pub roles: Vec<String>,
    /// `auth.leeway_seconds`: clock difference that `exp` and `nbf` forgive, 0 to 5 s. Default 0.
    pub leeway: Duration,
    /// Where a client may put its token.
    pub places: Places,
}

/// Where a token may be besides the header `Authorization` and the subprotocols of a WebSocket.
#[derive(Clone, Debug)]
pub struct Places {
    /// `auth.query_token`: in the query, `?token=`. Default true.
    pub query: bool,
    /// `auth.cookie`: in the cookie of this name. Default none.
    pub cookie: Option<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            hs256_secret: None,
            public_key: None,
            jwks_url: None,
            jwks_refresh: Duration::from_secs(300),
            jwks_waiting: 1000,
            issuer: None,
            audience: None,
            roles: ["customer", "tenant-admin", "operator", "operator-admin"].map(str::to_owned).to_vec(),
            leeway: Duration::ZERO,
            places: Places { query: true, cookie: None },
        }
    }
}

/// Shows nothing, since there is a secret.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config").finish_non_exhaustive()
    }
}
