//! Reads a JWK set (RFC 7517).
//!
//! Invariant: only public keys for signatures are taken. A symmetric key in a public set is no secret, and a key for
//! encryption signs nothing.

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, DecodingKeyKind};
use serde::Deserialize;

use super::fetch::FetchError;
use super::key::{Key, RSA, RSA_BYTES, ec_algorithm};

/// The most keys that are taken. Providers have two or three while they rotate them.
const KEYS_MAX: usize = 64;

/// A key and its name.
pub(super) struct NamedKey {
    /// `kid` (RFC 7517, 4.5).
    pub(super) id: Option<String>,
    pub(super) key: Key,
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<serde_json::Value>,
}

/// The usable keys of a set. Others are ignored (RFC 7517, 5).
pub(super) fn read(json: &[u8]) -> Result<Vec<NamedKey>, FetchError> {
    let set: Set = serde_json::from_slice(json).map_err(|error| FetchError::NotASet(error.to_string()))?;
    let jwks = set.keys.into_iter().filter_map(|key| serde_json::from_value(key).ok());
    let keys: Vec<_> = jwks.filter_map(|jwk| named_key(&jwk)).take(KEYS_MAX).collect();
    if keys.is_empty() { Err(FetchError::NoKey) } else { Ok(keys) }
}

fn named_key(jwk: &Jwk) -> Option<NamedKey> {
    if !is_for_signatures(jwk) {
        return None;
    }
    let key = DecodingKey::from_jwk(jwk).ok()?;
    let mut algorithms = algorithms(jwk, &key)?;
    if let Some(only) = jwk.common.key_algorithm {
        let only = Algorithm::try_from(only).ok()?;
        algorithms.retain(|algorithm| *algorithm == only);
    }
    let id = jwk.common.key_id.clone();
    (!algorithms.is_empty()).then(|| NamedKey { id, key: Key::new(key, &algorithms) })
}

/// RFC 7517, 4.2 and 4.3.
fn is_for_signatures(jwk: &Jwk) -> bool {
    let by_use = matches!(jwk.common.public_key_use, None | Some(PublicKeyUse::Signature));
    let operations = jwk.common.key_operations.as_ref();
    by_use && operations.is_none_or(|operations| operations.contains(&KeyOperations::Verify))
}

/// What a key of this type and size can verify.
fn algorithms(jwk: &Jwk, key: &DecodingKey) -> Option<Vec<Algorithm>> {
    match (&jwk.algorithm, key.kind()) {
        (AlgorithmParameters::RSA(_), DecodingKeyKind::RsaModulusExponent { n, .. }) => {
            RSA_BYTES.contains(&n.len()).then(|| RSA.to_vec())
        }
        (AlgorithmParameters::EllipticCurve(_), _) => Some(vec![ec_algorithm(key)?]),
        (AlgorithmParameters::OctetKeyPair(pair), _) => {
            (pair.curve == EllipticCurve::Ed25519).then(|| vec![Algorithm::EdDSA])
        }
        _ => None,
    }
}
