//! Keys that an identity provider publishes: one that is away at the start, and one that rotates them.

use floodway_tests::gateway::Launch;
use floodway_tests::provider::Provider;
use floodway_tests::{Broker, Gateway, token};

use super::{INVALID, refused};

/// A provider with the keys `a` and `b`, of which it publishes none yet.
async fn provider() -> Provider {
    let pem = || {
        let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256);
        pair.expect("a key pair").serialize_pem()
    };
    Provider::away(&[("a", &pem()), ("b", &pem())]).await
}

fn of(broker: &Broker, provider: &Provider) -> Launch {
    let launch = Gateway::start(broker).without("FLOODWAY_JWT_SECRET");
    launch.env("FLOODWAY_JWKS_URL", provider.url())
}

const NO_KEYS: (u16, &str, u16) = (1013, "Verification keys unavailable", 503);

#[tokio::test]
async fn a_provider_that_is_away_at_the_start_is_asked_until_it_answers() {
    let (broker, provider) = (Broker::start().await, provider().await);
    let gateway = of(&broker, &provider).unready().await;
    let token = provider.sign(token("T1"), "a");
    refused(&gateway, "no keys yet", Some(&token), NO_KEYS).await;
    let response = gateway.sse_response(Some(&token), "", &[]).await;
    assert!(response.headers().contains_key("retry-after"));
    let (status, body) = gateway.get("/readyz").await;
    assert_eq!(status, 503);
    assert!(body.to_string().contains("auth.jwks_url"), "{body}");
    assert_eq!(body["reason"], "no_keys");
    assert_eq!(gateway.get("/livez").await.0, 200);

    provider.publish(&["a"]);
    gateway.is_ready().await;
    gateway.ws_with(&token, "").await;
}

#[tokio::test]
async fn the_first_token_of_a_new_key_is_good_on_either_transport() {
    let (broker, provider) = (Broker::start().await, provider().await);
    provider.publish(&["a"]);
    let gateway = of(&broker, &provider).await;
    let [by_a, by_b] = ["a", "b"].map(|key| provider.sign(token("T1"), key));
    gateway.ws_with(&by_a, "").await;
    // The keys were fetched just before.
    provider.publish(&["b"]);
    let (mut ws, mut sse) = tokio::join!(gateway.ws_with(&by_b, ""), gateway.sse_with(&by_b, ""));
    refused(&gateway, "a withdrawn key", Some(&by_a), INVALID).await;
    broker.publisher().await.count("T1", "A", 0..1).await;
    ws.expect_numbers(0..1).await;
    sse.expect_numbers(0..1).await;
}

#[tokio::test]
async fn a_withdrawn_key_counts_no_more_though_nobody_brings_a_new_one() {
    let (broker, provider) = (Broker::start().await, provider().await);
    provider.publish(&["a"]);
    let launch = of(&broker, &provider).env("FLOODWAY_AUTH_JWKS_REFRESH_SECONDS", "10");
    let gateway = launch.await;
    let by_a = provider.sign(token("T1"), "a");
    gateway.ws_with(&by_a, "").await;
    provider.publish(&["b"]);
    floodway_tests::wait_until("the key is refused", async || {
        gateway.sse_response(Some(&by_a), "", &[]).await.status() == 401
    })
    .await;
}

#[tokio::test]
async fn a_live_stream_is_refreshed_with_a_token_of_a_new_key() {
    let (broker, provider) = (Broker::start().await, provider().await);
    provider.publish(&["a"]);
    let gateway = of(&broker, &provider).await;
    let mut ws = gateway.ws_with(&provider.sign(token("T1"), "a"), "").await;
    provider.publish(&["b"]);
    let longer = provider.sign(token("T1").expires_at(4_102_444_800), "b");
    let refresh = serde_json::json!({"action": "refresh", "token": longer});
    assert_eq!(ws.ask(refresh.clone()).await["type"], "error");
    floodway_tests::wait_until("the key is known", async || ws.ask(refresh.clone()).await["type"] == "refreshed").await;
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (broker, provider, elsewhere) = (Broker::start().await, provider().await, provider().await);
    elsewhere.publish(&["a"]);
    provider.redirect(&elsewhere.url());
    let gateway = of(&broker, &provider).unready().await;
    let token = elsewhere.sign(token("T1"), "a");
    refused(&gateway, "keys of elsewhere", Some(&token), NO_KEYS).await;
    let log = gateway.log().join("\n");
    assert!(log.contains("302 Found; a redirect is not followed"), "{log}");
}
