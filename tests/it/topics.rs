//! Topics and payloads of other forms, by setting, on both ways to subscribe; and `check --sample`, which tells what they become.

use floodway_tests::gateway::{Launch, floodway_run};
use floodway_tests::token::SECRET;
use floodway_tests::{Broker, Gateway, Ws, token};
use serde_json::json;

use crate::settings::file;

const MODES: [&str; 2] = ["on_demand", "all"];

fn gateway(broker: &Broker, mode: &str, topics: &str) -> Launch {
    Gateway::start(broker)
        .env("FLOODWAY_MQTT_SUBSCRIBE", mode)
        .env("FLOODWAY_MQTT_TOPICS", topics)
}

/// Device, metrics, timestamp and topic of the next event.
async fn next(ws: &mut Ws) -> (String, String, String, String) {
    let event = ws.next_event().await;
    let text = |key: &str| event[key].as_str().expect("a text").to_owned();
    (text("device_id"), event["metrics"].to_string(), event["timestamp"].to_string(), text("topic"))
}

fn seen(device: &str, metrics: &str, timestamp: &str, topic: &str) -> (String, String, String, String) {
    (device.to_owned(), metrics.to_owned(), timestamp.to_owned(), topic.to_owned())
}

#[tokio::test]
async fn topics_without_a_tenant_are_of_the_one_that_is_set() {
    for mode in MODES {
        let broker = Broker::start().await;
        let gateway = gateway(&broker, mode, "site/{device}/+/data").env("FLOODWAY_MQTT_TENANT", "ACME").await;
        let mut ws = gateway.ws("ACME", "").await;
        let mut publisher = broker.publisher().await;
        for topic in ["tenant/ACME/device/A/telemetry", "site/A/x/y/data", "site/A/x/status", "site/A/hall 7/data"] {
            publisher.send(topic, r#"{"metrics":{"t":1},"ts":5}"#).await;
        }
        publisher.settled().await;
        assert_eq!(next(&mut ws).await, seen("A", r#"{"t":1}"#, "5", "site/A/hall 7/data"), "{mode}");
    }
}

#[tokio::test]
async fn a_tenant_that_no_topic_names_is_refused_and_the_log_names_the_setting() {
    let broker = Broker::start().await;
    let gateway = gateway(&broker, "on_demand", "site/{device}/+/data")
        .env("FLOODWAY_MQTT_TENANT", "ACME")
        .await;
    let refused = gateway.ws_refused(Some(&token("OTHER").sign()), "").await;
    assert_eq!(refused, (4003, "Not authorized at the broker".to_owned()));
    assert!(
        gateway
            .log()
            .iter()
            .any(|line| line.contains("tenant refused") && line.contains("mqtt.tenant"))
    );
    assert_eq!(gateway.get("/readyz").await.0, 200);
}

#[tokio::test]
async fn of_two_templates_each_brings_its_events_and_in_order() {
    for mode in MODES {
        let broker = Broker::start().await;
        let topics = "tenant/{tenant}/device/{device}/telemetry,plant/+/{tenant}/{device}";
        let gateway = gateway(&broker, mode, topics).await;
        let (mut one, mut two) = (gateway.ws("T1", "").await, gateway.ws("T2", "").await);
        let mut publisher = broker.publisher().await;
        for n in 0..20 {
            let topic = if n % 2 == 0 { "tenant/T1/device/A/telemetry" } else { "plant/north/T1/A" };
            publisher.send(topic, format!(r#"{{"metrics":{{"n":{n}}}}}"#)).await;
        }
        publisher.send("plant/south/T2/B", r#"{"metrics":{"n":7}}"#).await;
        publisher.settled().await;
        one.expect_numbers(0..20).await;
        two.expect_numbers(7..8).await;
    }
}

#[tokio::test]
async fn a_message_that_fits_two_templates_comes_once_by_the_first() {
    for mode in MODES {
        let broker = Broker::start().await;
        let gateway = gateway(&broker, mode, "{tenant}/{device}/state,{tenant}/{device}/{metric}").await;
        let mut ws = gateway.ws("T1", "").await;
        let mut publisher = broker.publisher().await;
        publisher.send("T1/A/state", r#"{"metrics":{"on":true}}"#).await;
        publisher.send("T1/A/state", "7").await;
        publisher.send("T1/A/level", "7").await;
        publisher.settled().await;
        assert_eq!(next(&mut ws).await, seen("A", r#"{"on":true}"#, "null", "T1/A/state"));
        assert_eq!(next(&mut ws).await, seen("A", r#"{"level":7}"#, "null", "T1/A/level"), "state names no metric");
    }
}

#[tokio::test]
async fn a_value_that_stands_alone_is_the_metric_that_its_topic_names() {
    for mode in MODES {
        let broker = Broker::start().await;
        let gateway = gateway(&broker, mode, "{tenant}/{device}/{metric}").await;
        let (mut all, mut some) = (gateway.ws("T1", "").await, gateway.ws("T1", "metric=humidity").await);
        let mut publisher = broker.publisher().await;
        for (metric, value) in [("temperature", "72.10"), ("x", "null"), ("big", "1e400"), ("humidity", "\"dry\"")] {
            publisher.send(&format!("T1/A/{metric}"), value).await;
        }
        publisher.settled().await;
        for expected in [
            r#""metrics":{"temperature":72.10}"#,
            r#""metrics":{"big":1e400}"#,
            r#""metrics":{"humidity":"dry"}"#,
        ] {
            let text = all.text().await;
            assert!(text.contains(expected), "{text}");
        }
        assert_eq!(next(&mut some).await, seen("A", r#"{"humidity":"dry"}"#, "null", "T1/A/humidity"));
    }
}

#[tokio::test]
async fn an_array_is_as_many_events_with_an_id_each_and_a_bad_sample_costs_no_other() {
    for mode in MODES {
        let broker = Broker::start().await;
        let gateway = Gateway::start(&broker).env("FLOODWAY_MQTT_SUBSCRIBE", mode).await;
        let mut ws = gateway.ws("T1", "last_event_id=").await;
        let payload = r#"[{"metrics":{"n":0}},{"metrics":7},"x",{"ts":2,"metrics":{"n":1}},{"metrics":{"n":2}}]"#;
        broker.publisher().await.telemetry("T1", "A", payload).await;
        let mut last = 0;
        for n in 0..3 {
            let event = ws.next_event().await;
            assert_eq!(event["metrics"]["n"], n);
            let id: u64 = event["id"].as_str().and_then(|id| id.parse().ok()).expect("an id");
            assert!(id > last);
            last = id;
        }
        let page = crate::admin::Page::gateway(&gateway).await;
        assert_eq!(page.sum("ingest_rejected_total", &[("reason", "metrics_not_an_object")]), 1.0);
        assert_eq!(page.sum("ingest_rejected_total", &[("reason", "not_an_object")]), 1.0);
        assert_eq!(page.sum("ingest_messages_total", &[]), 5.0);
    }
}

#[tokio::test]
async fn flat_and_nested_payloads_are_read_where_the_settings_say() {
    let broker = Broker::start().await;
    let flat = Gateway::start(&broker)
        .env("FLOODWAY_PAYLOAD_METRICS", ".")
        .env("FLOODWAY_PAYLOAD_TIMESTAMP", "time");
    let nested = Gateway::start(&broker).env("FLOODWAY_PAYLOAD_METRICS", "data.values");
    let (flat, nested) = (flat.await, nested.env("FLOODWAY_PAYLOAD_TIMESTAMP", "data.at").await);
    let (mut one, mut two) = (flat.ws("T1", "").await, nested.ws("T1", "").await);
    let mut publisher = broker.publisher().await;
    let topic = floodway_tests::topic("T1", "A");
    publisher.telemetry("T1", "A", r#"{"time":5,"t":72,"provision_token":"hush"}"#).await;
    assert_eq!(next(&mut one).await, seen("A", r#"{"t":72}"#, "5", &topic));
    assert_eq!(next(&mut two).await, seen("A", "{}", "null", &topic));
    publisher
        .telemetry("T1", "A", r#"{"data":{"values":{"t":1},"at":"now","secret":"hush"}}"#)
        .await;
    assert_eq!(next(&mut two).await, seen("A", r#"{"t":1}"#, r#""now""#, &topic));
    let told = |line: &String| line.contains("payload without metrics") && line.contains("payload.metrics");
    assert!(nested.log().iter().any(told) && !flat.log().iter().any(told));
}

const KEY: (&str, &str) = ("FLOODWAY_JWT_SECRET", SECRET);

#[tokio::test]
async fn settings_that_can_not_be_are_named() {
    for (name, value, told) in [
        ("FLOODWAY_MQTT_TOPICS", "site/{device}/data", "mqtt.tenant (FLOODWAY_MQTT_TENANT)"),
        ("FLOODWAY_MQTT_TOPICS", "tenant/{tenant}/#", "mqtt.topics"),
        ("FLOODWAY_MQTT_TOPICS", "tenant/{tenant}/d-{device}", "a placeholder is a whole level"),
        ("FLOODWAY_PAYLOAD_METRICS", "data..values", "payload.metrics"),
        ("FLOODWAY_PAYLOAD_TIMESTAMP", ".", "payload.timestamp"),
    ] {
        let refused = floodway_run(&["check"], &[KEY, (name, value)]).await;
        assert_eq!(refused.code, Some(2), "{value}");
        assert!(refused.stderr.contains(told) && refused.stderr.contains(name), "{}", refused.stderr);
    }
}

#[tokio::test]
async fn check_shows_what_a_message_becomes_or_why_it_is_dropped() {
    let sample = async |payload: &str, topic: &str, settings: &[(&str, &str)]| {
        let (_folder, path) = file(payload);
        let path = path.to_str().expect("UTF-8").to_owned();
        let with_topic = ["check", "--sample", &path, "--topic", topic];
        floodway_run(if topic.is_empty() { &with_topic[..3] } else { &with_topic }, settings).await
    };
    let shown = sample(r#"{"metrics":{"t":72.10}}"#, "", &[]).await;
    assert_eq!(shown.code, Some(0), "{}", shown.stderr);
    let event = json!({"type":"telemetry","device_id":"DEV-001","tenant_id":"TENANT1","metrics":{"t":72.10},"timestamp":null,"topic":"tenant/TENANT1/device/DEV-001/telemetry"});
    let line = shown.stdout.lines().last().expect("an event");
    assert_eq!(serde_json::from_str::<serde_json::Value>(line).expect("JSON"), event);

    let shown = sample("7", "T/D/t", &[("FLOODWAY_MQTT_TOPICS", "{tenant}/{device}/{metric}")]).await;
    assert!(shown.code == Some(0) && shown.stdout.contains(r#""metrics":{"t":7}"#), "{}", shown.stdout);
    let flat = sample(r#"{"t":72}"#, "", &[]).await;
    assert!(flat.code == Some(0) && flat.stdout.contains("payload.metrics"), "{}", flat.stdout);

    let mixed = sample(r#"[{"metrics":{"t":1}},7]"#, "", &[]).await;
    assert_eq!(mixed.code, Some(1));
    assert!(mixed.stdout.contains(r#"sample 1: {"type""#), "{}", mixed.stdout);
    assert!(mixed.stderr.contains("sample 2: dropped") && mixed.stderr.contains("{metric}"), "{}", mixed.stderr);
    for (payload, topic, told) in [
        ("{}", "site/D", "mqtt.topics"),
        (r#"{"metrics":1}"#, "", "payload.metrics"),
        ("{", "", "not JSON"),
        ("[".repeat(100).as_str(), "", "event.depth"),
    ] {
        let dropped = sample(payload, topic, &[]).await;
        assert_eq!(dropped.code, Some(1), "{payload}");
        assert!(dropped.stderr.contains(told), "{payload}: {}", dropped.stderr);
    }
}
