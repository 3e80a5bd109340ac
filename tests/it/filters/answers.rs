//! Every action's answer, and every refusal.

use floodway_tests::{Broker, Gateway};
use serde_json::json;

use super::filters;

#[tokio::test]
async fn every_action_is_answered() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let mut ws = gateway.ws("T1", "").await;
    for (action, answer) in [
        (json!({"action": "ping"}), json!({"type": "pong"})),
        (json!({"action": "get_filters"}), json!({"type": "filters", "filters": filters(&[], &[], &[])})),
        (json!({"action": "subscribe", "device_id": "A"}), json!({"type": "subscribed", "device_id": "A"})),
        (
            json!({"action": "subscribe", "device_ids": ["A", "B"]}),
            json!({"type": "subscribed", "device_ids": ["A", "B"]}),
        ),
        (json!({"action": "subscribe", "group_id": "G"}), json!({"type": "subscribed", "group_id": "G"})),
        (
            json!({"action": "subscribe", "group_ids": ["H"]}),
            json!({"type": "subscribed", "group_ids": ["H"]}),
        ),
        (
            json!({"action": "set_metrics", "metrics": ["temperature"]}),
            json!({"type": "metrics_updated", "metrics": ["temperature"]}),
        ),
        (
            json!({"action": "get_filters"}),
            json!({"type": "filters", "filters": filters(&["A", "B"], &["G", "H"], &["temperature"])}),
        ),
        (json!({"action": "set_metrics", "metrics": []}), json!({"type": "metrics_updated", "metrics": []})),
        (
            json!({"action": "unsubscribe", "device_id": "A"}),
            json!({"type": "unsubscribed", "device_id": "A"}),
        ),
        (
            json!({"action": "unsubscribe", "device_ids": ["B"]}),
            json!({"type": "unsubscribed", "device_ids": ["B"]}),
        ),
        (
            json!({"action": "unsubscribe", "group_ids": ["G"]}),
            json!({"type": "unsubscribed", "group_ids": ["G"]}),
        ),
        (json!({"action": "unsubscribe", "group_id": "H"}), json!({"type": "unsubscribed", "group_id": "H"})),
        (
            json!({"action": "get_filters"}),
            json!({"type": "filters", "filters": {"device_ids": [], "group_ids": [], "metric_names": [], "all_devices": false}}),
        ),
        (json!({"action": "clear_filters"}), json!({"type": "filters_cleared"})),
        (json!({"action": "get_filters"}), json!({"type": "filters", "filters": filters(&[], &[], &[])})),
    ] {
        assert_eq!(ws.ask(action.clone()).await, answer, "to {action}");
    }
}

#[tokio::test]
async fn one_and_many_in_one_action_are_answered_one_after_the_other() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let mut ws = gateway.ws("T1", "").await;
    ws.send(json!({"action": "subscribe", "device_id": "A", "device_ids": ["B", "C"]}).to_string())
        .await;
    ws.expect_json(json!({"type": "subscribed", "device_id": "A"})).await;
    ws.expect_json(json!({"type": "subscribed", "device_ids": ["B", "C"]})).await;
    let answer = ws.ask(json!({"action": "get_filters"})).await;
    assert_eq!(answer["filters"]["device_ids"], json!(["A", "B", "C"]));
}

#[tokio::test]
async fn what_is_not_an_action_is_told_and_the_stream_goes_on() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let mut ws = gateway.ws("T1", "device_id=A").await;
    let exact = |message: &str| json!({"type": "error", "message": message});
    for (text, message) in [
        (r#"{"action":"dance"}"#, Some("Unknown action: dance")),
        (r#"{"action":"Subscribe"}"#, Some("Unknown action: Subscribe")),
        ("{", Some("Invalid JSON")),
        ("", Some("Invalid JSON")),
        ("not json", Some("Invalid JSON")),
        ("[]", None),
        ("7", None),
        ("{}", None),
        (r#"{"action":7}"#, None),
        (r#"{"action":"subscribe"}"#, None),
        (r#"{"action":"subscribe","device_id":""}"#, None),
        (r#"{"action":"subscribe","device_id":"+"}"#, None),
        (r#"{"action":"subscribe","device_id":"a/b"}"#, None),
        (r##"{"action":"subscribe","device_ids":["ok","#"]}"##, None),
        (r#"{"action":"subscribe","group_id":"a\u0000"}"#, None),
        (r#"{"action":"subscribe","device_id":7}"#, None),
        (r#"{"action":"subscribe","device_ids":"A"}"#, None),
        (r#"{"action":"set_metrics","metrics":"a"}"#, None),
        (r#"{"action":"set_metrics","metrics":[1]}"#, None),
        (r#"{"action":"refresh"}"#, None),
    ] {
        ws.send(text).await;
        let answer = ws.next().await;
        assert_eq!(answer["type"], "error", "to {text}: {answer}");
        match message {
            Some(message) => assert_eq!(answer, exact(message), "to {text}"),
            None => assert!(answer["message"].as_str().is_some_and(|told| !told.is_empty()), "to {text}: {answer}"),
        }
    }
    let answer = ws.ask(json!({"action": "get_filters"})).await;
    assert_eq!(answer["filters"], filters(&["A"], &[], &[]), "a refused action changes nothing");
}

#[tokio::test]
async fn more_ids_than_the_bound_are_refused_whole() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).env("FLOODWAY_STREAM_FILTER_IDS", "5").await;
    let mut ws = gateway.ws("T1", "device_id=A,B,C").await;
    let answer = ws.ask(json!({"action": "subscribe", "device_ids": ["D", "E", "F"]})).await;
    assert_eq!(answer["type"], "error", "{answer}");
    let answer = ws.ask(json!({"action": "get_filters"})).await;
    assert_eq!(answer["filters"]["device_ids"], json!(["A", "B", "C"]));
    assert_eq!(ws.ask(json!({"action": "subscribe", "device_ids": ["D", "E"]})).await["type"], "subscribed");
    let token = floodway_tests::token("T1").sign();
    assert_eq!(gateway.ws_refused(Some(&token), "device_id=A,B,C,D,E,F").await.0, 4000);
    assert_eq!(gateway.sse_refused(Some(&token), "device_id=A,B,C,D,E,F").await.0, 400);
}

#[tokio::test]
async fn set_metrics_without_metrics_is_all_again() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let mut ws = gateway.ws("T1", "metric=temperature").await;
    let all = json!({"type": "metrics_updated", "metrics": []});
    for message in [r#"{"action":"set_metrics"}"#, r#"{"action":"set_metrics","metrics":null}"#] {
        let narrow = json!({"action": "set_metrics", "metrics": ["temperature"]});
        assert_eq!(ws.ask(narrow).await["metrics"], json!(["temperature"]));
        ws.send(message).await;
        ws.expect_json(all.clone()).await;
    }
}

#[tokio::test]
async fn a_parameter_that_is_spelt_wrong_never_widens_a_stream() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let token = floodway_tests::token("T1").sign();
    for (query, right) in [
        ("device=A", "device_id"),
        ("deviceId=A", "device_id"),
        ("device_id[]=A&device_id[]=B", "device_id"),
        ("device_id%5B%5D=A", "device_id"),
        ("group=G", "group_id"),
        ("metric_names=t", "metric"),
        ("device_id=%FC", "device_id"),
        ("last-event-id=1", "last_event_id"),
    ] {
        let (code, reason) = gateway.ws_refused(Some(&token), query).await;
        assert_eq!(code, 4000, "{query}: {reason}");
        assert!(reason.contains(right), "{query}: {reason}");
        let (status, body) = gateway.sse_refused(Some(&token), query).await;
        assert_eq!(status, 400, "{query}: {body}");
        assert_eq!(body["detail"], reason, "{query}");
    }
}

#[tokio::test]
async fn lists_are_taken_as_clients_in_the_field_send_them() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    for (query, told) in [
        ("device_id=+A+,,B", filters(&["A", "B"], &[], &[])),
        ("device_ids=A,B&group_ids=G&metrics=t,h", filters(&["A", "B"], &["G"], &["t", "h"])),
        ("device_id=,&metric=", filters(&[], &[], &[])),
        ("_=1234&t=5&cb=x&v=2", filters(&[], &[], &[])),
    ] {
        assert_eq!(gateway.ws("T1", query).await.connected()["filters"], told, "{query}");
        assert_eq!(gateway.sse("T1", query).await.connected()["filters"], told, "{query}");
    }
}

#[tokio::test]
async fn a_bad_id_in_the_query_is_refused_with_the_reason() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let token = floodway_tests::token("T1").sign();
    let long = format!("device_id={}", "d".repeat(257));
    for query in ["device_id=%2B", "device_id=a%2Fb", "group_id=%23", "device_id=a%00b", "device_id=A,a%0A", &long] {
        let (code, reason) = gateway.ws_refused(Some(&token), query).await;
        assert_eq!(code, 4000, "{query}: {reason}");
        assert!(!reason.is_empty(), "{query}");
        let (status, body) = gateway.sse_refused(Some(&token), query).await;
        assert_eq!(status, 400, "{query}: {body}");
        assert!(body["detail"].is_string(), "{query}: {body}");
    }
    gateway.has_connections(0).await;
}
