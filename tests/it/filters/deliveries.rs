//! Which events pass which filters.
//!
//! One shard where a second stream bears witness: what it has received has passed the first one by.

use floodway_tests::{Broker, Gateway, Publisher, Ws};
use serde_json::json;

use super::filters;

async fn one_shard(broker: &Broker) -> Gateway {
    Gateway::start(broker).env("FLOODWAY_SHARD_COUNT", "1").await
}

/// Publishes one event for each of `devices`, lets `witness` read them all, and returns what of them `ws` received.
async fn received(publisher: &mut Publisher, devices: &[&str], witness: &mut Ws, ws: &mut Ws) -> Vec<String> {
    for device in devices {
        publisher.telemetry("T1", device, r#"{"metrics":{"n":1}}"#).await;
        assert_eq!(witness.next_event().await["device_id"], *device);
    }
    ws.send(r#"{"action":"ping"}"#).await;
    let mut received = Vec::new();
    loop {
        let message = ws.next().await;
        match message["type"].as_str() {
            Some("telemetry") => received.push(message["device_id"].as_str().expect("an id").to_owned()),
            _ => {
                assert_eq!(message, json!({"type": "pong"}));
                return received;
            }
        }
    }
}

#[tokio::test]
async fn filters_of_the_query_hold_from_the_first_event() {
    let broker = Broker::start().await;
    let gateway = one_shard(&broker).await;
    let mut publisher = broker.publisher().await;
    let mut witness = gateway.ws("T1", "").await;
    for (query, told, expected) in [
        ("", filters(&[], &[], &[]), &["A", "B", "köln 7"][..]),
        ("device_id=A", filters(&["A"], &[], &[]), &["A"]),
        ("device_id=A,B", filters(&["A", "B"], &[], &[]), &["A", "B"]),
        ("device_id=k%C3%B6ln%207", filters(&["köln 7"], &[], &[]), &["köln 7"]),
        ("device_id=B&group_id=G", filters(&["B"], &["G"], &[]), &["B"]),
        ("group_id=G", filters(&[], &["G"], &[]), &[]),
        ("metric=n,m", filters(&[], &[], &["n", "m"]), &["A", "B", "köln 7"]),
        ("metric=m", filters(&[], &[], &["m"]), &[]),
    ] {
        let mut ws = gateway.ws("T1", query).await;
        assert_eq!(ws.connected()["filters"], told, "{query}");
        let received = received(&mut publisher, &["A", "B", "köln 7"], &mut witness, &mut ws).await;
        assert_eq!(received, expected, "{query}");
    }
}

#[tokio::test]
async fn sse_takes_the_same_filters() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let mut sse = gateway.sse("T1", "device_id=A,B&metric=n").await;
    assert_eq!(sse.connected()["filters"], filters(&["A", "B"], &[], &["n"]));
    let mut publisher = broker.publisher().await;
    for (device, n) in [("C", 1), ("A", 2), ("C", 3), ("B", 4)] {
        publisher.telemetry("T1", device, format!(r#"{{"metrics":{{"m":0,"n":{n}}}}}"#)).await;
    }
    for n in [2, 4] {
        assert_eq!(sse.next_event().await["metrics"], json!({"n": n}));
    }
}

#[tokio::test]
async fn unsubscribing_from_the_last_leaves_nothing_and_clearing_gives_everything() {
    let broker = Broker::start().await;
    let gateway = one_shard(&broker).await;
    let mut publisher = broker.publisher().await;
    let mut witness = gateway.ws("T1", "").await;
    let mut ws = gateway.ws("T1", "device_id=A&metric=n").await;
    assert_eq!(received(&mut publisher, &["A", "B"], &mut witness, &mut ws).await, ["A"]);
    ws.ask(json!({"action": "unsubscribe", "device_id": "A"})).await;
    assert_eq!(received(&mut publisher, &["A", "B"], &mut witness, &mut ws).await, [""; 0]);
    ws.ask(json!({"action": "subscribe", "device_id": "B"})).await;
    assert_eq!(received(&mut publisher, &["A", "B"], &mut witness, &mut ws).await, ["B"]);
    ws.ask(json!({"action": "clear_filters"})).await;
    assert_eq!(received(&mut publisher, &["A", "B"], &mut witness, &mut ws).await, ["A", "B"]);
    let told = ws.ask(json!({"action": "get_filters"})).await;
    assert_eq!(told["filters"], filters(&[], &[], &[]), "devices, groups and metrics are cleared");
}

#[tokio::test]
async fn a_group_that_nobody_defined_has_no_members() {
    let broker = Broker::start().await;
    let gateway = one_shard(&broker).await;
    let mut publisher = broker.publisher().await;
    let mut witness = gateway.ws("T1", "").await;
    let mut ws = gateway.ws("T1", "").await;
    ws.ask(json!({"action": "subscribe", "group_id": "G"})).await;
    assert_eq!(received(&mut publisher, &["A", "G"], &mut witness, &mut ws).await, [""; 0]);
}

#[tokio::test]
async fn metrics_are_narrowed_in_the_devices_order() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let mut publisher = broker.publisher().await;
    let mut narrow = gateway.ws("T1", "metric=c,a").await;
    let mut all = gateway.ws("T1", "").await;
    let payload = r#"{"metrics":{"a":1.0,"b":2.0,"c":3.0,"a b":4.0},"ts":7}"#;
    publisher.telemetry("T1", "A", payload).await;
    assert!(narrow.text().await.contains(r#""metrics":{"a":1.0,"c":3.0},"timestamp":7"#));
    assert!(
        all.text()
            .await
            .contains(r#""metrics":{"a":1.0,"b":2.0,"c":3.0,"a b":4.0},"timestamp":7"#)
    );

    narrow.ask(json!({"action": "set_metrics", "metrics": ["a b", "zzz"]})).await;
    publisher.telemetry("T1", "A", r#"{"metrics":{"a":1.0}}"#).await;
    publisher.telemetry("T1", "A", payload).await;
    assert_eq!(narrow.next_event().await["metrics"], json!({"a b": 4.0}), "an event with none of them is not sent");

    narrow.ask(json!({"action": "set_metrics", "metrics": []})).await;
    publisher.telemetry("T1", "A", r#"{"metrics":{}}"#).await;
    assert_eq!(narrow.next_event().await["metrics"], json!({}), "all metrics again, even none");
}

#[tokio::test]
async fn a_metric_is_found_however_the_device_spelled_it() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let mut ws = gateway.ws("T1", "metric=k%C3%B6ln,a%22b").await;
    let payload = r#"{"metrics":{"k\u00f6ln":1.0,"x":2,"a\"b":3.0}}"#;
    broker.publisher().await.telemetry("T1", "A", payload).await;
    assert_eq!(ws.next_event().await["metrics"], json!({"köln": 1.0, "a\"b": 3.0}));
}
