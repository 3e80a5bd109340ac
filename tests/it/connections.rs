//! Tenants that are split over several connections to the broker.

use floodway_tests::publisher::topic;
use floodway_tests::{Broker, Gateway, wait_until};

#[tokio::test]
async fn each_tenant_has_one_of_several_connections_and_keeps_its_order() {
    let mut broker = Broker::start().await;
    let launch = Gateway::start(&broker).env("FLOODWAY_MQTT_CONNECTIONS", 3);
    let gateway = launch.env("FLOODWAY_MQTT_BACKOFF_MAX_SECONDS", "0.2").await;
    for id in ["-1of3", "-2of3", "-3of3"] {
        wait_until(&format!("{id} is connected"), async || broker.logged(&["New client connected", id])).await;
    }
    let tenants: Vec<String> = (0..12).map(|n| format!("T{n}")).collect();
    let mut streams = Vec::new();
    for tenant in &tenants {
        streams.push(gateway.ws(tenant, "").await);
    }
    publish(&broker, &tenants, 200).await;
    for ws in &mut streams {
        ws.expect_numbers(0..200).await;
        assert_eq!(ws.ask(serde_json::json!({"action": "ping"})).await["type"], "pong", "nothing comes twice");
    }
    broker.stop();
    broker.start_again().await;
    for ws in &mut streams {
        ws.expect_outage().await;
    }
    publish(&broker, &tenants, 5).await;
    for ws in &mut streams {
        ws.expect_numbers(0..5).await;
    }
}

/// The numbers up to `count` for each tenant, in turn.
async fn publish(broker: &Broker, tenants: &[String], count: u64) {
    let mut publisher = broker.publisher().await;
    for n in 0..count {
        for tenant in tenants {
            let payload = format!(r#"{{"metrics":{{"n":{n}}}}}"#);
            publisher.send(&topic(tenant, "A"), payload).await;
        }
    }
    publisher.settled().await;
}
