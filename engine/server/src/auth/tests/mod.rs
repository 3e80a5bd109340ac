//! What a token must be, row by row.

use std::path::Path;
use std::time::Duration;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    Ed25519KeyPair, KeyPair, RsaKeyPair,
};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::value::RawValue;

use super::{Config, Identity, KeyError, Refusal, Verifier};

mod identity;
mod jwks;
mod keys;
mod lifetime;
mod provider;

const SECRET: &str = "a secret of thirty-two bytes, or more";

/// The time in the tests.
const NOW: u64 = 1_800_000_000;

/// A private key that signs tokens, and its public half as PEM.
struct Signer {
    private: String,
    public: String,
}

impl Signer {
    fn new(private: &[u8], public: PublicKeyX509Der<'_>) -> Self {
        let pem = |label: &str, der: &[u8]| pem::encode(&pem::Pem::new(label, der));
        Self { private: pem("PRIVATE KEY", private), public: pem("PUBLIC KEY", public.as_ref()) }
    }

    fn rsa() -> Self {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).expect("a key");
        let private: Pkcs8V1Der<'_> = pair.as_der().expect("DER");
        Self::new(private.as_ref(), pair.public_key().as_der().expect("DER"))
    }

    fn ec(curve: &'static EcdsaSigningAlgorithm) -> Self {
        let private = EcdsaKeyPair::generate_pkcs8(curve, &SystemRandom::new()).expect("a key");
        let pair = EcdsaKeyPair::from_pkcs8(curve, private.as_ref()).expect("a key");
        Self::new(private.as_ref(), pair.public_key().as_der().expect("DER"))
    }

    fn p256() -> Self {
        Self::ec(&ECDSA_P256_SHA256_FIXED_SIGNING)
    }

    fn p384() -> Self {
        Self::ec(&ECDSA_P384_SHA384_FIXED_SIGNING)
    }

    fn ed25519() -> Self {
        let private = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).expect("a key");
        let pair = Ed25519KeyPair::from_pkcs8(private.as_ref()).expect("a key");
        Self::new(private.as_ref(), pair.public_key().as_der().expect("DER"))
    }

    /// A verifier that knows only the public half.
    fn verifier(&self) -> Verifier {
        from_pem(&self.public).expect("a usable key")
    }

    fn sign(&self, algorithm: Algorithm, claims: &str) -> String {
        use Algorithm::{ES256, ES384, EdDSA};
        let pem = self.private.as_bytes();
        let key = match algorithm {
            ES256 | ES384 => EncodingKey::from_ec_pem(pem),
            EdDSA => EncodingKey::from_ed_pem(pem),
            _ => EncodingKey::from_rsa_pem(pem),
        };
        encode(&Header::new(algorithm), &key.expect("a private key"), claims)
    }
}

/// A verifier with the public key in `text`.
fn from_pem(text: &str) -> Result<Verifier, KeyError> {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(&file, text).expect("written");
    from_file(file.path())
}

fn from_file(path: &Path) -> Result<Verifier, KeyError> {
    Verifier::start(&Config { public_key: Some(path.to_owned()), ..Config::default() })
}

fn by_secret() -> Config {
    Config { hs256_secret: Some(SECRET.to_owned()), ..Config::default() }
}

/// A token with exactly this JSON as its claims.
fn encode(header: &Header, key: &EncodingKey, claims: &str) -> String {
    let claims = RawValue::from_string(claims.to_owned()).expect("JSON");
    jsonwebtoken::encode(header, &claims, key).expect("a token")
}

fn hs256(claims: &str) -> String {
    encode(&Header::default(), &EncodingKey::from_secret(SECRET.as_bytes()), claims)
}

/// Claims that are accepted, with `more` in front of the others.
fn claims_with(more: &str) -> String {
    let exp = NOW + 60;
    format!(r#"{{{more}"exp":{exp},"tenant_id":"T","realm_access":{{"roles":["customer"]}}}}"#)
}

/// What the verifier of `config` says at [`NOW`] of a token with these claims.
fn check(config: &Config, claims: &str) -> Result<Identity, Refusal> {
    check_at(config, claims, Duration::from_secs(NOW))
}

fn check_at(config: &Config, claims: &str, now: Duration) -> Result<Identity, Refusal> {
    let verifier = Verifier::start(config).expect("a key");
    verifier.verify_at(&hs256(claims), None, now)
}

/// The label of the check that refused a token.
fn failed(judged: Result<Identity, Refusal>) -> &'static str {
    let refusal = judged.expect_err("it is refused");
    refusal.check().unwrap_or("missing")
}

fn judged(verifier: &Verifier, token: &str) -> Result<Identity, Refusal> {
    verifier.verify_at(token, None, Duration::from_secs(NOW))
}

fn accepts(verifier: &Verifier, token: &str) -> bool {
    judged(verifier, token).is_ok()
}
