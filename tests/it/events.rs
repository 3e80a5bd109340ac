//! What an event looks like on the wire, and that nothing about it is lost, added or changed.

use floodway_tests::{Broker, Gateway, Sse, Ws, topic};
use serde_json::{Value, json};

/// The payload and the event of the contract, word for word.
const PAYLOAD: &str = r#"{"ts":"2026-02-16T12:00:00Z","site_id":"SITE-1","provision_token":"secret","metrics":{"temperature":72,"humidity":45}}"#;
const EVENT: &str = r#"{"type":"telemetry","device_id":"DEV-001","tenant_id":"TENANT1","metrics":{"temperature":72,"humidity":45},"timestamp":"2026-02-16T12:00:00Z","topic":"tenant/TENANT1/device/DEV-001/telemetry"}"#;

async fn both(gateway: &Gateway, query: &str) -> (Ws, Sse) {
    (gateway.ws("T1", query).await, gateway.sse("T1", query).await)
}

/// Reads one event on both transports: the same text, in one `data:` line.
async fn same_text(ws: &mut Ws, sse: &mut Sse) -> String {
    let text = ws.text().await;
    let message = sse.next().await;
    assert_eq!(message.data.as_deref(), Some(text.as_str()));
    assert_eq!(message.raw.lines().count(), 2, "an id and one line of data: {}", message.raw);
    text
}

#[tokio::test]
async fn the_contracts_example_comes_out_byte_for_byte() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let mut ws = gateway.ws("TENANT1", "").await;
    let mut sse = gateway.sse("TENANT1", "").await;
    let sent = broker.mosquitto_pub("tenant/TENANT1/device/DEV-001/telemetry", PAYLOAD).await;
    assert_eq!(sent.code, Some(0), "{}", sent.stderr);

    assert_eq!(ws.text().await, EVENT);
    let message = sse.next().await;
    let id = message.id.clone().expect("an id");
    assert!(id.bytes().all(|byte| byte.is_ascii_digit()) && id.parse::<u64>().is_ok(), "{id}");
    assert_eq!(message.raw, format!("id: {id}\ndata: {EVENT}"));
}

#[tokio::test]
async fn connected_has_the_contracts_keys_in_order() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let token = floodway_tests::token("TENANT1").expires_at(4_102_444_800).sign();
    let mut ws = gateway.ws_unread(Some(&token), "device_id=A").await;
    let text = ws.text().await;
    let start =
        r#"{"type":"connected","tenant_id":"TENANT1","filters":{"device_ids":["A"],"group_ids":[],"metric_names":[],"#;
    assert!(text.starts_with(start), "{text}");
    let (_, id) = text.split_once(r#","expires_at":"2100-01-01T00:00:00Z","last_event_id":""#).expect(&text);
    assert!(id.strip_suffix(r#""}"#).is_some_and(|id| id.parse::<u64>().is_ok()), "{text}");
    let sse = gateway.sse_with(&token, "device_id=A").await;
    assert_eq!(*sse.connected(), serde_json::from_str::<Value>(&text).expect("JSON"));
    assert_eq!(sse.retry(), Some("2000"));
}

#[tokio::test]
async fn values_are_passed_on_as_they_were_sent() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let (mut ws, mut sse) = both(&gateway, "").await;
    let mut publisher = broker.publisher().await;
    for value in [
        "72.10",
        "1e400",
        "-1E-400",
        "123456789012345678901234567890",
        "-0",
        "-0.0",
        "1E+2",
        "0.10000000000000000000001",
        r#""a\u00e9\n\"\\\/\b\f""#,
        r#""\ud83d\ude00""#,
        "\"ключ 😀\"",
        r#""""#,
        "true",
        "false",
        "null",
        "[]",
        "{}",
        "[1.0,2.50,[3.00]]",
        r#"{"x":1.0,"x":2.0,"y":{"z":1e400}}"#,
        "[1.0, 2.50]",
        "99999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999",
        "18446744073709551615",
        "18446744073709551616",
        "-9223372036854775809",
        "1.7976931348623157e309",
    ] {
        for ts in [value, "null"] {
            let payload = format!(r#"{{"ts":{ts},"metrics":{{"before":1.50,"v":{value},"after":2.50}}}}"#);
            publisher.telemetry("T1", "A", payload).await;
            let expected = format!(
                r#"{{"type":"telemetry","device_id":"A","tenant_id":"T1","metrics":{{"before":1.50,"v":{value},"after":2.50}},"timestamp":{ts},"topic":"tenant/T1/device/A/telemetry"}}"#
            );
            assert_eq!(same_text(&mut ws, &mut sse).await, expected);
        }
    }
}

#[tokio::test]
async fn of_duplicate_keys_the_last_wins() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let (mut ws, mut sse) = both(&gateway, "").await;
    let payload = r#"{"ts":1,"metrics":{"old":1},"ts":2,"metrics":{"a":1,"b":2.0,"a":3.0}}"#;
    broker.publisher().await.telemetry("T1", "A", payload).await;
    let text = same_text(&mut ws, &mut sse).await;
    let event: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(event["metrics"], json!({"a": 3.0, "b": 2.0}));
    assert_eq!(event["timestamp"], 2);
    assert_eq!(text.matches(r#""a":"#).count(), 1, "{text}");
}

#[tokio::test]
async fn nothing_but_metrics_and_time_is_passed_on() {
    let broker = Broker::start().await;
    let mut gateway = Gateway::start(&broker).await;
    let (mut ws, mut sse) = both(&gateway, "").await;
    let payload = r#"{"provision_token":"hush","metrics":{"a":1},"nested":{"provision_token":"hush"},"device_id":"hush","tenant_id":"hush","topic":"hush","type":"hush"}"#;
    broker.publisher().await.telemetry("T1", "A", payload).await;
    let text = same_text(&mut ws, &mut sse).await;
    assert!(!text.contains("hush"), "{text}");
    gateway.terminate();
    gateway.exit_code().await;
    assert!(gateway.log().iter().all(|line| !line.contains("hush")), "a secret is logged");
}

#[tokio::test]
async fn absent_metrics_are_empty_and_an_absent_time_is_null() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let (mut ws, mut sse) = both(&gateway, "").await;
    let mut publisher = broker.publisher().await;
    for payload in ["{}", r#"{"metrics":{}}"#, r#"{"ts":null}"#, " \n{ \t} "] {
        publisher.telemetry("T1", "A", payload).await;
        let text = same_text(&mut ws, &mut sse).await;
        assert!(text.contains(r#""metrics":{},"timestamp":null,"#), "{payload:?}: {text}");
    }
}

#[tokio::test]
async fn line_breaks_between_and_inside_values_become_spaces() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let (mut ws, mut sse) = both(&gateway, "").await;
    let payload =
        "{\r\n \"ts\": {\n\"a\":\r1},\n \"metrics\": {\n\"list\": [1.0,\n2.0],\r\n\"object\":{\"x\":\r\n1}\n}\n}\n";
    broker.publisher().await.telemetry("T1", "A", payload).await;
    let text = same_text(&mut ws, &mut sse).await;
    assert!(!text.contains(['\n', '\r']), "{text:?}");
    assert!(text.contains("[1.0, 2.0]"), "{text}");
    let event: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(event["metrics"], json!({"list": [1.0, 2.0], "object": {"x": 1}}));
    assert_eq!(event["timestamp"], json!({"a": 1}));
}

#[tokio::test]
async fn names_are_escaped_as_json_asks() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let (mut ws, mut sse) = both(&gateway, "").await;
    let mut publisher = broker.publisher().await;
    for device in ["köln 7", r#"a"b\c"#, "日本", "😀", "a'b<c>&d", "%41", "..", &"d".repeat(256)] {
        publisher.telemetry("T1", device, r#"{"metrics":{"a":1}}"#).await;
        let event: Value = serde_json::from_str(&same_text(&mut ws, &mut sse).await).expect("JSON");
        assert_eq!(event["device_id"], device);
        assert_eq!(event["topic"], topic("T1", device));
    }
}

#[tokio::test]
async fn frames_of_every_length_arrive_whole() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let (mut ws, mut sse) = both(&gateway, "").await;
    let mut publisher = broker.publisher().await;
    let bare = r#"{"type":"telemetry","device_id":"A","tenant_id":"T1","metrics":{"p":""},"timestamp":null,"topic":"tenant/T1/device/A/telemetry"}"#;
    // Around both places where a frame's length changes its form, and up to a large event.
    for length in [140, 1_000, 65_534, 65_535, 65_536, 65_537, 100_000, 130_000] {
        let pad = "x".repeat(length - bare.len());
        publisher.telemetry("T1", "A", json!({"metrics": {"p": pad}}).to_string()).await;
        let text = same_text(&mut ws, &mut sse).await;
        assert_eq!(text, bare.replace(r#""p":"""#, &format!(r#""p":"{pad}""#)));
    }
}

#[tokio::test]
async fn no_event_crosses_to_another_tenant() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).env("STREAM_QUEUE_SIZE", "1000").await;
    let mut one = gateway.ws("T1", "").await;
    let mut two = gateway.ws("T2", "").await;
    let mut publisher = broker.publisher().await;
    for n in 0..200 {
        let tenant = if n % 2 == 0 { "T1" } else { "T2" };
        publisher.send(&topic(tenant, "A"), format!(r#"{{"metrics":{{"n":{n}}}}}"#)).await;
    }
    publisher.settled().await;
    for n in 0..100 {
        assert_eq!(one.next_number().await, 2 * n);
        assert_eq!(two.next_number().await, 2 * n + 1);
    }
}

#[tokio::test]
async fn a_devices_events_keep_their_order_and_all_arrive() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).env("STREAM_QUEUE_SIZE", "4000").await;
    let (mut ws, mut sse) = both(&gateway, "last_event_id=").await;
    let mut publisher = broker.publisher().await;
    for n in 0..3000 {
        let device = format!("D{}", n % 7);
        publisher.send(&topic("T1", &device), format!(r#"{{"metrics":{{"n":{n}}}}}"#)).await;
    }
    publisher.settled().await;
    let mut last = 0;
    for n in 0..3000 {
        let event = ws.next_event().await;
        assert_eq!(event["metrics"]["n"], n);
        let message = sse.next().await;
        assert_eq!(message.id.as_deref(), event["id"].as_str(), "one id on both transports");
        let id = message.id.expect("an id").parse::<u64>().expect("a decimal id");
        assert!(id > last, "ids grow: {id} after {last}");
        last = id;
    }
}

#[tokio::test]
async fn what_is_not_an_event_is_dropped_and_the_next_one_comes() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let (mut ws, mut sse) = both(&gateway, "").await;
    let mut publisher = broker.publisher().await;
    let bad = ["", "[]", "1", "null", r#"{"metrics":null}"#, r#"{"metrics":[]}"#, r#"{"metrics":1}"#, "{", "{}x"];
    for payload in bad {
        publisher.telemetry("T1", "A", payload).await;
    }
    for other in ["status", "telemetry/more", "TELEMETRY"] {
        publisher.send(&format!("tenant/T1/device/A/{other}"), r#"{"metrics":{"n":7}}"#).await;
    }
    publisher.count("T1", "A", 42..43).await;
    ws.expect_numbers(42..43).await;
    sse.expect_numbers(42..43).await;
}

#[tokio::test]
async fn a_byte_order_mark_and_nul_bytes_cost_no_event() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let mut ws = gateway.ws("T1", "").await;
    let mut publisher = broker.publisher().await;
    for payload in ["\u{feff}{\"metrics\":{\"n\":1}}", "{\"metrics\":{\"n\":1}}\0\0"] {
        publisher.telemetry("T1", "A", payload).await;
        assert_eq!(ws.next_event().await["metrics"], json!({"n": 1}), "{payload:?}");
    }
}

#[tokio::test]
async fn a_payload_without_metrics_is_an_event_and_an_operator_is_told() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let mut ws = gateway.ws("T1", "").await;
    let mut publisher = broker.publisher().await;
    for payload in [r#"{"temperature":72}"#, "{}", r#"{"metrics":{}}"#] {
        publisher.telemetry("T1", "A", payload).await;
        assert_eq!(ws.next_event().await["metrics"], json!({}), "{payload}");
    }
    let page = crate::admin::Page::gateway(&gateway).await;
    assert_eq!(page.sum("ingest_without_metrics_total", &[]), 2.0);
    let told = |line: &&String| line.contains("payload without metrics");
    assert_eq!(gateway.log().iter().filter(told).count(), 1, "at a bounded rate");
}
