//! Who may connect, and that a tenant's limit is exact on every path on which a stream begins or ends.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use floodway_tests::raw::{Raw, upgrade_request};
use floodway_tests::token::{SECRET, Token, now, token_of};
use floodway_tests::{Broker, Gateway, SSE_PATH, STATUS_PATH, WS_PATH, Ws, token};
use futures_util::future::join_all;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::json;

const INVALID: (u16, &str, u16) = (4001, "Invalid or expired token", 401);
const NO_TENANT: (u16, &str, u16) = (4003, "No tenant_id in token", 403);
const NO_ROLE: (u16, &str, u16) = (4003, "Unauthorized role", 403);

/// Refused on both transports, each in its own way; an empty `reason` is not compared.
async fn refused(
    gateway: &Gateway,
    what: &str,
    token: Option<&str>,
    (code, reason, status): (u16, &str, u16),
) {
    let closed = gateway.ws_refused(token, "").await;
    assert_eq!(closed.0, code, "{what}: {closed:?}");
    assert!(
        reason.is_empty() || closed.1 == reason,
        "{what}: {closed:?}"
    );
    let (answered, body) = gateway.sse_refused(token, "").await;
    assert_eq!(answered, status, "{what}: {body}");
    assert!(
        body["detail"]
            .as_str()
            .is_some_and(|detail| !detail.is_empty()),
        "{what}: {body}"
    );
}

#[tokio::test]
async fn a_bad_token_is_refused_with_its_reason() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let t = || token("T1");
    let other =
        EncodingKey::from_secret(b"another secret, long enough as well, but not the right one");
    let good = t().sign();
    let (head, signature) = good.rsplit_once('.').expect("three parts");
    let none = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0";
    let claims = good.split('.').nth(1).expect("three parts");
    refused(
        &gateway,
        "no token",
        None,
        (4001, "Missing token parameter", 401),
    )
    .await;
    for (what, token, expected) in [
        ("garbage", "garbage".to_owned(), INVALID),
        ("three dots", "a.b.c".to_owned(), INVALID),
        ("expired", t().expires_at(now() - 10).sign(), INVALID),
        (
            "another key",
            t().signed_with(Algorithm::HS256, other).sign(),
            INVALID,
        ),
        (
            "another algorithm of the key's family",
            t().signed_with(Algorithm::HS512, secret()).sign(),
            INVALID,
        ),
        ("unsigned", format!("{none}.{claims}."), INVALID),
        (
            "unsigned with a signature",
            format!("{none}.{claims}.{signature}"),
            INVALID,
        ),
        ("cut signature", head.to_owned(), INVALID),
        ("without expiry", t().without("exp").sign(), INVALID),
        (
            "not yet valid",
            t().claim("nbf", json!(now() + 600)).sign(),
            INVALID,
        ),
        (
            "expiry as text",
            t().claim("exp", json!("tomorrow")).sign(),
            INVALID,
        ),
        ("no tenant", t().without("tenant_id").sign(), NO_TENANT),
        (
            "empty tenant",
            t().claim("tenant_id", json!("")).sign(),
            (4003, "", 403),
        ),
        (
            "wildcard tenant",
            t().claim("tenant_id", json!("+")).sign(),
            (4003, "", 403),
        ),
        (
            "two levels",
            t().claim("tenant_id", json!("a/b")).sign(),
            (4003, "", 403),
        ),
        (
            "control character",
            t().claim("tenant_id", json!("a\u{7}")).sign(),
            (4003, "", 403),
        ),
        (
            "long tenant",
            t().claim("tenant_id", json!("t".repeat(257))).sign(),
            (4003, "", 403),
        ),
        ("no access", t().without("realm_access").sign(), NO_ROLE),
        ("no roles", t().roles(&[]).sign(), NO_ROLE),
        (
            "foreign role",
            t().roles(&["admin", "CUSTOMER"]).sign(),
            NO_ROLE,
        ),
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
    let rest = format!(
        r#""realm_access":{{"roles":["other","operator-admin"]}},"exp":{}"#,
        now() + 600
    );
    for (claims, tenant) in [
        (r#""tenant_id":"T1""#, "T1"),
        (
            r#""organization":{"ZED":{},"ABLE":{}},"tenant_id":"T1""#,
            "ZED",
        ),
        (r#""organization":["","ORG","T2"],"tenant_id":"T1""#, "ORG"),
        (r#""organization":[7,"ORG"]"#, "ORG"),
        (r#""organization":"text","tenant_id":"T1""#, "T1"),
        (r#""tenant_id":"köln 7""#, "köln 7"),
    ] {
        let ws = gateway
            .ws_with(&token_of(&format!("{{{claims},{rest}}}")), "")
            .await;
        assert_eq!(ws.connected()["tenant_id"], tenant, "{claims}");
    }
}

#[tokio::test]
async fn a_token_comes_by_header_query_or_subprotocol_in_this_order() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let [header, query, protocol] =
        ["HEADER", "QUERY", "PROTOCOL"].map(|tenant| token(tenant).sign());
    let bearer = ("authorization", format!("Bearer {header}"));
    let protocols = (
        "sec-websocket-protocol",
        format!("floodway.v1, bearer.{protocol}"),
    );
    let with_query = format!("{WS_PATH}?token={query}");
    let open = async |path: &str, headers: &[(&str, String)]| {
        let mut ws = Ws::open(gateway.address(), path, headers)
            .await
            .expect("an upgrade");
        ws.read_connected().await;
        (
            ws.connected()["tenant_id"].clone(),
            ws.head().get("sec-websocket-protocol").cloned(),
        )
    };
    assert_eq!(
        open(WS_PATH, std::slice::from_ref(&bearer)).await.0,
        "HEADER"
    );
    assert_eq!(open(&with_query, &[]).await.0, "QUERY");
    let (tenant, chosen) = open(WS_PATH, std::slice::from_ref(&protocols)).await;
    assert_eq!(
        (tenant, chosen.expect("a subprotocol")),
        (json!("PROTOCOL"), "floodway.v1".parse().expect("a value"))
    );
    assert_eq!(
        open(&with_query, &[bearer, protocols.clone()]).await.0,
        "HEADER"
    );
    assert_eq!(open(&with_query, &[protocols]).await.0, "QUERY");

    let response = gateway
        .sse_response(None, &format!("token={query}"), &[])
        .await;
    assert_eq!(response.status(), 200);
    let bad = [("authorization", "Bearer bad".to_owned())];
    let mut ws = Ws::open(gateway.address(), &with_query, &bad)
        .await
        .expect("an upgrade");
    assert_eq!(
        ws.close_code().await.0,
        4001,
        "the header's token is the one that counts"
    );
}

#[tokio::test]
async fn a_foreign_origin_is_refused_before_the_upgrade() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker)
        .env("FLOODWAY_ALLOWED_ORIGINS", "https://app.example")
        .await;
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
        let headers = [
            ("authorization", format!("Bearer {good}")),
            ("origin", origin.to_owned()),
        ];
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
        let response = gateway
            .sse_response(Some(&good), "", &[("origin", origin)])
            .await;
        assert_eq!(
            response.status() == 200,
            allowed,
            "{origin}: {}",
            response.status()
        );
    }
}

#[tokio::test]
async fn any_origin_is_allowed_by_a_star() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker)
        .env("FLOODWAY_ALLOWED_ORIGINS", "*")
        .await;
    let headers = [
        ("authorization", format!("Bearer {}", token("T1").sign())),
        ("origin", "https://any.example".to_owned()),
    ];
    let mut ws = Ws::open(gateway.address(), WS_PATH, &headers)
        .await
        .expect("an upgrade");
    ws.read_connected().await;
}

#[tokio::test]
async fn a_race_for_the_last_places_is_exact() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let good = token("T1").sign();
    let websocket = async || {
        let mut ws = gateway.ws_unread(Some(&good), "").await;
        match ws.message().await {
            Ok(_connected) => (true, Some(ws), None),
            Err(closed) => {
                assert_eq!(
                    closed,
                    (
                        4029,
                        "Max streaming connections (10) reached for tenant".to_owned()
                    )
                );
                (false, None, None)
            }
        }
    };
    let sse = async || {
        let response = gateway.sse_response(Some(&good), "", &[]).await;
        if response.status() == 200 {
            return (true, None, Some(response));
        }
        assert_eq!(response.status(), 429);
        assert!(response.headers().contains_key("retry-after"));
        (false, None, None)
    };
    for round in 0..5 {
        let (sockets, streams) = tokio::join!(
            join_all((0..25).map(|_| websocket())),
            join_all((0..25).map(|_| sse()))
        );
        let places = sockets
            .iter()
            .chain(&streams)
            .filter(|(admitted, _, _)| *admitted)
            .count();
        assert_eq!(places, 10, "round {round}");
        assert_eq!(gateway.connections().await, 10);
        let mut other = gateway.ws("T2", "").await;
        other.send(r#"{"action":"ping"}"#).await;
        other.expect_json(json!({"type": "pong"})).await;
        drop((sockets, streams, other));
        gateway.has_connections(0).await;
    }
}

/// Begins a stream and ends it in one of the ways in which clients go.
async fn come_and_go(gateway: &Gateway, way: usize, good: &str) {
    let address: SocketAddr = gateway.address();
    let sse = format!("GET {SSE_PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {good}\r\n\r\n");
    match way {
        0 => gateway.ws("T1", "").await.close().await,
        1 => drop(gateway.ws("T1", "").await),
        2 => drop(gateway.sse("T1", "").await),
        3 => Raw::websocket(address, good, "").await.reset(),
        4 => {
            let mut half = Raw::connect(address).await;
            let request = upgrade_request(good, "");
            half.write(&request.as_bytes()[..request.len() / 2])
                .await
                .expect("it is accepted");
        }
        5 | 6 => {
            let mut unread = Raw::connect(address).await;
            let request = if way == 5 {
                upgrade_request(good, "")
            } else {
                sse
            };
            unread
                .write(request.as_bytes())
                .await
                .expect("it is accepted");
        }
        7 => {
            let mut reset = Raw::connect(address).await;
            reset
                .write(upgrade_request(good, "").as_bytes())
                .await
                .expect("it is accepted");
            reset.reset();
        }
        8 => {
            let mut half_closed = Raw::websocket(address, good, "").await;
            half_closed.finish().await;
            half_closed.read_to_end().await;
        }
        _ => {
            let mut broken = Raw::websocket(address, good, "").await;
            broken.write(&[0xff; 16]).await.expect("it is open");
            broken.read_to_end().await;
        }
    }
}

#[tokio::test]
async fn a_place_is_free_again_however_its_stream_ended() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker)
        .env("MAX_STREAM_CONNECTIONS_PER_TENANT", "3")
        .await;
    let good = token("T1").sign();
    for way in 0..10 {
        for _ in 0..5 {
            come_and_go(&gateway, way, &good).await;
            gateway.has_connections(0).await;
        }
        let all = [
            gateway.ws("T1", "").await,
            gateway.ws("T1", "").await,
            gateway.ws("T1", "").await,
        ];
        assert_eq!(
            gateway.ws_refused(Some(&good), "").await.0,
            4029,
            "after way {way}"
        );
        drop(all);
        gateway.has_connections(0).await;
    }
}

#[tokio::test]
async fn a_stream_ends_when_its_token_expires() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let short = token("T1").ttl(Duration::from_secs(3)).sign();
    let expiry = now() + 3;
    let (mut ws, mut sse) = (
        gateway.ws_with(&short, "").await,
        gateway.sse_with(&short, "").await,
    );
    let mut lasting = gateway.ws("T1", "").await;
    assert_eq!(
        ws.close_code().await,
        (4001, "Invalid or expired token".to_owned())
    );
    sse.ended().await;
    assert!(
        (expiry..=expiry + 6).contains(&now()),
        "{} s after the expiry",
        now() - expiry
    );
    broker.publisher().await.count("T1", "A", 0..1).await;
    lasting.expect_numbers(0..1).await;
}

#[tokio::test]
async fn a_refreshed_stream_lives_to_the_new_expiry() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let short = token("T1").ttl(Duration::from_secs(4)).sign();
    let (mut refreshed, mut left) = (
        gateway.ws_with(&short, "").await,
        gateway.ws_with(&short, "").await,
    );
    let longer = token("T1").expires_at(4_102_444_800).sign();
    let answer = refreshed
        .ask(json!({"action": "refresh", "token": longer}))
        .await;
    assert_eq!(
        answer,
        json!({"type": "refreshed", "expires_at": "2100-01-01T00:00:00Z"})
    );
    assert_eq!(left.close_code().await.0, 4001);
    gateway.has_connections(1).await;
    broker.publisher().await.count("T1", "A", 0..1).await;
    refreshed.expect_numbers(0..1).await;
}

#[tokio::test]
async fn a_refresh_cannot_change_the_tenant() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let mut ws = gateway.ws("T1", "").await;
    ws.send(json!({"action": "refresh", "token": token("T2").sign()}).to_string())
        .await;
    assert_eq!(ws.close_code().await.0, 4003);
    gateway.has_connections(0).await;
}

#[tokio::test]
async fn the_gateways_own_limit_holds_for_all_tenants_together() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker)
        .env("FLOODWAY_MAX_CONNECTIONS", "2")
        .await;
    let (first, _second) = (gateway.ws("T1", "").await, gateway.sse("T2", "").await);
    let third = token("T3").sign();
    assert_eq!(
        gateway.ws_refused(Some(&third), "").await,
        (1013, "Server at capacity".to_owned())
    );
    let response = gateway.sse_response(Some(&third), "", &[]).await;
    assert_eq!(response.status(), 503);
    assert!(response.headers().contains_key("retry-after"));
    drop(first);
    gateway.has_connections(1).await;
    gateway.ws("T3", "").await;
}

#[tokio::test]
async fn the_status_page_counts_both_transports() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let _streams = (
        gateway.ws("T1", "").await,
        gateway.sse("T1", "").await,
        gateway.sse("T2", "").await,
    );
    let response = gateway
        .http()
        .get(gateway.url(STATUS_PATH))
        .send()
        .await
        .expect("an answer");
    assert_eq!(
        response.text().await.expect("a body"),
        r#"{"total_connections":3,"max_per_tenant":10}"#
    );
}

#[tokio::test]
async fn no_limit_is_a_limit_of_zero() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker)
        .env("MAX_STREAM_CONNECTIONS_PER_TENANT", "0")
        .await;
    let streams = join_all((0..30).map(|_| gateway.ws("T1", ""))).await;
    assert_eq!(
        gateway.get(STATUS_PATH).await.1,
        json!({"total_connections": streams.len(), "max_per_tenant": 0})
    );
}

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
        gateway
            .ws_with(&token("T1").signed_with(algorithm, private).sign(), "")
            .await;
        for fake in [
            public.as_bytes(),
            public.trim().as_bytes(),
            SECRET.as_bytes(),
        ] {
            let forged = token("T1")
                .signed_with(Algorithm::HS256, EncodingKey::from_secret(fake))
                .sign();
            refused(
                &gateway,
                "an HMAC over the public key",
                Some(&forged),
                INVALID,
            )
            .await;
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
    gateway
        .ws_with(
            &good().claim("aud", json!(["other", "floodway"])).sign(),
            "",
        )
        .await;
    for (what, token, expected) in [
        ("no issuer", good().without("iss"), INVALID),
        (
            "another issuer",
            good().claim("iss", json!("https://evil.example")),
            INVALID,
        ),
        ("no audience", good().without("aud"), INVALID),
        (
            "another audience",
            good().claim("aud", json!("other")),
            INVALID,
        ),
        (
            "a role that is no longer one",
            good().roles(&["customer"]),
            NO_ROLE,
        ),
    ] {
        refused(&gateway, what, Some(&token.sign()), expected).await;
    }
}

#[tokio::test]
async fn audience_and_issuer_do_not_matter_where_none_is_configured() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    gateway
        .ws_with(
            &token("T1")
                .claim("aud", json!("account"))
                .claim("iss", json!("anyone"))
                .sign(),
            "",
        )
        .await;
}

#[tokio::test]
async fn a_token_is_never_logged() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).env("FLOODWAY_LOG", "debug").await;
    let [good, bad] = [token("T1").sign(), token("T1").expires_at(1).sign()];
    for token in [&good, &bad] {
        let by_header = gateway.ws_unread(Some(token), "").await;
        let by_query = gateway.ws_unread(None, &format!("token={token}")).await;
        let protocols = [(
            "sec-websocket-protocol",
            format!("floodway.v1, bearer.{token}"),
        )];
        let by_protocol = Ws::open(gateway.address(), WS_PATH, &protocols)
            .await
            .expect("an upgrade");
        for mut ws in [by_header, by_query, by_protocol] {
            // A message or a refusal: either way the gateway has judged the token.
            let _judged = ws.message().await;
        }
        gateway
            .sse_response(None, &format!("token={token}"), &[])
            .await;
    }
    for line in gateway.log() {
        for token in [&good, &bad] {
            let signature = token.rsplit('.').next().expect("a signature");
            assert!(!line.contains(signature), "a token is logged: {line}");
        }
    }
}
