//! What an operator is told of a token that was refused, while the client reads one text.

use floodway_tests::token::{SECRET, now, token_of};
use floodway_tests::{Broker, Gateway, token, wait_until};
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

use super::{INVALID, refused};
use crate::admin::{Page, Watch};

/// Tokens, the check that each fails, and a word of the diagnosis.
fn refusals() -> Vec<(String, &'static str, &'static str)> {
    let t = || token("T1").claim("iss", json!("us")).claim("aud", json!("here"));
    let key = |secret: &str| EncodingKey::from_secret(secret.as_bytes());
    let good = t().sign();
    let head = good.rsplit_once('.').expect("three parts").0;
    vec![
        ("garbage".to_owned(), "malformed", "header.claims.signature"),
        (t().expires_at(now() - 10).sign(), "expired", "exp is past"),
        (t().claim("nbf", json!(now() + 600)).sign(), "not_yet_valid", "nbf"),
        (
            t().signed_with(Algorithm::HS256, key("another one, that is as long as the first")).sign(),
            "signature",
            "signature",
        ),
        (t().signed_with(Algorithm::HS512, key(SECRET)).sign(), "algorithm", "alg"),
        (format!("{head}."), "signature", "signature"),
        (t().claim("iss", json!("them")).sign(), "issuer", "auth.issuer"),
        (t().claim("aud", json!(["there"])).sign(), "audience", "auth.audience"),
        (t().without("exp").sign(), "claims", "exp is missing"),
    ]
}

#[tokio::test]
async fn journal_log_and_metrics_tell_which_check_failed_and_the_client_is_not_told() {
    let broker = Broker::start().await;
    let launch = Gateway::start(&broker).env("FLOODWAY_JWT_ISSUER", "us");
    let gateway = launch.env("FLOODWAY_JWT_AUDIENCE", "here").await;
    let kinds = json!({"kinds": ["EVENT_KIND_REFUSED"]});
    let watch = Watch::start(&gateway, "WatchEvents", kinds).await;
    let refusals = refusals();
    for (token, check, _) in &refusals {
        refused(&gateway, check, Some(token), INVALID).await;
    }
    wait_until("all are told", async || watch.answers().len() == 1 + 2 * refusals.len()).await;
    let told = watch.answers();
    for ((_, check, word), told) in refusals.iter().zip(told[1..].chunks(2)) {
        for told in told.iter().map(|told| &told["refused"]) {
            assert_eq!((&told["reason"], &told["check"]), (&json!("bad_token"), &json!(check)));
            let detail = told["detail"].as_str().expect("a sentence");
            assert!(detail.contains(word), "{check}: {detail}");
        }
    }
    let page = Page::gateway(&gateway).await;
    let count = |check| page.sum("tokens_refused_total", &[("check", check)]);
    let checks = ["malformed", "signature", "expired", "issuer", "no_keys"];
    assert_eq!(checks.map(count), [2.0, 4.0, 2.0, 2.0, 0.0]);
    let log = logged(&gateway, "client refused");
    assert!(log.iter().any(|line| line["check"] == "audience"), "{log:#?}");
    for (token, ..) in &refusals {
        let signature = token.rsplit('.').next().expect("a part");
        let is_told = |line: &String| !signature.is_empty() && line.contains(signature);
        assert!(!gateway.log().iter().any(is_told), "a token is logged");
    }
}

/// Lines of the log with this message.
fn logged(gateway: &Gateway, message: &str) -> Vec<Value> {
    let lines = gateway.log();
    let lines = lines.iter().filter_map(|line| serde_json::from_str(line).ok());
    lines.filter(|line: &Value| line["message"] == message).collect()
}

#[tokio::test]
async fn refusals_without_end_fill_no_log() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    for _ in 0..200 {
        gateway.sse_refused(Some("garbage"), "").await;
    }
    let lines = logged(&gateway, "client refused").len();
    assert!((1..20).contains(&lines), "{lines} lines");
}

#[tokio::test]
async fn a_claim_that_names_nobody_is_named() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let rest = format!(r#""realm_access":{{"roles":["customer"]}},"exp":{}"#, now() + 600);
    for (claims, told) in [
        (r#""tenant_id":7"#, "tenant_id is a number"),
        (r#""organization":{"id":"42","name":"acme"}"#, "organization describes one"),
        (r#""organization":"acme""#, "organization is a text"),
    ] {
        // Each check is logged once in a while, so each has a gateway's journal to itself.
        let watch = Watch::start(&gateway, "WatchEvents", json!({})).await;
        let token = token_of(&format!("{{{claims},{rest}}}"));
        refused(&gateway, claims, Some(&token), super::NO_TENANT).await;
        wait_until("it is told", async || watch.answers().len() > 1).await;
        let refused = &watch.answers()[1]["refused"];
        assert_eq!(refused["check"], "tenant");
        let detail = refused["detail"].as_str().expect("a sentence");
        assert!(detail.contains(told), "{detail}");
    }
}
