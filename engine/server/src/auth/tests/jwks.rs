//! Keys that are fetched.

use jsonwebtoken::jwk::Jwk;

use super::provider::{Provider, QUICK, answer, set};
use super::*;
use crate::auth::fetch::Source;
use crate::auth::jwk as sets;
use crate::auth::jwks::Pace;

/// The public half of a signer as a JWK with these members more.
fn jwk(signer: &Signer, algorithm: Algorithm, more: &str) -> String {
    let pem = signer.private.as_bytes();
    let private = match algorithm {
        Algorithm::ES256 => EncodingKey::from_ec_pem(pem),
        _ => EncodingKey::from_rsa_pem(pem),
    };
    let mut jwk = Jwk::from_encoding_key(&private.expect("a key"), algorithm).expect("a JWK");
    jwk.common.key_algorithm = None;
    let json = serde_json::to_string(&jwk).expect("JSON");
    format!("{{{more}{}", json.strip_prefix('{').expect("an object"))
}

/// A token that names the key `kid`.
fn token(signer: &Signer, algorithm: Algorithm, kid: Option<&str>) -> String {
    let pem = signer.private.as_bytes();
    let key = match algorithm {
        Algorithm::ES256 => EncodingKey::from_ec_pem(pem),
        _ => EncodingKey::from_rsa_pem(pem),
    };
    let header = Header { kid: kid.map(str::to_owned), ..Header::new(algorithm) };
    encode(&header, &key.expect("a key"), &claims_with(""))
}

/// Waits until it holds, which must be soon.
async fn eventually(mut holds: impl FnMut() -> bool) {
    let waited = tokio::time::timeout(Duration::from_secs(10), async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    waited.await.expect("it never held");
}

#[tokio::test]
async fn tokens_are_checked_with_the_key_that_they_name_or_one_that_fits() {
    let (rsa, p256) = (Signer::rsa(), Signer::p256());
    let keys = [
        jwk(&rsa, Algorithm::RS256, r#""kid":"r","use":"sig","#),
        jwk(&p256, Algorithm::ES256, r#""kid":"e","#),
    ];
    let provider = Provider::start(set(&keys)).await;
    let verifier = provider.verifier().await;
    for kid in [Some("r"), None] {
        assert!(accepts(&verifier, &token(&rsa, Algorithm::RS256, kid)), "{kid:?}");
    }
    assert!(accepts(&verifier, &token(&p256, Algorithm::ES256, Some("e"))));
    assert!(!accepts(&verifier, &token(&p256, Algorithm::ES256, Some("r"))));
    assert!(!accepts(&verifier, &token(&Signer::rsa(), Algorithm::RS256, Some("r"))));
    assert!(!accepts(&verifier, &hs256(&claims_with(""))));
}

#[tokio::test]
async fn only_public_keys_for_signatures_are_taken() {
    let (rsa, good) = (Signer::rsa(), Signer::p256());
    let keys = [
        r#"{"kty":"oct","kid":"secret","k":"YSBzZWNyZXQ"}"#.to_owned(),
        r#"{"kty":"unheard-of"}"#.to_owned(),
        "7".to_owned(),
        jwk(&rsa, Algorithm::RS256, r#""kid":"enc","use":"enc","#),
        jwk(&rsa, Algorithm::RS256, r#""kid":"sign","key_ops":["sign"],"#),
        jwk(&rsa, Algorithm::RS256, r#""kid":"ps","alg":"PS256","#),
        jwk(&rsa, Algorithm::RS256, r#""kid":"oaep","alg":"RSA-OAEP","#),
        jwk(&good, Algorithm::ES256, r#""kid":"good","key_ops":["verify"],"alg":"ES256","#),
    ];
    let provider = Provider::start(set(&keys)).await;
    let verifier = provider.verifier().await;
    for kid in ["enc", "sign", "ps", "oaep"] {
        assert!(!accepts(&verifier, &token(&rsa, Algorithm::RS256, Some(kid))), "{kid}");
    }
    assert!(accepts(&verifier, &token(&rsa, Algorithm::PS256, Some("ps"))));
    assert!(accepts(&verifier, &token(&good, Algorithm::ES256, Some("good"))));
    let header = Header { kid: Some("secret".to_owned()), ..Header::default() };
    let forged = encode(&header, &EncodingKey::from_secret(b"a secret"), &claims_with(""));
    assert!(!accepts(&verifier, &forged));
}

/// A good token, as of today, that names the key `kid`.
fn lasting(signer: &Signer, kid: &str) -> String {
    let key = EncodingKey::from_ec_pem(signer.private.as_bytes()).expect("a key");
    let header = Header { kid: Some(kid.to_owned()), ..Header::new(Algorithm::ES256) };
    let claims = r#"{"exp":4102444800,"tenant_id":"T","realm_access":{"roles":["customer"]}}"#;
    encode(&header, &key, claims)
}

fn named(signer: &Signer, kid: &str) -> String {
    jwk(signer, Algorithm::ES256, &format!(r#""kid":"{kid}","#))
}

#[tokio::test]
async fn the_first_token_of_a_new_key_waits_for_a_fetch_and_is_judged_then() {
    let (old, new) = (Signer::p256(), Signer::p256());
    let provider = Provider::start(set(&[named(&old, "old")])).await;
    let verifier = provider.verifier().await;
    let (by_old, by_new) = (lasting(&old, "old"), lasting(&new, "new"));
    assert!(verifier.verify(&by_old, None).await.is_ok());

    provider.now_answers(answer("500 Internal Server Error", ""));
    assert_eq!(verifier.verify(&by_new, None).await, Err(Refusal::NoKeys));
    assert!(verifier.verify(&by_old, None).await.is_ok(), "the keys are kept");

    provider.now_answers(set(&[named(&new, "new")]));
    assert!(verifier.verify(&by_new, None).await.is_ok(), "at once");
    let withdrawn = verifier.verify(&by_old, None).await;
    assert_eq!(failed(withdrawn), "unknown_key");
}

#[tokio::test]
async fn a_token_that_names_no_key_may_be_of_a_new_one() {
    let (old, new) = (Signer::p256(), Signer::p256());
    let provider = Provider::start(set(&[jwk(&old, Algorithm::ES256, "")])).await;
    let verifier = provider.verifier().await;
    let key = EncodingKey::from_ec_pem(new.private.as_bytes()).expect("a key");
    let claims = r#"{"exp":4102444800,"tenant_id":"T","realm_access":{"roles":["customer"]}}"#;
    let fresh = encode(&Header::new(Algorithm::ES256), &key, claims);
    assert_eq!(failed(verifier.verify(&fresh, None).await), "unknown_key");
    provider.now_answers(set(&[jwk(&new, Algorithm::ES256, "")]));
    assert!(verifier.verify(&fresh, None).await.is_ok());
}

#[tokio::test]
async fn a_refresh_does_not_wait_and_is_good_the_next_time() {
    let (old, new) = (Signer::p256(), Signer::p256());
    let provider = Provider::start(set(&[named(&old, "old")])).await;
    let verifier = provider.verifier().await;
    provider.now_answers(set(&[named(&new, "new")]));
    let fresh = lasting(&new, "new");
    let first = verifier.verify_now(&fresh, None);
    assert!(first.is_err_and(Refusal::may_pass));
    eventually(|| verifier.verify_now(&fresh, None).is_ok()).await;
}

#[tokio::test]
async fn however_many_tokens_name_unknown_keys_few_wait_and_one_fetches() {
    let signer = Signer::p256();
    let provider = Provider::start(set(&[named(&signer, "k")])).await;
    let pace = Pace { pause: Duration::from_secs(2), ..QUICK };
    let verifier = provider.verifier_at(pace).await;
    let (forged, good) = (lasting(&signer, "unknown"), lasting(&signer, "k"));
    let mut waiting: Vec<_> = (0..pace.waiting).map(|_| Box::pin(verifier.verify(&forged, None))).collect();
    for waiter in &mut waiting {
        let soon = tokio::time::timeout(Duration::ZERO, waiter).await;
        assert!(soon.is_err(), "it waits");
    }
    assert_eq!(verifier.verify(&forged, None).await, Err(Refusal::NoKeys), "one too many");
    assert!(verifier.verify(&good, None).await.is_ok());
    for waiter in waiting {
        assert_eq!(failed(waiter.await), "unknown_key");
    }
    assert_eq!(provider.fetches(), 2);
}

#[tokio::test]
async fn keys_are_refreshed_without_being_asked_for_until_the_verifier_is_gone() {
    let signer = Signer::p256();
    let provider = Provider::start(set(&[jwk(&signer, Algorithm::ES256, "")])).await;
    let pace = Pace { refresh: Duration::from_millis(20), ..QUICK };
    let verifier = provider.verifier_at(pace).await;
    eventually(|| provider.fetches() > 2).await;
    drop(verifier);
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    // What is left is the provider itself.
    eventually(|| tasks() == 1).await;
}

#[tokio::test]
async fn a_key_that_is_withdrawn_counts_no_more_after_the_refresh() {
    let (old, new) = (Signer::p256(), Signer::p256());
    let provider = Provider::start(set(&[named(&old, "old")])).await;
    let pace = Pace { refresh: Duration::from_millis(100), ..QUICK };
    let verifier = provider.verifier_at(pace).await;
    provider.now_answers(set(&[named(&new, "new")]));
    eventually(|| verifier.verify_now(&lasting(&old, "old"), None).is_err()).await;
    assert!(verifier.verify_now(&lasting(&new, "new"), None).is_ok());
}

#[tokio::test]
async fn until_the_keys_come_no_token_is_judged() {
    let signer = Signer::p256();
    let keys = set(&[named(&signer, "k")]);
    let weak = r#"{"kty":"RSA","n":"AQAB","e":"AQAB"}"#.to_owned();
    let large = answer("200 OK", &" ".repeat((1 << 20) + 1));
    for nothing in [
        answer("404 Not Found", ""),
        answer("302 Found", ""),
        answer("200 OK", "<html>"),
        set(&[]),
        set(&[weak]),
        large,
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{".to_owned(),
        "nonsense\r\n\r\n".to_owned(),
    ] {
        let provider = Provider::start(nothing).await;
        let verifier = provider.unready(QUICK);
        let token = lasting(&signer, "k");
        assert_eq!(verifier.verify(&token, None).await, Err(Refusal::NoKeys));
        for never_good in ["", "garbage"] {
            let judged = verifier.verify(never_good, None).await;
            assert_eq!(judged, Err(Refusal::NoKeys), "{never_good:?}");
        }
        assert!(!verifier.is_ready());
        provider.now_answers(keys.clone());
        eventually(|| verifier.is_ready()).await;
        assert!(verifier.verify(&token, None).await.is_ok());
    }
}

#[tokio::test]
async fn a_fetch_says_why_it_gave_nothing() {
    let large = answer("200 OK", &" ".repeat((1 << 20) + 1));
    for (answer, text) in [
        (answer("404 Not Found", ""), "answered 404"),
        (answer("302 Found", ""), "302 Found; a redirect is not followed"),
        (answer("200 OK", "<html>"), "not a JWK set"),
        (set(&[]), "no public key"),
        (large, "larger than 1048576 bytes"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{".to_owned(), "broke off"),
        ("nonsense\r\n\r\n".to_owned(), "no answer"),
        (String::new(), "no answer within 50ms"),
    ] {
        let provider = Provider::start(answer).await;
        let timeout = Duration::from_millis(if text.contains("50ms") { 50 } else { 5000 });
        let error = fetch_error(&provider.url, timeout).await;
        assert!(error.contains(text), "{text}: {error}");
    }
    let gone = fetch_error("http://127.0.0.1:1/keys", Duration::from_secs(5)).await;
    assert!(gone.contains("cannot connect"), "{gone}");
    let wrong = Verifier::start_set(&Config::default(), "ftp://id.example", QUICK);
    let text = wrong.err().expect("no such scheme").to_string();
    assert!(text.starts_with("auth.jwks_url = \"ftp://id.example\": "), "{text}");
}

async fn fetch_error(url: &str, timeout: Duration) -> String {
    let source = Source::new(url, timeout).expect("a good URL");
    let fetched = source.get().await;
    let read = fetched.and_then(|answer| sets::read(&answer));
    read.err().expect("nothing that could be used").to_string()
}
