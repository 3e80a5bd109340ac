//! Checks tokens.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::claims::Expected;
use super::config::Config;
use super::key::{Key, KeyError};
use super::refusal::Refusal;
use crate::names::TenantId;

/// The longest token, in bytes. A longer one is refused before any of it is read.
pub const TOKEN_BYTES_MAX: usize = 16 * 1024;

/// Who a token speaks for, and how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The tenant, whose events it may receive.
    pub tenant: TenantId,
    /// The claim `sub`.
    pub subject: Option<String>,
    /// The claim `exp`, in Unix seconds, at most the end of the year 9999. Fractions are cut off.
    pub expires_at: u64,
}

/// Checks tokens against the configured key. Made once, and shared.
pub struct Verifier {
    key: Key,
    expected: Expected,
}

impl Verifier {
    /// Builds a verifier from its settings.
    ///
    /// # Errors
    /// If there is no key, or it cannot be read or used.
    pub fn new(config: &Config) -> Result<Self, KeyError> {
        let key = match (&config.hs256_secret, &config.public_key) {
            (Some(secret), _) => Key::from_secret(secret),
            (None, Some(path)) => Key::from_pem_file(path)?,
            (None, None) => return Err(KeyError::Missing),
        };
        let expected = Expected {
            issuer: config.issuer.clone(),
            audience: config.audience.clone(),
            roles: config.roles.clone(),
            leeway: config.leeway,
        };
        Ok(Self { key, expected })
    }

    /// Checks a token. Takes some microseconds with HS256, some tens with the other algorithms.
    ///
    /// # Errors
    /// The first reason to refuse it, in the order of [`Refusal`].
    pub fn verify(&self, token: &str) -> Result<Identity, Refusal> {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        self.verify_at(token, now)
    }

    /// Checks a token at a time since the Unix epoch.
    pub(super) fn verify_at(&self, token: &str, now: Duration) -> Result<Identity, Refusal> {
        if token.is_empty() {
            return Err(Refusal::Missing);
        }
        if token.len() > TOKEN_BYTES_MAX {
            return Err(Refusal::Invalid);
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| Refusal::Invalid)?;
        // RFC 7515, 4.1.11: a token with an extension that is critical and not understood is invalid,
        // and none is understood here.
        if header.crit.is_some() || !self.key.is_for(header.alg) {
            return Err(Refusal::Invalid);
        }
        let claims = self.key.open(token).ok_or(Refusal::Invalid)?;
        self.expected.check(&claims, now)
    }
}
