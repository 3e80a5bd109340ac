//! What is kept of a tenant's events: how much, for how long, and where a loss of the source stands in it.

use floodway_tests::gateway::Launch;
use floodway_tests::{Broker, Gateway, Transport, upstream_gap, wait_until};

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
