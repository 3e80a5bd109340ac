//! A stream lives as long as its token, or the token that it was refreshed with.

use std::time::Duration;

use floodway_tests::stream::h2_client;
use floodway_tests::token::now;
use floodway_tests::{Broker, Gateway, SSE_PATH, Sse, token};
use serde_json::json;

#[tokio::test]
async fn a_stream_ends_when_its_token_expires() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let short = token("T1").ttl(Duration::from_secs(3)).sign();
    let expiry = now() + 3;
    let (mut ws, mut sse) = (gateway.ws_with(&short, "").await, gateway.sse_with(&short, "").await);
    let mut lasting = gateway.ws("T1", "").await;
    assert_eq!(ws.close_code().await, (4001, "Invalid or expired token".to_owned()));
    let expired = sse.expect_named("expired").await;
    let detail = "Invalid or expired token";
    assert_eq!(expired, json!({"type": "expired", "detail": detail}));
    assert_eq!(sse.take().await, None);
    assert!((expiry..=expiry + 6).contains(&now()), "{} s after the expiry", now() - expiry);
    broker.publisher().await.count("T1", "A", 0..1).await;
    lasting.expect_numbers(0..1).await;
}

#[tokio::test]
async fn over_http_2_an_expired_stream_is_told_so_as_well() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let request = h2_client().get(gateway.url(SSE_PATH));
    let short = token("T1").ttl(Duration::from_secs(2)).sign();
    let response = request.bearer_auth(short).send().await.expect("an answer");
    assert_eq!(response.version(), http::Version::HTTP_2);
    let mut sse = Sse::of(response);
    sse.read_connected().await;
    assert_eq!(sse.expect_named("expired").await["type"], "expired");
    assert_eq!(sse.take().await, None);
}

#[tokio::test]
async fn a_refreshed_stream_lives_to_the_new_expiry() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let short = token("T1").ttl(Duration::from_secs(4)).sign();
    let (mut refreshed, mut left) = (gateway.ws_with(&short, "").await, gateway.ws_with(&short, "").await);
    let longer = token("T1").expires_at(4_102_444_800).sign();
    let answer = refreshed.ask(json!({"action": "refresh", "token": longer})).await;
    assert_eq!(answer, json!({"type": "refreshed", "expires_at": "2100-01-01T00:00:00Z"}));
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
    ws.send(json!({"action": "refresh", "token": token("T2").sign()}).to_string()).await;
    assert_eq!(ws.close_code().await.0, 4003);
    gateway.has_connections(0).await;
}
