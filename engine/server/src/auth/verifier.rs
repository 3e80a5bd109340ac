//! Checks tokens.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::Header;
use jsonwebtoken::errors::ErrorKind;

use super::claims::{Claims, Identity};
use super::config::{Config, Places};
use super::jwks::{KeySet, Pace};
use super::key::{Key, KeyError};
use super::refusal::{Fault, Refusal};

/// The longest token, in bytes. A longer one is refused before it is read.
pub const TOKEN_BYTES_MAX: usize = 16 * 1024;

/// Checks tokens against the configured key. Made once, and shared.
pub struct Verifier {
    keys: Keys,
    /// Without the secret, which the key holds.
    config: Config,
}

enum Keys {
    One(Box<Key>),
    Set(KeySet),
}

impl Verifier {
    /// Builds a verifier from its settings. With `auth.jwks_url` the keys are fetched, and kept fresh, by a task of the
    /// current runtime, which ends soon after the verifier is dropped; until the first ones have come no token is good.
    ///
    /// # Errors
    /// If there is no key, or it cannot be read or used.
    pub fn start(config: &Config) -> Result<Self, KeyError> {
        match &config.jwks_url {
            Some(url) => {
                let pace = Pace::new(config.jwks_refresh, config.jwks_waiting);
                Self::start_set(config, url, pace)
            }
            None => Ok(Self::with(Self::key(config)?, config)),
        }
    }

    pub(super) fn start_set(config: &Config, url: &str, pace: Pace) -> Result<Self, KeyError> {
        let set = KeySet::start(url, pace).map_err(|error| KeyError::Source(url.to_owned(), error))?;
        Ok(Self::with(Keys::Set(set), config))
    }

    /// Checks that there is a key that can be read and used. One that has to be fetched is not checked.
    ///
    /// # Errors
    /// If there is none, or it cannot be read or used.
    pub fn check(config: &Config) -> Result<(), KeyError> {
        match config.jwks_url {
            Some(_) => Ok(()),
            None => Self::key(config).map(|_| ()),
        }
    }

    fn with(keys: Keys, config: &Config) -> Self {
        Self { keys, config: Config { hs256_secret: None, ..config.clone() } }
    }

    /// The key of `auth.hs256_secret` or `auth.public_key`.
    fn key(config: &Config) -> Result<Keys, KeyError> {
        let key = match (&config.hs256_secret, &config.public_key) {
            (Some(secret), _) => Key::from_secret(secret),
            (None, Some(path)) => Key::from_pem_file(path)?,
            (None, None) => return Err(KeyError::Missing),
        };
        Ok(Keys::One(Box::new(key)))
    }

    /// Where a client may put its token besides the header.
    pub fn places(&self) -> &Places {
        &self.config.places
    }

    /// Whether tokens can be checked: false until keys that are fetched have come, and never again after that.
    pub fn is_ready(&self) -> bool {
        match &self.keys {
            Keys::One(_) => true,
            Keys::Set(set) => set.is_ready(),
        }
    }

    /// Returns when tokens can be checked.
    pub async fn ready(&self) {
        if let Keys::Set(set) = &self.keys {
            set.ready().await;
        }
    }

    /// Checks a token, for `tenant` or else for the first tenant that it names; an empty token is none. Takes some
    /// microseconds with HS256, some tens with the other algorithms. A token of a new key waits until the keys were fetched
    /// again, some seconds at most.
    ///
    /// # Errors
    /// The first reason to refuse it, in the order of [`Refusal`].
    pub async fn verify(&self, token: &str, tenant: Option<&str>) -> Result<Identity, Refusal> {
        let opened = match &self.keys {
            Keys::One(key) => {
                header(token)?;
                key.open(token).map_err(Refusal::Invalid)
            }
            Keys::Set(set) => {
                // Without keys no token is judged, not even a missing one: a client that is refused for good does not come
                // back.
                set.first().await?;
                set.open(token, &header(token)?).await
            }
        };
        self.config.judge(&opened?, tenant, now())
    }

    /// As [`Verifier::verify`], without waiting: a token of a new key is refused as one of an unknown key, and the keys are
    /// fetched.
    ///
    /// # Errors
    /// As [`Verifier::verify`].
    pub fn verify_now(&self, token: &str, tenant: Option<&str>) -> Result<Identity, Refusal> {
        let verified = self.verify_at(token, tenant, now());
        if let (Keys::Set(set), Err(Refusal::Invalid(Fault::UnknownKey))) = (&self.keys, &verified) {
            set.ask();
        }
        verified
    }

    /// Checks a token at `now`, a time since the Unix epoch.
    pub(super) fn verify_at(&self, token: &str, tenant: Option<&str>, now: Duration) -> Result<Identity, Refusal> {
        let opened = self.open(token, &header(token)?);
        self.config.judge(&opened.map_err(Refusal::Invalid)?, tenant, now)
    }

    /// The claims of a token that one of the keys signed that are known now.
    fn open(&self, token: &str, header: &Header) -> Result<Claims, Fault> {
        match &self.keys {
            Keys::One(key) => key.open(token),
            Keys::Set(set) => set.open_now(token, header),
        }
    }
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// The header of a token, before its signature is checked.
fn header(token: &str) -> Result<Header, Refusal> {
    if token.is_empty() {
        return Err(Refusal::Missing);
    }
    let malformed = |why| Refusal::Invalid(Fault::Malformed(why));
    if token.len() > TOKEN_BYTES_MAX {
        return Err(malformed("it is longer than 16 KiB"));
    }
    let header = jsonwebtoken::decode_header(token).map_err(|error| match error.kind() {
        // Only the algorithm is of a closed set, in which `none` is not.
        ErrorKind::Json(error) if error.to_string().starts_with("unknown variant") => {
            Refusal::Invalid(Fault::Algorithm)
        }
        ErrorKind::InvalidToken => malformed("it is not of the form header.claims.signature"),
        _ => malformed("its header is not JSON in base64url, or names no algorithm"),
    })?;
    // RFC 7515, 4.1.11: a token with a critical extension that is not understood is invalid. None is understood here.
    if header.crit.is_some() {
        return Err(malformed("its header demands an extension (crit)"));
    }
    Ok(header)
}
