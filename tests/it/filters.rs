//! What a subscriber asks for, what it is answered, and what it then receives.
//!
//! One shard where a second stream bears witness: what it has received has passed the first one by.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use floodway_tests::{Broker, Gateway, Publisher, Ws, topic};
use serde_json::{Value, json};

async fn one_shard(broker: &Broker) -> Gateway {
    Gateway::start(broker)
        .env("FLOODWAY_SHARD_COUNT", "1")
        .await
}

fn filters(devices: &[&str], groups: &[&str], metrics: &[&str]) -> Value {
    let all = devices.is_empty() && groups.is_empty();
    json!({"device_ids": devices, "group_ids": groups, "metric_names": metrics, "all_devices": all})
}

/// Publishes one event for each of `devices`, lets `witness` read them all, and returns what of them `ws` received.
async fn received(
    publisher: &mut Publisher,
    devices: &[&str],
    witness: &mut Ws,
    ws: &mut Ws,
) -> Vec<String> {
    for device in devices {
        publisher
            .telemetry("T1", device, r#"{"metrics":{"n":1}}"#)
            .await;
        assert_eq!(witness.next_event().await["device_id"], *device);
    }
    ws.send(r#"{"action":"ping"}"#).await;
    let mut received = Vec::new();
    loop {
        let message = ws.next().await;
        match message["type"].as_str() {
            Some("telemetry") => {
                received.push(message["device_id"].as_str().expect("an id").to_owned())
            }
            _ => {
                assert_eq!(message, json!({"type": "pong"}));
                return received;
            }
        }
    }
}

#[tokio::test]
async fn every_action_is_answered() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let mut ws = gateway.ws("T1", "").await;
    for (action, answer) in [
        (json!({"action": "ping"}), json!({"type": "pong"})),
        (
            json!({"action": "get_filters"}),
            json!({"type": "filters", "filters": filters(&[], &[], &[])}),
        ),
        (
            json!({"action": "subscribe", "device_id": "A"}),
            json!({"type": "subscribed", "device_id": "A"}),
        ),
        (
            json!({"action": "subscribe", "device_ids": ["A", "B"]}),
            json!({"type": "subscribed", "device_ids": ["A", "B"]}),
        ),
        (
            json!({"action": "subscribe", "group_id": "G"}),
            json!({"type": "subscribed", "group_id": "G"}),
        ),
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
        (
            json!({"action": "set_metrics", "metrics": []}),
            json!({"type": "metrics_updated", "metrics": []}),
        ),
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
        (
            json!({"action": "unsubscribe", "group_id": "H"}),
            json!({"type": "unsubscribed", "group_id": "H"}),
        ),
        (
            json!({"action": "get_filters"}),
            json!({"type": "filters", "filters": {"device_ids": [], "group_ids": [], "metric_names": [], "all_devices": false}}),
        ),
        (
            json!({"action": "clear_filters"}),
            json!({"type": "filters_cleared"}),
        ),
        (
            json!({"action": "get_filters"}),
            json!({"type": "filters", "filters": filters(&[], &[], &[])}),
        ),
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
    ws.expect_json(json!({"type": "subscribed", "device_id": "A"}))
        .await;
    ws.expect_json(json!({"type": "subscribed", "device_ids": ["B", "C"]}))
        .await;
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
        (
            r#"{"action":"Subscribe"}"#,
            Some("Unknown action: Subscribe"),
        ),
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
        (r#"{"action":"set_metrics"}"#, None),
        (r#"{"action":"set_metrics","metrics":"a"}"#, None),
        (r#"{"action":"set_metrics","metrics":[1]}"#, None),
        (r#"{"action":"refresh"}"#, None),
    ] {
        ws.send(text).await;
        let answer = ws.next().await;
        assert_eq!(answer["type"], "error", "to {text}: {answer}");
        match message {
            Some(message) => assert_eq!(answer, exact(message), "to {text}"),
            None => assert!(
                answer["message"]
                    .as_str()
                    .is_some_and(|told| !told.is_empty()),
                "to {text}: {answer}"
            ),
        }
    }
    let answer = ws.ask(json!({"action": "get_filters"})).await;
    assert_eq!(
        answer["filters"],
        filters(&["A"], &[], &[]),
        "a refused action changes nothing"
    );
}

#[tokio::test]
async fn more_ids_than_the_bound_are_refused_whole() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker)
        .env("FLOODWAY_STREAM_FILTER_IDS", "5")
        .await;
    let mut ws = gateway.ws("T1", "device_id=A,B,C").await;
    let answer = ws
        .ask(json!({"action": "subscribe", "device_ids": ["D", "E", "F"]}))
        .await;
    assert_eq!(answer["type"], "error", "{answer}");
    let answer = ws.ask(json!({"action": "get_filters"})).await;
    assert_eq!(answer["filters"]["device_ids"], json!(["A", "B", "C"]));
    assert_eq!(
        ws.ask(json!({"action": "subscribe", "device_ids": ["D", "E"]}))
            .await["type"],
        "subscribed"
    );
    let token = floodway_tests::token("T1").sign();
    assert_eq!(
        gateway
            .ws_refused(Some(&token), "device_id=A,B,C,D,E,F")
            .await
            .0,
        4000
    );
    assert_eq!(
        gateway
            .sse_refused(Some(&token), "device_id=A,B,C,D,E,F")
            .await
            .0,
        400
    );
}

#[tokio::test]
async fn a_bad_id_in_the_query_is_refused_with_the_reason() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let token = floodway_tests::token("T1").sign();
    let long = format!("device_id={}", "d".repeat(257));
    for query in [
        "device_id=%2B",
        "device_id=a%2Fb",
        "group_id=%23",
        "device_id=a%00b",
        "device_id=A,a%0A",
        &long,
    ] {
        let (code, reason) = gateway.ws_refused(Some(&token), query).await;
        assert_eq!(code, 4000, "{query}: {reason}");
        assert!(!reason.is_empty(), "{query}");
        let (status, body) = gateway.sse_refused(Some(&token), query).await;
        assert_eq!(status, 400, "{query}: {body}");
        assert!(body["detail"].is_string(), "{query}: {body}");
    }
    gateway.has_connections(0).await;
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
        (
            "device_id=k%C3%B6ln%207",
            filters(&["köln 7"], &[], &[]),
            &["köln 7"],
        ),
        (
            "device_id=B&group_id=G",
            filters(&["B"], &["G"], &[]),
            &["B"],
        ),
        ("group_id=G", filters(&[], &["G"], &[]), &[]),
        (
            "metric=n,m",
            filters(&[], &[], &["n", "m"]),
            &["A", "B", "köln 7"],
        ),
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
    assert_eq!(
        sse.connected()["filters"],
        filters(&["A", "B"], &[], &["n"])
    );
    let mut publisher = broker.publisher().await;
    for (device, n) in [("C", 1), ("A", 2), ("C", 3), ("B", 4)] {
        publisher
            .telemetry("T1", device, format!(r#"{{"metrics":{{"m":0,"n":{n}}}}}"#))
            .await;
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
    assert_eq!(
        received(&mut publisher, &["A", "B"], &mut witness, &mut ws).await,
        ["A"]
    );
    ws.ask(json!({"action": "unsubscribe", "device_id": "A"}))
        .await;
    assert_eq!(
        received(&mut publisher, &["A", "B"], &mut witness, &mut ws).await,
        [""; 0]
    );
    ws.ask(json!({"action": "subscribe", "device_id": "B"}))
        .await;
    assert_eq!(
        received(&mut publisher, &["A", "B"], &mut witness, &mut ws).await,
        ["B"]
    );
    ws.ask(json!({"action": "clear_filters"})).await;
    assert_eq!(
        received(&mut publisher, &["A", "B"], &mut witness, &mut ws).await,
        ["A", "B"]
    );
    let told = ws.ask(json!({"action": "get_filters"})).await;
    assert_eq!(
        told["filters"],
        filters(&[], &[], &[]),
        "devices, groups and metrics are cleared"
    );
}

#[tokio::test]
async fn a_group_that_nobody_defined_has_no_members() {
    let broker = Broker::start().await;
    let gateway = one_shard(&broker).await;
    let mut publisher = broker.publisher().await;
    let mut witness = gateway.ws("T1", "").await;
    let mut ws = gateway.ws("T1", "").await;
    ws.ask(json!({"action": "subscribe", "group_id": "G"}))
        .await;
    assert_eq!(
        received(&mut publisher, &["A", "G"], &mut witness, &mut ws).await,
        [""; 0]
    );
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
    assert!(
        narrow
            .text()
            .await
            .contains(r#""metrics":{"a":1.0,"c":3.0},"timestamp":7"#)
    );
    assert!(
        all.text()
            .await
            .contains(r#""metrics":{"a":1.0,"b":2.0,"c":3.0,"a b":4.0},"timestamp":7"#)
    );

    narrow
        .ask(json!({"action": "set_metrics", "metrics": ["a b", "zzz"]}))
        .await;
    publisher
        .telemetry("T1", "A", r#"{"metrics":{"a":1.0}}"#)
        .await;
    publisher.telemetry("T1", "A", payload).await;
    assert_eq!(
        narrow.next_event().await["metrics"],
        json!({"a b": 4.0}),
        "an event with none of them is not sent"
    );

    narrow
        .ask(json!({"action": "set_metrics", "metrics": []}))
        .await;
    publisher.telemetry("T1", "A", r#"{"metrics":{}}"#).await;
    assert_eq!(
        narrow.next_event().await["metrics"],
        json!({}),
        "all metrics again, even none"
    );
}

#[tokio::test]
async fn a_metric_is_found_however_the_device_spelled_it() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let mut ws = gateway.ws("T1", "metric=k%C3%B6ln,a%22b").await;
    let payload = r#"{"metrics":{"k\u00f6ln":1.0,"x":2,"a\"b":3.0}}"#;
    broker.publisher().await.telemetry("T1", "A", payload).await;
    assert_eq!(
        ws.next_event().await["metrics"],
        json!({"köln": 1.0, "a\"b": 3.0})
    );
}

/// Publishes A 0, B 1, A 2, B 3 … until told to stop.
async fn alternate(mut publisher: Publisher, stop: Arc<AtomicBool>) {
    for n in 0_u64.. {
        let device = if n % 2 == 0 { "A" } else { "B" };
        publisher
            .send(
                &topic("T1", device),
                format!(r#"{{"metrics":{{"n":{n}}}}}"#),
            )
            .await;
        if n % 20 == 0 {
            publisher.settled().await;
            if stop.load(Ordering::Relaxed) {
                return;
            }
        }
    }
}

/// Reads events up to the answer: the numbers before it.
async fn up_to_answer(ws: &mut Ws) -> Vec<u64> {
    let mut numbers = Vec::new();
    loop {
        let message = ws.next().await;
        match message["type"].as_str() {
            Some("telemetry") => numbers.push(message["metrics"]["n"].as_u64().expect("a number")),
            Some("subscribed" | "unsubscribed" | "filters_cleared") => return numbers,
            _ => panic!("neither an event nor the answer: {message}"),
        }
    }
}

#[tokio::test]
async fn an_answer_stands_between_the_old_filters_and_the_new() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker)
        .env("STREAM_QUEUE_SIZE", "100000")
        .await;
    let mut ws = gateway.ws("T1", "device_id=A").await;
    let stop = Arc::new(AtomicBool::new(false));
    let publishing = tokio::spawn(alternate(broker.publisher().await, Arc::clone(&stop)));
    let mut next = 0;
    for _ in 0..100 {
        // Only A until the answer, without a hole; then both, without a hole.
        for _ in 0..5 {
            assert_eq!(ws.next_number().await, next);
            next += 2;
        }
        ws.send(r#"{"action":"subscribe","device_id":"B"}"#).await;
        for n in up_to_answer(&mut ws).await {
            assert_eq!(n, next, "only A comes before the answer");
            next += 2;
        }
        // The last A was `next - 2`; its B may have passed before the answer, nothing else.
        let mut both = ws.next_number().await;
        assert!(
            both == next - 1 || both == next,
            "{both} follows the answer, the last A was {}",
            next - 2
        );
        for _ in 0..5 {
            both += 1;
            assert_eq!(ws.next_number().await, both);
        }
        ws.send(r#"{"action":"unsubscribe","device_id":"B"}"#).await;
        for n in up_to_answer(&mut ws).await {
            both += 1;
            assert_eq!(n, both, "both come up to the answer");
        }
        next = (both + 2) / 2 * 2;
    }
    stop.store(true, Ordering::Relaxed);
    publishing.await.expect("the publisher ends well");
}
