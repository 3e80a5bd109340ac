//! Verification keys, each with the algorithms that it is for.
//!
//! Invariant: the key decides the algorithms, never a token. So a token cannot choose `none`, nor an HMAC over a public key
//! (RFC 8725, 2.1 and 3.1).

use std::collections::HashSet;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};

use super::claims::Claims;
use super::fetch::FetchError;
use super::refusal::Fault;

/// Why there is no verification key. Holds no secret.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// None of the settings is set.
    #[error("no verification key; set one of auth.hs256_secret, auth.public_key, auth.jwks_url")]
    Missing,
    /// The file cannot be read.
    #[error("auth.public_key = \"{}\": {}", .0.display(), .1)]
    Unreadable(PathBuf, std::io::Error),
    /// The file does not hold a key of a known kind. The text says what is wrong, and what would be right.
    #[error("auth.public_key = \"{}\": {}", .0.display(), .1)]
    Unusable(PathBuf, &'static str),
    /// No keys can be fetched from the URL of `auth.jwks_url`.
    #[error("auth.jwks_url = \"{0}\": {1}")]
    Source(String, FetchError),
}

/// A key and what it may verify.
pub(super) struct Key {
    key: DecodingKey,
    validation: Validation,
}

impl Key {
    /// `key` for signatures with one of `algorithms`, which are of one family.
    pub(super) fn new(key: DecodingKey, algorithms: &[Algorithm]) -> Self {
        // Only the signature is checked here. `claims` checks the claims, without the library's 60 s of leeway, and refuses
        // a token without an audience where one is expected.
        let validation = Validation {
            algorithms: algorithms.to_vec(),
            required_spec_claims: HashSet::new(),
            validate_exp: false,
            validate_aud: false,
            ..Validation::default()
        };
        Self { key, validation }
    }

    /// The key of tokens signed with HS256.
    pub(super) fn from_secret(secret: &str) -> Self {
        Self::new(DecodingKey::from_secret(secret.as_bytes()), &[Algorithm::HS256])
    }

    /// Reads a public key from a PEM file.
    pub(super) fn from_pem_file(path: &Path) -> Result<Self, KeyError> {
        let pem = std::fs::read(path).map_err(|error| KeyError::Unreadable(path.to_owned(), error))?;
        Self::from_pem(&pem).map_err(|hint| KeyError::Unusable(path.to_owned(), hint))
    }

    fn from_pem(pem: &[u8]) -> Result<Self, &'static str> {
        check_label(pem)?;
        if let Ok(key) = DecodingKey::from_rsa_pem(pem) {
            // The key is a PKCS#1 structure: the modulus, and at most 20 bytes more.
            return match bytes(&key) {
                256..=1044 => Ok(Self::new(key, &RSA)),
                _ => Err("expected an RSA key of 2048 to 8192 bits (RFC 7518, 3.3)"),
            };
        }
        if let Ok(key) = DecodingKey::from_ec_pem(pem) {
            let algorithm = ec_algorithm(&key).ok_or("expected an EC key on the curve P-256 or P-384")?;
            return Ok(Self::new(key, &[algorithm]));
        }
        let key = DecodingKey::from_ed_pem(pem);
        let key = key.map_err(|_| "expected an RSA, EC (P-256, P-384) or Ed25519 public key")?;
        Ok(Self::new(key, &[Algorithm::EdDSA]))
    }

    /// The claims of a token that this key signed.
    pub(super) fn open(&self, token: &str) -> Result<Claims, Fault> {
        let opened = jsonwebtoken::decode::<Claims>(token, &self.key, &self.validation);
        let opened = opened.map_err(|error| match error.kind() {
            ErrorKind::InvalidAlgorithm => Fault::Algorithm,
            ErrorKind::InvalidSignature => Fault::Signature,
            // The signature is checked before the claims are read.
            ErrorKind::Json(_) => Fault::Claims("the claims are no JSON object, or one is there twice"),
            _ => Fault::Malformed("the signature or the claims are not base64url"),
        });
        Ok(opened?.claims)
    }
}

/// Only public keys are taken: a certificate is more than a key, and a private key must not lie here.
fn check_label(pem: &[u8]) -> Result<(), &'static str> {
    let text = String::from_utf8_lossy(pem);
    let label = text.split_once("-----BEGIN ").and_then(|(_, rest)| rest.split_once("-----"));
    match label.map(|(label, _)| label) {
        Some("PUBLIC KEY" | "RSA PUBLIC KEY") => Ok(()),
        Some("CERTIFICATE") => Err("is a certificate; take its key: openssl x509 -pubkey -noout"),
        Some(label) if label.ends_with("PRIVATE KEY") => {
            Err("is a private key; take the public one: openssl pkey -pubout")
        }
        _ => Err("expected a PEM file with a PUBLIC KEY"),
    }
}

/// The algorithms of RSA keys (RFC 7518, 3.3 and 3.5).
pub(super) const RSA: [Algorithm; 6] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
];

/// The modulus of the shortest and the longest RSA key. Others verify nothing: the cryptography library takes 2048 to 8192
/// bits (RFC 7518, 3.3 and 3.5 demand 2048 or more).
pub(super) const RSA_BYTES: RangeInclusive<usize> = 256..=1024;

fn bytes(key: &DecodingKey) -> usize {
    key.try_get_as_bytes().map_or(0, <[u8]>::len)
}

/// The curve decides the algorithm (RFC 7518, 3.4). The key is an uncompressed point.
pub(super) fn ec_algorithm(key: &DecodingKey) -> Option<Algorithm> {
    match bytes(key) {
        65 => Some(Algorithm::ES256),
        97 => Some(Algorithm::ES384),
        _ => None,
    }
}
