//! What is kept of a tenant's events: how much, for how long, and where a loss of the source stands in it.

use floodway_tests::gateway::Launch;
use floodway_tests::proxy::Proxy;
use floodway_tests::stream::grows;
use floodway_tests::{Broker, Gateway, Transport, upstream_gap, wait_until};
use serde_json::json;

use crate::admin::{ask, sample};
use crate::resume::replay_gap;

/// A gateway that keeps no more than that.
fn replay(broker: &Broker, bound: &str, most: u64) -> Launch {
    Gateway::start(broker).env(&format!("FLOODWAY_REPLAY_{bound}"), most)
}

#[tokio::test]
async fn who_was_sent_a_gap_resumes_from_before_the_first_event_that_followed() {
    let broker = Broker::start().await;
    let gateway = replay(&broker, "EVENTS", 20).await;
    let mut publisher = broker.publisher().await;
    let mut witness = gateway.stream(Transport::WebSocket, "T1", "").await;
    publisher.count("T1", "A", 0..50).await;
    witness.expect_numbers(0..50).await;
    for transport in Transport::ALL {
        let mut late = gateway.resumed(transport, "T1", "", "1").await;
        late.expect_json(replay_gap()).await;
        let start = late.start_id();
        let first = late.expect_numbers(30..31).await;
        assert!(grows(&start, &first), "{transport:?}: {start} before {first}");
        // The event before it is not kept, but nothing that came after it is missing.
        let mut back = gateway.resumed(transport, "T1", "", &start).await;
        assert_eq!(back.start_id(), start, "{transport:?}");
        back.expect_numbers(30..50).await;
    }
}

#[tokio::test]
async fn of_more_events_than_are_kept_the_newest_come_behind_a_gap() {
    let broker = Broker::start().await;
    let gateway = replay(&broker, "EVENTS", 20).await;
    let mut publisher = broker.publisher().await;
    let mut stream = gateway.stream(Transport::Sse, "T1", "").await;
    publisher.count("T1", "A", 0..100).await;
    let early = stream.expect_numbers(0..10).await;
    let kept = stream.expect_numbers(10..81).await;
    stream.expect_numbers(81..100).await;
    for transport in Transport::ALL {
        let mut back = gateway.resumed(transport, "T1", "", &early).await;
        back.expect_replay_gap(70).await;
        back.expect_numbers(80..100).await;
        // Just within the bound.
        gateway.resumed(transport, "T1", "", &kept).await.expect_numbers(81..100).await;
    }
}

#[tokio::test]
async fn of_more_bytes_than_are_kept_the_newest_come_behind_a_gap() {
    const BYTES: u64 = 60_000;
    let broker = Broker::start().await;
    let gateway = replay(&broker, "BYTES", BYTES).env("STREAM_QUEUE_SIZE", "200").await;
    let mut publisher = broker.publisher().await;
    let mut stream = gateway.stream(Transport::Sse, "T1", "").await;
    let pad = "x".repeat(1000);
    for n in 0..200 {
        publisher.telemetry("T1", "A", json!({"metrics": {"n": n, "pad": pad}}).to_string()).await;
    }
    let early = stream.expect_numbers(0..10).await;
    stream.expect_numbers(10..200).await;
    for transport in Transport::ALL {
        let mut back = gateway.resumed(transport, "T1", "", &early).await;
        assert_eq!(back.next().await["reason"], "replay");
        let (first, _) = back.next_event().await;
        assert!((200 - BYTES / 1000..190).contains(&first), "{first}");
        back.expect_numbers(first + 1..200).await;
    }
}

#[tokio::test]
async fn what_is_older_than_is_kept_is_a_gap() {
    let broker = Broker::start().await;
    let gateway = replay(&broker, "SECONDS", 1).await;
    let mut publisher = broker.publisher().await;
    let mut stream = gateway.stream(Transport::WebSocket, "T1", "").await;
    publisher.count("T1", "A", 0..5).await;
    let early = stream.expect_numbers(0..1).await;
    stream.expect_numbers(1..5).await;
    wait_until("they are too old", async || {
        let mut back = gateway.resumed(Transport::WebSocket, "T1", "", &early).await;
        back.next().await["reason"] == "replay"
    })
    .await;
    for (transport, n) in Transport::ALL.into_iter().zip(5..) {
        let mut back = gateway.resumed(transport, "T1", "", &early).await;
        assert_eq!(back.next().await["reason"], "replay");
        publisher.count("T1", "A", n..n + 1).await;
        let (next, _) = back.next_event().await;
        assert!((5..=n).contains(&next), "{next} is no old one");
        back.expect_numbers(next + 1..n + 1).await;
    }
}

#[tokio::test]
async fn a_tenant_is_kept_for_a_while_after_its_last_subscriber_left() {
    let broker = Broker::start().await;
    let gateway = replay(&broker, "SECONDS", 2).env("FLOODWAY_MQTT_LINGER_SECONDS", "0").await;
    let mut publisher = broker.publisher().await;
    let mut away = Vec::new();
    for (transport, tenant) in Transport::ALL.into_iter().zip(["T1", "T2", "T3"]) {
        let mut stream = gateway.stream(transport, tenant, "").await;
        publisher.count(tenant, "A", 0..1).await;
        let id = stream.expect_numbers(0..1).await;
        drop(stream);
        gateway.has_connections(0).await;
        publisher.count(tenant, "A", 1..6).await;
        let mut back = gateway.resumed(transport, tenant, "", &id).await;
        away.push((transport, tenant, back.expect_numbers(1..6).await));
    }
    wait_until("all of them are given up", async || {
        let listed = ask(&gateway, "ListTenants", json!({})).await;
        !listed.to_string().contains(r#""subscribed":true"#)
    })
    .await;
    for (transport, tenant, id) in away {
        let mut back = gateway.resumed(transport, tenant, "", &id).await;
        back.expect_json(replay_gap()).await;
        publisher.count(tenant, "A", 7..8).await;
        back.expect_numbers(7..8).await;
    }
}

/// A gateway that is back soon when its broker is.
fn quick(broker: &Broker) -> Launch {
    Gateway::start(broker).env("FLOODWAY_MQTT_BACKOFF_MAX_SECONDS", "0.2")
}

#[tokio::test]
async fn a_stream_that_was_away_gets_the_loss_of_the_source_in_its_place() {
    let mut broker = Broker::start().await;
    let gateway = quick(&broker).await;
    let mut witness = gateway.stream(Transport::WebSocket, "T1", "").await;
    let begin = witness.start_id();
    let mut ids = vec![];
    for round in 0..3 {
        broker.publisher().await.count("T1", "A", round * 5..round * 5 + 5).await;
        ids.push(witness.expect_numbers(round * 5..round * 5 + 5).await);
        broker.stop();
        witness.ws().expect_upstream("down").await;
        broker.start_again().await;
        witness.expect_json(upstream_gap()).await;
        witness.ws().expect_upstream("up").await;
    }
    broker.publisher().await.count("T1", "A", 15..20).await;
    let mut newest = witness.expect_numbers(15..20).await;
    for transport in Transport::ALL {
        let mut whole = gateway.resumed(transport, "T1", "", &begin).await;
        for start in [0, 5, 10] {
            whole.expect_numbers(start..start + 5).await;
            whole.expect_json(upstream_gap()).await;
        }
        whole.expect_numbers(15..20).await;
        // Right before the second one.
        let mut half = gateway.resumed(transport, "T1", "", &ids[1]).await;
        half.expect_json(upstream_gap()).await;
        half.expect_numbers(10..15).await;
        half.expect_json(upstream_gap()).await;
        half.expect_numbers(15..20).await;
        // Whoever's filter matches nothing has missed something as well.
        let mut nothing = gateway.resumed(transport, "T1", "device_id=Z", &ids[1]).await;
        nothing.expect_json(upstream_gap()).await;
        nothing.expect_json(upstream_gap()).await;
        // Behind them all.
        let mut late = gateway.resumed(transport, "T1", "", &newest).await;
        broker.publisher().await.count("T1", "Z", 99..100).await;
        for stream in [&mut whole, &mut half, &mut nothing, &mut late] {
            stream.expect_numbers(99..100).await;
        }
        newest = witness.expect_numbers(99..100).await;
    }
}

#[tokio::test]
async fn who_comes_during_an_outage_is_refused_and_then_gets_its_place() {
    let mut broker = Broker::start().await;
    let gateway = quick(&broker).await;
    let mut witness = gateway.stream(Transport::Sse, "T1", "").await;
    broker.publisher().await.count("T1", "A", 0..5).await;
    let id = witness.expect_numbers(0..3).await;
    witness.expect_numbers(3..5).await;
    broker.stop();
    wait_until("the gateway takes no new streams", async || gateway.get("/readyz").await.0 == 503).await;
    let good = floodway_tests::token("T1").sign();
    let refused = gateway.ws_refused(Some(&good), &format!("last_event_id={id}")).await;
    assert_eq!(refused, (1013, "Broker unavailable".to_owned()));
    broker.start_again().await;
    gateway.is_ready().await;
    let mut back = gateway.resumed(Transport::WebSocket, "T1", "", &id).await;
    back.expect_numbers(3..5).await;
    back.expect_json(upstream_gap()).await;
    broker.publisher().await.count("T1", "A", 5..6).await;
    // That the source is back may have been reported behind `connected`.
    let mut next = back.next().await;
    if next["type"] == "upstream" {
        next = back.next().await;
    }
    assert_eq!(next["metrics"]["n"], 5, "{next}");
}

#[tokio::test]
async fn where_the_broker_kept_the_session_nothing_is_missing_and_no_gap_stands() {
    let broker = Broker::start().await;
    let proxy = Proxy::start(broker.port()).await;
    let launch = Gateway::start_at(&proxy.url()).env("FLOODWAY_MQTT_BACKOFF_MAX_SECONDS", "0.2");
    let launch = launch.env("FLOODWAY_MQTT_SESSION", "persistent");
    let gateway = launch.env("FLOODWAY_MQTT_CLIENT_ID", "the-gateway").await;
    let mut witness = gateway.stream(Transport::WebSocket, "T1", "").await;
    let (begin, mut publisher) = (witness.start_id(), broker.publisher().await);
    publisher.count("T1", "A", 0..5).await;
    witness.expect_numbers(0..5).await;
    proxy.cut().await;
    witness.ws().expect_upstream("down").await;
    publisher.count("T1", "A", 5..10).await;
    proxy.restore();
    witness.ws().expect_upstream("up").await;
    witness.expect_numbers(5..10).await;
    gateway.is_ready().await;
    for transport in Transport::ALL {
        let mut back = gateway.resumed(transport, "T1", "", &begin).await;
        back.expect_numbers(0..10).await;
    }
}

#[tokio::test]
async fn all_tenants_share_one_budget_and_who_needs_it_least_gives_up_first() {
    const TOTAL: u64 = 2_000_000;
    let broker = Broker::start().await;
    let gateway = replay(&broker, "TOTAL_BYTES", TOTAL).await;
    let mut publisher = broker.publisher().await;
    let payload = |n: u64| json!({"metrics": {"n": n, "pad": "x".repeat(10_000)}}).to_string();
    let mut left = gateway.stream(Transport::Sse, "LEFT", "").await;
    let begin = left.start_id();
    for n in 0..20 {
        publisher.telemetry("LEFT", "A", payload(n)).await;
    }
    left.expect_numbers(0..20).await;
    let mut back = gateway.resumed(Transport::WebSocket, "LEFT", "", &begin).await;
    back.expect_numbers(0..20).await;
    drop((left, back));
    gateway.has_connections(0).await;
    let (mut busy, mut ids) = (gateway.stream(Transport::Sse, "BUSY", "").await, Vec::new());
    for n in 0..300 {
        publisher.telemetry("BUSY", "A", payload(n)).await;
        ids.push(busy.expect_numbers(n..n + 1).await);
    }
    for transport in Transport::ALL {
        gateway.resumed(transport, "BUSY", "", &ids[290]).await.expect_numbers(291..300).await;
        for (tenant, id) in [("BUSY", &ids[0]), ("LEFT", &begin)] {
            let first = gateway.resumed(transport, tenant, "", id).await.next().await;
            assert_eq!(first["reason"], "replay", "{tenant}");
        }
    }
    let held: u64 = sample(&gateway, "replay_bytes").await.parse().expect("a number");
    assert!((TOTAL / 4..=TOTAL).contains(&held), "{held} bytes are held");
}
