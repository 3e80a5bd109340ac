//! Which signatures count.

use super::*;
use crate::auth::TOKEN_BYTES_MAX;
use crate::auth::{Grant, sign};
use floodway_protocol::names::TenantId;

/// `{"typ":"JWT","alg":"none"}`.
const NONE: &str = "eyJ0eXAiOiJKV1QiLCJhbGciOiJub25lIn0";

#[test]
fn every_kind_of_key_verifies_its_own_algorithms_and_no_other_keys_tokens() {
    use Algorithm::{ES256, ES384, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512};
    let kinds: [(Signer, Signer, &[Algorithm]); 4] = [
        (Signer::rsa(), Signer::rsa(), &[RS256, RS384, RS512, PS256, PS384, PS512]),
        (Signer::p256(), Signer::p256(), &[ES256]),
        (Signer::p384(), Signer::p384(), &[ES384]),
        (Signer::ed25519(), Signer::ed25519(), &[EdDSA]),
    ];
    for (ours, other, algorithms) in &kinds {
        let verifier = ours.verifier();
        for algorithm in *algorithms {
            assert!(accepts(&verifier, &ours.sign(*algorithm, &claims_with(""))), "{algorithm:?}");
            assert!(!accepts(&verifier, &other.sign(*algorithm, &claims_with(""))), "{algorithm:?}");
        }
        assert!(!accepts(&verifier, &hs256(&claims_with(""))));
    }
    for (place, (ours, _, _)) in kinds.iter().enumerate() {
        for (_, (other, _, algorithms)) in kinds.iter().enumerate().filter(|(at, _)| *at != place) {
            let token = other.sign(algorithms[0], &claims_with(""));
            assert!(!accepts(&ours.verifier(), &token), "{:?}", algorithms[0]);
        }
    }
}

#[test]
fn a_public_key_is_no_hmac_secret() {
    for signer in [Signer::rsa(), Signer::p256(), Signer::ed25519()] {
        let stolen = EncodingKey::from_secret(signer.public.as_bytes());
        let token = encode(&Header::default(), &stolen, &claims_with(""));
        assert!(!accepts(&signer.verifier(), &token));
    }
}

#[test]
fn a_token_without_a_signature_is_refused() {
    let verifier = Verifier::start(&by_secret()).unwrap();
    let token = hs256(&claims_with(""));
    assert!(accepts(&verifier, &token));
    let parts: Vec<_> = token.split('.').collect();
    for forged in [
        format!("{NONE}.{}.", parts[1]),
        format!("{NONE}.{}.{}", parts[1], parts[2]),
        format!("{}.{}.", parts[0], parts[1]),
        format!("{}.{}", parts[0], parts[1]),
        format!("{token}.{}", parts[2]),
        format!(" {token}"),
    ] {
        assert!(!accepts(&verifier, &forged), "{forged}");
    }
    let check = |token: &str| failed(judged(&verifier, token));
    assert_eq!(check(&format!("{NONE}.{}.{}", parts[1], parts[2])), "algorithm");
    assert_eq!(check(&format!("{}.{}.", parts[0], parts[1])), "signature");
    assert_eq!(check(&format!("{}.{}", parts[0], parts[1])), "malformed");
    assert_eq!(check(&format!("x.{}.{}", parts[1], parts[2])), "malformed");
}

#[test]
fn a_secret_is_for_hs256_only() {
    let verifier = Verifier::start(&by_secret()).unwrap();
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    for algorithm in [Algorithm::HS384, Algorithm::HS512] {
        let token = encode(&Header::new(algorithm), &key, &claims_with(""));
        assert_eq!(failed(judged(&verifier, &token)), "algorithm");
    }
    let other = EncodingKey::from_secret(b"another secret of thirty-two bytes");
    let token = encode(&Header::default(), &other, &claims_with(""));
    assert_eq!(failed(judged(&verifier, &token)), "signature");
}

#[test]
fn a_critical_extension_is_refused() {
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    let header = Header { crit: Some(vec!["b64".to_owned()]), ..Header::default() };
    let verifier = Verifier::start(&by_secret()).unwrap();
    assert!(!accepts(&verifier, &encode(&header, &key, &claims_with(""))));
}

#[test]
fn a_missing_token_and_one_that_is_too_long_differ() {
    let verifier = Verifier::start(&by_secret()).unwrap();
    assert_eq!(verifier.verify_now("", None), Err(Refusal::Missing));
    assert_eq!(failed(verifier.verify_now("not a token", None)), "malformed");
    let padded = |bytes: usize| hs256(&claims_with(&format!("\"pad\":\"{}\",", "x".repeat(bytes))));
    // Four characters of a token carry three bytes of JSON.
    let long = padded(TOKEN_BYTES_MAX * 3 / 4);
    assert!(long.len() > TOKEN_BYTES_MAX);
    assert!(!accepts(&verifier, &long));
    assert!(accepts(&verifier, &padded(TOKEN_BYTES_MAX / 2)));
}

#[test]
fn only_a_usable_public_key_is_taken() {
    let cases = [
        (Signer::p256().private, "private key"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_owned(), "certificate"),
        ("ssh-ed25519 AAAA".to_owned(), "PUBLIC KEY"),
        ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n".to_owned(), "Ed25519"),
        (RSA_1024.to_owned(), "2048"),
        (P_521.to_owned(), "P-384"),
    ];
    for (pem, text) in cases {
        let error = from_pem(&pem).err().expect("refused").to_string();
        assert!(error.contains(text), "{error}");
        assert!(error.starts_with("auth.public_key = "), "{error}");
    }
    let missing = from_file(Path::new("no/such/key.pem")).err().expect("refused").to_string();
    assert!(missing.contains("no/such/key.pem"), "{missing}");
    assert!(matches!(Verifier::start(&Config::default()), Err(KeyError::Missing)));
}

#[test]
fn a_token_of_our_own_is_accepted_and_tells_what_it_grants() {
    let config = Config {
        issuer: Some("https://id.example".to_owned()),
        audience: Some("floodway".to_owned()),
        ..by_secret()
    };
    let tenant = TenantId::parse("TENANT1").unwrap();
    let grant = Grant {
        tenant: &tenant,
        roles: &["operator".to_owned()],
        subject: Some("alice"),
        issuer: config.issuer.as_deref(),
        audience: config.audience.as_deref(),
        issued_at: NOW,
        expires_at: NOW + 1,
    };
    let token = sign(SECRET, &grant).unwrap();
    let verifier = Verifier::start(&config).unwrap();
    let identity = verifier.verify_at(&token, None, Duration::from_secs(NOW)).unwrap();
    let expected = Identity { tenant, subject: Some("alice".to_owned()), expires_at: NOW + 1 };
    assert_eq!(identity, expected);
}

#[test]
fn a_secret_is_never_shown() {
    assert!(!format!("{:?}", by_secret()).contains(SECRET));
}

/// Too short: nothing that it signed may count.
const RSA_1024: &str = "\
-----BEGIN PUBLIC KEY-----
MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQCqCjLIljo4GTCp23idOsyxKzb6
Kp5jAiOGp64wlnsjjRs0QuWoY4kiaewP74tnClYVMMao8qGDRsSqgSrNug1Cd/Fd
HbDHequqN9k1b/2a8E8UYyGJe4DfSOFx1VH34k7jFPrMKrOsCv+zwgQcFkeF/NIf
vr9bwYt1Ku9CKjFOMwIDAQAB
-----END PUBLIC KEY-----
";

/// A curve that JWT has an algorithm for, and this gateway has not.
const P_521: &str = "\
-----BEGIN PUBLIC KEY-----
MIGbMBAGByqGSM49AgEGBSuBBAAjA4GGAAQA4DCw+cKlRPldeLUO25wTGthAmpGv
uJ7mvEF71sQVSLvwv6w/9q3Z5c4vKFpu7ZgJmbpW3/sT94BOqu56NbT9FWAA7r5e
K5jJGjFkPcl0vB+Ir/gXpFOFTlKXMxrpl58K4YxPG3rXD0eqbQD3kqfInmlPqPDd
lTf3fA7RsKxzq+dlgHA=
-----END PUBLIC KEY-----
";
