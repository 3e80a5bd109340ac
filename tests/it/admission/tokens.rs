//! Which tokens open a stream, and where they may stand.

use floodway_tests::token::{SECRET, now, token_of};
use floodway_tests::{Broker, Gateway, WS_PATH, Ws, token};
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::json;

use super::{INVALID, NO_ROLE, NO_TENANT, refused};

#[tokio::test]
async fn a_bad_token_is_refused_with_its_reason() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let t = || token("T1");
    let other = EncodingKey::from_secret(b"another secret, long enough as well, but not the right one");
    let good = t().sign();
    let (head, signature) = good.rsplit_once('.').expect("three parts");
    let none = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0";
    let claims = good.split('.').nth(1).expect("three parts");
    refused(&gateway, "no token", None, (4001, "Missing token parameter", 401)).await;
    for (what, token, expected) in [
        ("garbage", "garbage".to_owned(), INVALID),
        ("three dots", "a.b.c".to_owned(), INVALID),
        ("expired", t().expires_at(now() - 10).sign(), INVALID),
        ("another key", t().signed_with(Algorithm::HS256, other).sign(), INVALID),
        ("another algorithm of the key's family", t().signed_with(Algorithm::HS512, secret()).sign(), INVALID),
        ("unsigned", format!("{none}.{claims}."), INVALID),
        ("unsigned with a signature", format!("{none}.{claims}.{signature}"), INVALID),
        ("cut signature", head.to_owned(), INVALID),
        ("without expiry", t().without("exp").sign(), INVALID),
        ("not yet valid", t().claim("nbf", json!(now() + 600)).sign(), INVALID),
        ("expiry as text", t().claim("exp", json!("tomorrow")).sign(), INVALID),
        ("no tenant", t().without("tenant_id").sign(), NO_TENANT),
        ("empty tenant", t().claim("tenant_id", json!("")).sign(), (4003, "", 403)),
        ("wildcard tenant", t().claim("tenant_id", json!("+")).sign(), (4003, "", 403)),
        ("two levels", t().claim("tenant_id", json!("a/b")).sign(), (4003, "", 403)),
        ("control character", t().claim("tenant_id", json!("a\u{7}")).sign(), (4003, "", 403)),
        ("long tenant", t().claim("tenant_id", json!("t".repeat(257))).sign(), (4003, "", 403)),
        ("no access", t().without("realm_access").sign(), NO_ROLE),
        ("no roles", t().roles(&[]).sign(), NO_ROLE),
        ("foreign role", t().roles(&["admin", "CUSTOMER"]).sign(), NO_ROLE),
    ] {
        refused(&gateway, what, Some(&token), expected).await;
    }
    assert_eq!(gateway.connections().await, 0);
}

fn secret() -> EncodingKey {
    EncodingKey::from_secret(SECRET.as_bytes())
}

#[tokio::test]
async fn a_401_says_how_to_authenticate() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let response = gateway.sse_response(None, "", &[]).await;
    assert_eq!(response.headers()["www-authenticate"], "Bearer");
    assert_eq!(response.headers()["content-type"], "application/json");
}

#[tokio::test]
async fn the_tenant_is_found_where_the_contract_says() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let rest = format!(r#""realm_access":{{"roles":["other","operator-admin"]}},"exp":{}"#, now() + 600);
    for (claims, tenant) in [
        (r#""tenant_id":"T1""#, "T1"),
        (r#""organization":{"ZED":{},"ABLE":{}},"tenant_id":"T1""#, "ZED"),
        (r#""organization":["","ORG","T2"],"tenant_id":"T1""#, "ORG"),
        (r#""organization":[7,"ORG"]"#, "ORG"),
        (r#""organization":[{"ACME":{"id":"1"}}]"#, "ACME"),
        (r#""organization":{"id":"1","name":"ACME"},"tenant_id":"T1""#, "T1"),
        (r#""organization":"text","tenant_id":"T1""#, "T1"),
        (r#""tenant_id":"köln 7""#, "köln 7"),
    ] {
        let ws = gateway.ws_with(&token_of(&format!("{{{claims},{rest}}}")), "").await;
        assert_eq!(ws.connected()["tenant_id"], tenant, "{claims}");
    }
}

#[tokio::test]
async fn a_token_comes_by_header_query_or_subprotocol_in_this_order() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let [header, query, protocol] = ["HEADER", "QUERY", "PROTOCOL"].map(|tenant| token(tenant).sign());
    let bearer = ("authorization", format!("Bearer {header}"));
    let protocols = ("sec-websocket-protocol", format!("floodway.v1, bearer.{protocol}"));
    let with_query = format!("{WS_PATH}?token={query}");
    let open = async |path: &str, headers: &[(&str, String)]| {
        let mut ws = Ws::open(gateway.address(), path, headers).await.expect("an upgrade");
        ws.read_connected().await;
        (ws.connected()["tenant_id"].clone(), ws.head().get("sec-websocket-protocol").cloned())
    };
    assert_eq!(open(WS_PATH, std::slice::from_ref(&bearer)).await.0, "HEADER");
    assert_eq!(open(&with_query, &[]).await.0, "QUERY");
    let (tenant, chosen) = open(WS_PATH, std::slice::from_ref(&protocols)).await;
    assert_eq!(
        (tenant, chosen.expect("a subprotocol")),
        (json!("PROTOCOL"), "floodway.v1".parse().expect("a value"))
    );
    assert_eq!(open(&with_query, &[bearer, protocols.clone()]).await.0, "HEADER");
    assert_eq!(open(&with_query, &[protocols]).await.0, "QUERY");

    let response = gateway.sse_response(None, &format!("token={query}"), &[]).await;
    assert_eq!(response.status(), 200);
    let bad = [("authorization", "Bearer bad".to_owned())];
    let mut ws = Ws::open(gateway.address(), &with_query, &bad).await.expect("an upgrade");
    assert_eq!(ws.close_code().await.0, 4001, "the header's token is the one that counts");
}

#[tokio::test]
async fn a_foreign_origin_is_refused_before_the_upgrade() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).env("FLOODWAY_ALLOWED_ORIGINS", "https://app.example").await;
    let good = token("T1").sign();
    let own = format!("http://{}", gateway.address());
    for (origin, allowed) in [
        ("https://app.example", true),
        (own.as_str(), true),
        ("https://evil.example", false),
        ("https://app.example.evil.example", false),
        ("http://app.example", false),
        ("https://app.example:444", false),
        ("null", false),
    ] {
        let headers = [("authorization", format!("Bearer {good}")), ("origin", origin.to_owned())];
        match Ws::open(gateway.address(), WS_PATH, &headers).await {
            Ok(mut ws) => {
                assert!(allowed, "{origin} is let in");
                ws.read_connected().await;
            }
            Err(response) => {
                assert!(!allowed, "{origin} is kept out");
                assert_eq!(response.status(), 403, "{origin}");
            }
        }
        let response = gateway.sse_response(Some(&good), "", &[("origin", origin)]).await;
        assert_eq!(response.status() == 200, allowed, "{origin}: {}", response.status());
    }
}

#[tokio::test]
async fn any_origin_is_allowed_by_a_star() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).env("FLOODWAY_ALLOWED_ORIGINS", "*").await;
    let headers = [
        ("authorization", format!("Bearer {}", token("T1").sign())),
        ("origin", "https://any.example".to_owned()),
    ];
    let mut ws = Ws::open(gateway.address(), WS_PATH, &headers).await.expect("an upgrade");
    ws.read_connected().await;
}

#[tokio::test]
async fn a_token_is_never_logged() {
    let broker = Broker::start().await;
    let mut gateway = Gateway::start(&broker).env("FLOODWAY_LOG", "debug").await;
    let [good, bad] = [token("T1").sign(), token("T1").expires_at(1).sign()];
    for token in [&good, &bad] {
        let by_header = gateway.ws_unread(Some(token), "").await;
        let by_query = gateway.ws_unread(None, &format!("token={token}")).await;
        let protocols = [("sec-websocket-protocol", format!("floodway.v1, bearer.{token}"))];
        let by_protocol = Ws::open(gateway.address(), WS_PATH, &protocols).await.expect("an upgrade");
        for mut ws in [by_header, by_query, by_protocol] {
            // A message or a refusal: either way the gateway has judged the token.
            let _judged = ws.message().await;
        }
        gateway.sse_response(None, &format!("token={token}"), &[]).await;
    }
    gateway.terminate();
    gateway.exit_code().await;
    assert!(!gateway.log().is_empty(), "its whole log is there");
    for line in gateway.log() {
        for token in [&good, &bad] {
            let signature = token.rsplit('.').next().expect("a signature");
            assert!(!line.contains(signature), "a token is logged: {line}");
        }
    }
}
