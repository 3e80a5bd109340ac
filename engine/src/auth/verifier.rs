//! Checks tokens.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::Header;

use super::claims::{Claims, Expected};
use super::config::Config;
use super::jwks::{KeySet, Pace};
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
    keys: Keys,
    expected: Expected,
}

enum Keys {
    One(Box<Key>),
    Set(KeySet),
}

impl Verifier {
    /// Builds a verifier from its settings; with `auth.jwks_url` it fetches the keys first, and keeps
    /// them fresh in a task of the current runtime, which ends soon after the verifier is dropped.
    ///
    /// # Errors
    /// If there is no key, or it cannot be had, read or used.
    pub async fn start(config: &Config) -> Result<Self, KeyError> {
        match &config.jwks_url {
            Some(url) => Self::start_set(config, url, Pace::default()).await,
            None => Self::new(config),
        }
    }

    pub(super) async fn start_set(
        config: &Config,
        url: &str,
        pace: Pace,
    ) -> Result<Self, KeyError> {
        let set = KeySet::start(url, pace)
            .await
            .map_err(|error| KeyError::Fetch {
                url: url.to_owned(),
                error,
            })?;
        Ok(Self {
            keys: Keys::Set(set),
            expected: expected(config),
        })
    }

    /// Builds a verifier with a key that is at hand: `auth.hs256_secret` or `auth.public_key`.
    ///
    /// # Errors
    /// If there is no key, or it cannot be read or used, or must be fetched first.
    pub fn new(config: &Config) -> Result<Self, KeyError> {
        let key = match (&config.hs256_secret, &config.public_key, &config.jwks_url) {
            (Some(secret), _, _) => Key::from_secret(secret),
            (None, Some(path), _) => Key::from_pem_file(path)?,
            (None, None, Some(_)) => return Err(KeyError::Remote),
            (None, None, None) => return Err(KeyError::Missing),
        };
        Ok(Self {
            keys: Keys::One(Box::new(key)),
            expected: expected(config),
        })
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
        if header.crit.is_some() {
            return Err(Refusal::Invalid);
        }
        let claims = self.open(token, &header).ok_or(Refusal::Invalid)?;
        self.expected.check(&claims, now)
    }

    /// The claims of a token that one of our keys signed.
    fn open(&self, token: &str, header: &Header) -> Option<Claims> {
        match &self.keys {
            Keys::One(key) => key.is_for(header.alg).then(|| key.open(token))?,
            Keys::Set(set) => set.open(token, header),
        }
    }
}

fn expected(config: &Config) -> Expected {
    Expected {
        issuer: config.issuer.clone(),
        audience: config.audience.clone(),
        roles: config.roles.clone(),
        leeway: config.leeway,
    }
}
