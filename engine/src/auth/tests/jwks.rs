//! Keys that are fetched.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use jsonwebtoken::jwk::Jwk;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::auth::jwks::Pace;

/// Quick, so that a test sees what takes minutes in production.
const QUICK: Pace = Pace {
    refresh: Duration::from_secs(3600),
    pause: Duration::from_millis(20),
    timeout: Duration::from_secs(5),
};

/// An identity provider that gives one answer to everyone.
struct Provider {
    url: String,
    answer: Arc<Mutex<Vec<u8>>>,
    fetches: Arc<AtomicUsize>,
}

impl Provider {
    async fn start(answer: impl Into<Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!(
            "http://{}/keys?v=1",
            listener.local_addr().expect("an address")
        );
        let answer = Arc::new(Mutex::new(answer.into()));
        let fetches = Arc::new(AtomicUsize::new(0));
        let (answers, count) = (Arc::clone(&answer), Arc::clone(&fetches));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                let answer = answers.lock().unwrap().clone();
                serve(stream, &answer).await;
            }
        });
        Self {
            url,
            answer,
            fetches,
        }
    }

    async fn verifier(&self) -> Result<Verifier, KeyError> {
        Verifier::start_set(&Config::default(), &self.url, QUICK).await
    }

    fn now_answers(&self, answer: impl Into<Vec<u8>>) {
        *self.answer.lock().unwrap() = answer.into();
    }

    fn fetches(&self) -> usize {
        self.fetches.load(Ordering::Relaxed)
    }
}

/// Reads the request's head and answers. An empty answer is none: the stream is held.
async fn serve(mut stream: TcpStream, answer: &[u8]) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.expect("a request"));
    }
    assert!(head.starts_with(b"GET /keys?v=1 HTTP/1.1\r\n"));
    if answer.is_empty() {
        tokio::spawn(async move { stream.read_u8().await });
        return;
    }
    // The client may hang up before it has read all of an answer that is too large.
    _ = stream.write_all(answer).await;
}

fn answer(status: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// A good answer with these keys.
fn set(keys: &[String]) -> String {
    answer("200 OK", &format!("{{\"keys\":[{}]}}", keys.join(",")))
}

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
    let header = Header {
        kid: kid.map(str::to_owned),
        ..Header::new(algorithm)
    };
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
    let verifier = provider.verifier().await.expect("fetched");
    for kid in [Some("r"), None] {
        assert!(
            accepts(&verifier, &token(&rsa, Algorithm::RS256, kid)),
            "{kid:?}"
        );
    }
    assert!(accepts(
        &verifier,
        &token(&p256, Algorithm::ES256, Some("e"))
    ));
    assert!(!accepts(
        &verifier,
        &token(&p256, Algorithm::ES256, Some("r"))
    ));
    assert!(!accepts(
        &verifier,
        &token(&Signer::rsa(), Algorithm::RS256, Some("r"))
    ));
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
        jwk(
            &rsa,
            Algorithm::RS256,
            r#""kid":"sign","key_ops":["sign"],"#,
        ),
        jwk(&rsa, Algorithm::RS256, r#""kid":"ps","alg":"PS256","#),
        jwk(&rsa, Algorithm::RS256, r#""kid":"oaep","alg":"RSA-OAEP","#),
        jwk(
            &good,
            Algorithm::ES256,
            r#""kid":"good","key_ops":["verify"],"alg":"ES256","#,
        ),
    ];
    let provider = Provider::start(set(&keys)).await;
    let verifier = provider.verifier().await.expect("fetched");
    for kid in ["enc", "sign", "ps", "oaep"] {
        assert!(
            !accepts(&verifier, &token(&rsa, Algorithm::RS256, Some(kid))),
            "{kid}"
        );
    }
    assert!(accepts(
        &verifier,
        &token(&rsa, Algorithm::PS256, Some("ps"))
    ));
    assert!(accepts(
        &verifier,
        &token(&good, Algorithm::ES256, Some("good"))
    ));
    let header = Header {
        kid: Some("secret".to_owned()),
        ..Header::default()
    };
    let forged = encode(
        &header,
        &EncodingKey::from_secret(b"a secret"),
        &claims_with(""),
    );
    assert!(!accepts(&verifier, &forged));
}

#[tokio::test]
async fn an_unknown_key_is_fetched_and_a_failure_keeps_the_old_ones() {
    let (old, new) = (Signer::p256(), Signer::p256());
    let old_key = jwk(&old, Algorithm::ES256, r#""kid":"old","#);
    let provider = Provider::start(set(&[old_key])).await;
    let verifier = provider.verifier().await.expect("fetched");
    let (old, fresh) = (
        token(&old, Algorithm::ES256, Some("old")),
        token(&new, Algorithm::ES256, Some("new")),
    );

    provider.now_answers(answer("500 Internal Server Error", ""));
    assert!(!accepts(&verifier, &fresh));
    eventually(|| provider.fetches() == 2).await;
    assert!(accepts(&verifier, &old), "the keys are kept");

    provider.now_answers(set(&[jwk(&new, Algorithm::ES256, r#""kid":"new","#)]));
    eventually(|| accepts(&verifier, &fresh)).await;
    assert!(
        !accepts(&verifier, &old),
        "a key that is withdrawn counts no more"
    );
}

#[tokio::test]
async fn unknown_keys_cause_few_fetches() {
    let signer = Signer::p256();
    let provider = Provider::start(set(&[jwk(&signer, Algorithm::ES256, r#""kid":"k","#)])).await;
    let pace = Pace {
        pause: Duration::from_secs(3600),
        ..QUICK
    };
    let config = Config::default();
    let verifier = Verifier::start_set(&config, &provider.url, pace)
        .await
        .expect("fetched");
    let forged = token(&signer, Algorithm::ES256, Some("unknown"));
    let good = token(&signer, Algorithm::ES256, Some("k"));
    for _ in 0..1000 {
        assert!(!accepts(&verifier, &forged));
        assert!(accepts(&verifier, &good));
        tokio::task::yield_now().await;
    }
    assert_eq!(provider.fetches(), 1);
}

#[tokio::test]
async fn keys_are_refreshed_without_being_asked_for_until_the_verifier_is_gone() {
    let signer = Signer::p256();
    let provider = Provider::start(set(&[jwk(&signer, Algorithm::ES256, "")])).await;
    let pace = Pace {
        refresh: Duration::from_millis(20),
        ..QUICK
    };
    let config = Config::default();
    let verifier = Verifier::start_set(&config, &provider.url, pace)
        .await
        .expect("fetched");
    eventually(|| provider.fetches() > 2).await;
    drop(verifier);
    let tasks = || {
        tokio::runtime::Handle::current()
            .metrics()
            .num_alive_tasks()
    };
    // What is left is the provider itself.
    eventually(|| tasks() == 1).await;
}

#[tokio::test]
async fn without_keys_there_is_no_verifier() {
    let weak = r#"{"kty":"RSA","n":"AQAB","e":"AQAB"}"#.to_owned();
    let large = answer("200 OK", &" ".repeat((1 << 20) + 1));
    let cases = [
        (answer("404 Not Found", ""), "answered 404"),
        (answer("302 Found", ""), "answered 302"),
        (answer("200 OK", "<html>"), "not a JWK set"),
        (set(&[]), "no public key"),
        (set(&[weak]), "no public key"),
        (large, "larger than 1048576 bytes"),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{".to_owned(),
            "broke off",
        ),
        ("nonsense\r\n\r\n".to_owned(), "no answer"),
    ];
    for (answer, told) in cases {
        let provider = Provider::start(answer).await;
        let error = provider.verifier().await.err().expect(told).to_string();
        assert!(
            error.starts_with("auth.jwks_url = \"http://127.0.0.1:"),
            "{error}"
        );
        assert!(error.contains(told), "{error}");
    }
}

#[tokio::test]
async fn a_provider_that_does_not_answer_is_given_up() {
    let provider = Provider::start("").await;
    let pace = Pace {
        timeout: Duration::from_millis(50),
        ..QUICK
    };
    let verifier = Verifier::start_set(&Config::default(), &provider.url, pace).await;
    let error = verifier.err().expect("given up").to_string();
    assert!(error.contains("no answer within 50ms"), "{error}");
    let gone = "http://127.0.0.1:1/keys";
    let verifier = Verifier::start_set(&Config::default(), gone, QUICK).await;
    assert!(
        verifier
            .err()
            .expect("refused")
            .to_string()
            .contains("cannot connect")
    );
}
