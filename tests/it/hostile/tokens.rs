//! Tokens that are none, in every place where a token may stand.

use floodway_tests::raw::Raw;
use floodway_tests::token::{now, token_of};
use floodway_tests::{SSE_PATH, WS_PATH, token};
use serde_json::{Value, json};

use super::Scene;

/// Each with a word that names it; all fit into a header.
fn tokens() -> Vec<(String, String)> {
    let good = token("EVIL").sign();
    let parts: Vec<&str> = good.split('.').collect();
    let mut tokens: Vec<(String, String)> = [
        ("one dot", ".".to_owned()),
        ("two dots", "..".to_owned()),
        ("a hundred dots", ".".repeat(100)),
        ("not base64", "!!!.???.***".to_owned()),
        ("head only", parts[0].to_owned()),
        ("no signature", format!("{}.{}.", parts[0], parts[1])),
        ("no claims", format!("{}..{}", parts[0], parts[2])),
        ("no head", format!(".{}.{}", parts[1], parts[2])),
        ("four parts", format!("{good}.more")),
        ("parts swapped", format!("{}.{}.{}", parts[1], parts[0], parts[2])),
        ("padded", format!("{good}==")),
        ("a good one twice", format!("{good}{good}")),
        ("with a comma", format!("x,{good}")),
        ("quoted", format!("\"{good}\"")),
        ("long", "a".repeat(9_000)),
        ("long parts", format!("{0}.{0}.{0}", "a".repeat(3_000))),
        ("percent signs", "%00%ff%zz".to_owned()),
        ("Bearer twice", format!("Bearer {good}")),
    ]
    .map(|(name, token)| (name.to_owned(), token))
    .into();
    tokens.extend(
        claims()
            .into_iter()
            .map(|(name, claims)| (name.to_owned(), token_of(&claims.to_string()))),
    );
    let deep = format!("{{\"exp\":{},\"organization\":{}{}}}", now() + 600, "[".repeat(400), "]".repeat(400));
    tokens.push(("deep organization".to_owned(), token_of(&deep.replace("[]", "[1]"))));
    tokens
}

/// Signed well, and yet nobody who may come in.
fn claims() -> Vec<(&'static str, Value)> {
    let with = |name: &str, value: Value| {
        let mut claims = json!({"tenant_id": "EVIL", "realm_access": {"roles": ["customer"]}, "exp": now() + 600});
        claims[name] = value;
        claims
    };
    vec![
        ("claims are a list", json!([])),
        ("claims are a text", json!("claims")),
        ("claims are null", Value::Null),
        ("no claims at all", json!({})),
        ("exp is zero", with("exp", json!(0))),
        ("exp is negative", with("exp", json!(-1))),
        ("exp is a text", with("exp", json!("never"))),
        ("exp is null", with("exp", Value::Null)),
        ("exp is a list", with("exp", json!([1]))),
        ("nbf is far ahead", with("nbf", json!(now() + 100_000))),
        ("tenant is a number", with("tenant_id", json!(7))),
        ("tenant is a list", with("tenant_id", json!(["EVIL"]))),
        ("tenant is an object", with("tenant_id", json!({"a": 1}))),
        ("tenant is null", with("tenant_id", Value::Null)),
        ("tenant is a wildcard", with("tenant_id", json!("#"))),
        ("tenant is two levels", with("tenant_id", json!("GOOD/device"))),
        ("tenant has a zero byte", with("tenant_id", json!("GOOD\u{0}"))),
        ("tenant has a line break", with("tenant_id", json!("GOOD\r\nX: y"))),
        ("organization is a wildcard", with("organization", json!(["+"]))),
        ("organization's key is a wildcard", with("organization", json!({"+": {}}))),
        ("access is a list", with("realm_access", json!([]))),
        ("access is a text", with("realm_access", json!("customer"))),
        ("roles are a text", with("realm_access", json!({"roles": "customer"}))),
        ("roles are an object", with("realm_access", json!({"roles": {"customer": true}}))),
        ("roles are numbers", with("realm_access", json!({"roles": [1, 2]}))),
        ("roles are null", with("realm_access", json!({"roles": null}))),
    ]
}

#[tokio::test]
async fn bad_tokens_open_nothing() {
    let mut scene = Scene::start().await;
    for (name, token) in tokens() {
        let encoded = token.replace('%', "%25").replace(' ', "%20").replace('"', "%22").replace('+', "%2B");
        for (place, request) in [
            ("header", format!("GET {SSE_PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n")),
            ("query", format!("GET {SSE_PATH}?token={encoded} HTTP/1.1\r\nHost: x\r\n\r\n")),
        ] {
            let mut raw = Raw::connect(scene.gateway.address()).await;
            raw.write(request.as_bytes()).await.expect("it is accepted");
            let head = raw.read_head().await;
            let refused = ["401", "403", "431"].iter().any(|status| head.starts_with(&format!("HTTP/1.1 {status}")));
            assert!(refused, "a token in the {place} ({name}): {head}");
        }
        let upgrade = format!(
            "GET {WS_PATH} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             Sec-WebSocket-Protocol: floodway.v1, bearer.{token}\r\n\r\n"
        );
        let mut raw = Raw::connect(scene.gateway.address()).await;
        raw.write(upgrade.as_bytes()).await.expect("it is accepted");
        let answer = String::from_utf8_lossy(&raw.read_to_end().await).into_owned();
        assert!(!answer.contains("\"connected\""), "a token as a subprotocol ({name}): {answer}");
        scene.unharmed_by(format!("token: {name}")).await;
    }
    scene.leaves_nothing(44).await;
}
