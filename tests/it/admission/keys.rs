//! Public keys, and the claims that only some deployments check.

use std::path::PathBuf;

use floodway_tests::token::{SECRET, Token};
use floodway_tests::{Broker, Gateway, token};
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::json;

use super::{INVALID, NO_ROLE, refused};

/// A gateway that checks with a public key: its folder, and the PEM file in it.
fn public_key(pem: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("key.pem");
    std::fs::write(&path, pem).expect("the key is written");
    (folder, path)
}

#[tokio::test]
async fn a_public_key_accepts_its_own_algorithm_and_no_other() {
    let broker = Broker::start().await;
    for (kind, algorithm) in [
        (&rcgen::PKCS_ED25519, Algorithm::EdDSA),
        (&rcgen::PKCS_ECDSA_P256_SHA256, Algorithm::ES256),
        (&rcgen::PKCS_RSA_SHA256, Algorithm::RS256),
    ] {
        let pair = rcgen::KeyPair::generate_for(kind).expect("a key pair");
        let public = pair.public_key_pem();
        let (_folder, path) = public_key(&public);
        let launch = Gateway::start(&broker).without("FLOODWAY_JWT_SECRET");
        let gateway = launch.env("FLOODWAY_JWT_PUBLIC_KEY", path.display()).await;
        let private = private_key(algorithm, &pair.serialize_pem());
        gateway.ws_with(&token("T1").signed_with(algorithm, private).sign(), "").await;
        for fake in [public.as_bytes(), public.trim().as_bytes(), SECRET.as_bytes()] {
            let forged = token("T1").signed_with(Algorithm::HS256, EncodingKey::from_secret(fake)).sign();
            refused(&gateway, "an HMAC over the public key", Some(&forged), INVALID).await;
        }
    }
}

fn private_key(algorithm: Algorithm, pem: &str) -> EncodingKey {
    let key = match algorithm {
        Algorithm::EdDSA => EncodingKey::from_ed_pem(pem.as_bytes()),
        Algorithm::ES256 => EncodingKey::from_ec_pem(pem.as_bytes()),
        _ => EncodingKey::from_rsa_pem(pem.as_bytes()),
    };
    key.expect("a private key")
}

#[tokio::test]
async fn issuer_audience_and_roles_are_checked_where_configured() {
    let broker = Broker::start().await;
    let launch = Gateway::start(&broker).env("FLOODWAY_JWT_ISSUER", "https://id.example");
    let gateway = launch
        .env("FLOODWAY_JWT_AUDIENCE", "floodway")
        .env("FLOODWAY_ROLES", "viewer, auditor")
        .await;
    let good = || -> Token {
        token("T1")
            .claim("iss", json!("https://id.example"))
            .claim("aud", json!("floodway"))
            .roles(&["viewer"])
    };
    gateway.ws_with(&good().sign(), "").await;
    gateway.ws_with(&good().claim("aud", json!(["other", "floodway"])).sign(), "").await;
    for (what, token, expected) in [
        ("no issuer", good().without("iss"), INVALID),
        ("another issuer", good().claim("iss", json!("https://evil.example")), INVALID),
        ("no audience", good().without("aud"), INVALID),
        ("another audience", good().claim("aud", json!("other")), INVALID),
        ("a role that is no longer one", good().roles(&["customer"]), NO_ROLE),
    ] {
        refused(&gateway, what, Some(&token.sign()), expected).await;
    }
}

#[tokio::test]
async fn audience_and_issuer_do_not_matter_where_none_is_configured() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    gateway
        .ws_with(&token("T1").claim("aud", json!("account")).claim("iss", json!("anyone")).sign(), "")
        .await;
}
