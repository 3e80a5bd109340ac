//! The way in: brokers that go and come back, messages that nobody should have sent, and that live means live.

use floodway_tests::broker::free_port;
use floodway_tests::{Answer, Broker, Gateway, ScriptedBroker, Sse, Ws, token, upstream_gap, wait_until};
use futures_util::future::join_all;
use serde_json::json;

use crate::control::quick;

async fn is_unready(gateway: &Gateway) {
    wait_until("the gateway takes no new streams", async || gateway.get("/readyz").await.0 == 503).await;
}

async fn five_of_each(gateway: &Gateway) -> (Vec<Ws>, Vec<Sse>) {
    let (mut sockets, mut streams) = (Vec::new(), Vec::new());
    for _ in 0..5 {
        sockets.push(gateway.ws("T1", "").await);
        streams.push(gateway.sse("T1", "").await);
    }
    (sockets, streams)
}

#[tokio::test]
async fn streams_outlive_their_broker_and_are_told_of_the_gap() {
    let mut broker = Broker::start().await;
    let gateway = quick(&broker).await;
    let (mut sockets, mut streams) = five_of_each(&gateway).await;
    for round in 0..2 {
        broker.publisher().await.count("T1", "A", round..round + 1).await;
        for ws in &mut sockets {
            ws.expect_numbers(round..round + 1).await;
        }
        for sse in &mut streams {
            sse.expect_numbers(round..round + 1).await;
        }
        broker.stop();
        // Reported as soon as the broker is lost, and as soon as it is back, not with the next event.
        for ws in &mut sockets {
            ws.expect_upstream("down").await;
        }
        for sse in &mut streams {
            sse.expect_upstream("down").await;
        }
        is_unready(&gateway).await;
        assert_eq!(gateway.connections().await, 10, "live streams stay");
        broker.start_again().await;
        for ws in &mut sockets {
            ws.expect_json(upstream_gap()).await;
            ws.expect_upstream("up").await;
        }
        for sse in &mut streams {
            assert_eq!(sse.expect_named("gap").await, upstream_gap());
            sse.expect_upstream("up").await;
        }
    }
    broker.publisher().await.count("T1", "A", 9..10).await;
    sockets[0].expect_numbers(9..10).await;
    streams[0].expect_numbers(9..10).await;
}

#[tokio::test]
async fn without_a_broker_nobody_new_is_taken() {
    let mut broker = Broker::start().await;
    broker.stop();
    let gateway = quick(&broker).unready().await;
    let good = token("T1").sign();
    assert_eq!(gateway.ws_refused(Some(&good), "").await, (1013, "Broker unavailable".to_owned()));
    let response = gateway.sse_response(Some(&good), "", &[]).await;
    assert_eq!(response.status(), 503);
    assert!(response.headers().contains_key("retry-after"));
    let (status, reason) = gateway.get("/readyz").await;
    assert_eq!(status, 503);
    assert!(reason.to_string().to_lowercase().contains("broker"), "the reason is told: {reason}");
    assert_eq!(gateway.get("/livez").await.0, 200);
    assert_eq!(gateway.ws_refused(None, "").await.0, 4001, "the token is judged first");
    assert_eq!(gateway.connections().await, 0);

    broker.start_again().await;
    gateway.is_ready().await;
    let mut ws = gateway.ws("T1", "").await;
    broker.publisher().await.count("T1", "A", 0..1).await;
    ws.expect_numbers(0..1).await;
}

#[tokio::test]
async fn oversized_and_poisoned_messages_do_not_stop_the_stream() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let mut ws = gateway.ws("T1", "").await;
    let mut publisher = broker.publisher().await;
    for (n, size) in [9_000, 10_300, 12_000, 120_000, 140_000, 250_000, 300_000, 900_000]
        .into_iter()
        .enumerate()
    {
        let payload = json!({"metrics": {"pad": "x".repeat(size)}}).to_string();
        let fits = payload.len() <= 128 * 1024;
        publisher.telemetry("T1", "A", payload).await;
        if fits {
            assert!(ws.next_event().await["metrics"]["pad"].as_str().is_some_and(|pad| pad.len() == size));
        }
        let deep = format!("{{\"metrics\":{{\"a\":{}{}}}}}", "[".repeat(5000), "]".repeat(5000));
        publisher.telemetry("T1", "A", deep).await;
        publisher.telemetry("T1", "A", [0xff, 0xfe, 0x00]).await;
        let n = n as u64;
        publisher.count("T1", "A", n..n + 1).await;
        ws.expect_numbers(n..n + 1).await;
    }
}

#[tokio::test]
async fn brokers_are_tried_in_turn() {
    let (mut first, second) = (Broker::start().await, Broker::start().await);
    let dead = format!("mqtt://127.0.0.1:{}", free_port());
    let urls = format!("{dead},{},{}", first.url(), second.url());
    let gateway = Gateway::start_at(&urls).env("FLOODWAY_MQTT_BACKOFF_MAX_SECONDS", "0.5").await;
    let mut ws = gateway.ws("T1", "").await;
    first.publisher().await.count("T1", "A", 0..1).await;
    ws.expect_numbers(0..1).await;
    first.stop();
    ws.expect_outage().await;
    second.publisher().await.count("T1", "A", 1..2).await;
    ws.expect_numbers(1..2).await;
}

#[tokio::test]
async fn one_subscription_for_all_serves_every_tenant() {
    let mut broker = Broker::start().await;
    let gateway = quick(&broker).env("FLOODWAY_MQTT_SUBSCRIBE", "all").await;
    let (mut one, mut two) = (gateway.ws("T1", "").await, gateway.sse("T2", "").await);
    let mut publisher = broker.publisher().await;
    publisher.count("T3", "A", 0..10).await;
    publisher.count("T1", "A", 10..20).await;
    publisher.count("T2", "A", 20..30).await;
    one.expect_numbers(10..20).await;
    two.expect_numbers(20..30).await;
    broker.stop();
    is_unready(&gateway).await;
    broker.start_again().await;
    one.expect_outage().await;
    broker.publisher().await.count("T1", "A", 30..31).await;
    one.expect_numbers(30..31).await;
}

#[tokio::test]
async fn fifty_tenants_at_once_are_all_subscribed() {
    let mut broker = Broker::start().await;
    let gateway = quick(&broker).await;
    let names: Vec<String> = (0..50).map(|n| format!("TENANT{n}")).collect();
    let mut streams = join_all(names.iter().map(|tenant| gateway.ws(tenant, ""))).await;
    let mut publisher = broker.publisher().await;
    for (n, tenant) in (0..).zip(&names) {
        publisher.count(tenant, "A", n..n + 1).await;
    }
    for (n, ws) in (0..).zip(&mut streams) {
        ws.expect_numbers(n..n + 1).await;
    }
    broker.stop();
    is_unready(&gateway).await;
    broker.start_again().await;
    for ws in &mut streams {
        ws.expect_outage().await;
    }
    let mut publisher = broker.publisher().await;
    for (n, tenant) in (100..).zip(&names) {
        publisher.count(tenant, "A", n..n + 1).await;
    }
    for (n, ws) in (100..).zip(&mut streams) {
        ws.expect_numbers(n..n + 1).await;
    }
}

#[tokio::test]
async fn whatever_is_published_after_connected_arrives() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let mut publisher = broker.publisher().await;
    for n in 0..40 {
        let tenant = format!("LIVE{n}");
        let mut ws = gateway.ws(&tenant, "").await;
        publisher.count(&tenant, "A", n..n + 1).await;
        ws.expect_numbers(n..n + 1).await;
        let mut sse = gateway.sse(&tenant, "").await;
        publisher.count(&tenant, "A", n + 1..n + 2).await;
        sse.expect_numbers(n + 1..n + 2).await;
    }
}

#[tokio::test]
async fn a_tenant_that_comes_back_within_or_after_the_linger_is_live() {
    let broker = Broker::start_with("log_type all").await;
    let launch = Gateway::start(&broker).env("FLOODWAY_MQTT_LINGER_SECONDS", "0.3");
    let gateway = launch.env("FLOODWAY_REPLAY_SECONDS", "0.3").await;
    let mut publisher = broker.publisher().await;
    for n in 0..30 {
        let mut ws = gateway.ws("T1", "").await;
        publisher.count("T1", "A", n..n + 1).await;
        ws.expect_numbers(n..n + 1).await;
        drop(ws);
        gateway.has_connections(0).await;
    }
    wait_until("the tenant is unsubscribed", async || broker.logged(&["UNSUBSCRIBE from floodway"])).await;
    let mut ws = gateway.ws("T1", "").await;
    publisher.count("T1", "A", 99..100).await;
    ws.expect_numbers(99..100).await;
}

#[tokio::test]
async fn only_tenants_with_subscribers_are_subscribed() {
    let broker = Broker::start_with("log_type all").await;
    let gateway = Gateway::start(&broker).await;
    let _ws = gateway.ws("T1", "").await;
    // Its log is read by another thread, and may lag.
    wait_until("T1 is subscribed", async || broker.logged(&["tenant/T1/device/+/telemetry"])).await;
    assert!(!broker.logged(&["tenant/+/"]), "and nobody else");
}

#[tokio::test]
async fn user_name_and_password_open_the_broker() {
    let broker = Broker::start_with_password("gateway", "open sesame").await;
    let stranger = quick(&broker).unready().await;
    let launch = quick(&broker).env("MQTT_USERNAME", "gateway").env("MQTT_PASSWORD", "open sesame");
    let mut gateway = launch.env("FLOODWAY_LOG", "debug").await;
    gateway.ws("T1", "").await;
    assert_eq!(stranger.get("/readyz").await.0, 503);
    gateway.terminate();
    gateway.exit_code().await;
    assert!(gateway.log().iter().all(|line| !line.contains("sesame")), "the password is logged");
}

#[tokio::test]
async fn quality_of_service_1_delivers_in_order_as_well() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker)
        .env("FLOODWAY_MQTT_QOS", "1")
        .env("STREAM_QUEUE_SIZE", "2000")
        .await;
    let mut ws = gateway.ws("T1", "").await;
    broker.publisher().await.count("T1", "A", 0..1000).await;
    ws.expect_numbers(0..1000).await;
}

#[tokio::test]
async fn live_streams_whose_tenant_is_refused_are_told_and_counted_until_the_right_returns() {
    let broker = ScriptedBroker::start().await;
    let gateway = Gateway::start_at(&broker.url()).env("FLOODWAY_MQTT_BACKOFF_MAX_SECONDS", "0.5").await;
    let (mut ws, mut sse) = (gateway.ws("T1", "").await, gateway.sse("T1", "").await);
    let mut other = gateway.ws("T2", "").await;
    broker.on_subscribe(|filters| {
        let code = |filter: &String| if filter.contains("/T1/") { 0x87 } else { 0 };
        Answer::Codes(filters.iter().map(code).collect())
    });
    broker.cut();
    ws.expect_upstream("down").await;
    ws.expect_json(upstream_gap()).await;
    ws.expect_upstream("refused").await;
    sse.expect_upstream("down").await;
    assert_eq!(sse.expect_named("gap").await, upstream_gap());
    sse.expect_upstream("refused").await;
    other.expect_outage().await;
    broker.count("T2", "A", 0..1);
    other.expect_numbers(0..1).await;
    let refused = |gateway| crate::admin::sample(gateway, "streams_refused_upstream");
    assert_eq!(refused(&gateway).await, "2");
    let tenant = crate::admin::ask(&gateway, "GetTenant", json!({"tenant_id": "T1"})).await;
    let tenant = &tenant["tenant"];
    let reason = tenant["upstream_refusal"].as_str().expect("a sentence");
    assert!(reason.starts_with("not authorized (0x87)"), "{reason}");
    assert_eq!(tenant["subscribed"], false);

    broker.on_subscribe(|_| Answer::Good);
    ws.expect_json(upstream_gap()).await;
    ws.expect_upstream("up").await;
    assert_eq!(sse.expect_named("gap").await, upstream_gap());
    sse.expect_upstream("up").await;
    assert_eq!(refused(&gateway).await, "0");
    broker.count("T1", "A", 0..1);
    ws.expect_numbers(0..1).await;
    sse.expect_numbers(0..1).await;
    other.send(r#"{"action":"ping"}"#).await;
    assert_eq!(other.next().await["type"], "pong", "the other heard nothing more");
}
