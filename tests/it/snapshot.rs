//! Snapshots: the last event of each device, then everything that follows, with nothing missing and nothing twice between.

use floodway_tests::{Broker, Gateway, Publisher, Transport, topic, wait_until};
use serde_json::{Value, json};

use crate::admin::ask;
use crate::resume::replay_gap;

/// Publishes one event of each of these devices, numbered from `first` on.
async fn one_each(publisher: &mut Publisher, devices: &[&str], first: u64) {
    for (device, n) in devices.iter().zip(first..) {
        publisher.count("T1", device, n..n + 1).await;
    }
}

#[tokio::test]
async fn a_stream_begins_with_the_last_event_of_each_device() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let (mut witness, mut publisher) = (gateway.ws("T1", "").await, broker.publisher().await);
    one_each(&mut publisher, &["A", "B", "C", "B", "A", "A"], 0).await;
    witness.expect_numbers(0..6).await;
    for (transport, n) in Transport::ALL.into_iter().zip(6..) {
        let mut streams = Vec::new();
        for (query, expected) in [
            ("snapshot=true", &[("A", n - 1), ("B", 3), ("C", 2)][..]),
            ("snapshot=true&device_id=B", &[("B", 3)]),
            ("snapshot=true&device_id=Z", &[]),
            ("snapshot=false", &[]),
            ("", &[]),
        ] {
            let mut stream = gateway.stream(transport, "T1", query).await;
            let options = stream.connected().get("options").cloned().unwrap_or_default();
            let wanted = query.split(['=', '&']).nth(1).map(|wanted| json!({"snapshot": wanted == "true"}));
            assert_eq!(options, wanted.unwrap_or_default(), "{query}");
            stream.expect_snapshot(expected).await;
            streams.push((query, stream));
        }
        publisher.count("T1", "A", n..n + 1).await;
        for (query, stream) in &mut streams {
            if !query.contains("device_id") {
                stream.expect_numbers(n..n + 1).await;
            }
        }
    }
}

#[tokio::test]
async fn a_snapshot_is_no_part_of_what_is_delivered() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let (mut witness, mut publisher) = (gateway.ws("T1", "").await, broker.publisher().await);
    one_each(&mut publisher, &["A", "B", "C"], 0).await;
    witness.expect_numbers(0..3).await;
    drop(witness);
    gateway.has_connections(0).await;
    let mut stream = gateway.stream(Transport::WebSocket, "T1", "snapshot=true").await;
    stream.expect_snapshot(&[("A", 0), ("B", 1), ("C", 2)]).await;
    publisher.count("T1", "A", 3..5).await;
    stream.expect_numbers(3..5).await;
    let listed = ask(&gateway, "ListConnections", json!({})).await;
    assert_eq!(listed["connections"][0]["delivered"], "2", "{listed}");
}

#[tokio::test]
async fn it_is_the_same_text_as_the_live_event_and_projected_likewise() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let mut publisher = broker.publisher().await;
    for query in ["", "&metric=exact,n", "&device_id=A,C"] {
        let mut live = gateway.ws("T1", query).await;
        let payload = r#"{"ts":"now","metrics":{"n":1,"exact":72.10,"large":1e400},"secret":7}"#;
        publisher.telemetry("T1", "A", payload).await;
        let text = live.text().await;
        for transport in Transport::ALL {
            let mut stream = gateway.stream(transport, "T1", &format!("snapshot=true{query}")).await;
            assert_eq!(stream.next_snapshot().await, text, "{transport:?}");
        }
    }
}

#[tokio::test]
async fn a_snapshot_is_of_what_the_filters_name() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let (mut witness, mut publisher) = (gateway.ws("T1", "").await, broker.publisher().await);
    ask(&gateway, "PutGroup", json!({"group": {"tenantId": "T1", "groupId": "G", "deviceIds": ["B", "C"]}})).await;
    one_each(&mut publisher, &["A", "B", "C", "D"], 0).await;
    publisher.telemetry("T1", "D", r#"{"metrics":{"n":4,"m":1}}"#).await;
    witness.expect_numbers(0..5).await;
    for transport in Transport::ALL {
        for (query, expected) in [
            ("device_id=A,D", &[("A", 0), ("D", 4)][..]),
            ("group_id=G", &[("B", 1), ("C", 2)]),
            ("group_id=G&device_id=A,B", &[("A", 0), ("B", 1), ("C", 2)]),
            ("metric=n,m&device_id=D", &[("D", 4)]),
        ] {
            let mut stream = gateway.stream(transport, "T1", &format!("snapshot=true&{query}")).await;
            stream.expect_snapshot(expected).await;
        }
    }
}

/// Publishes number after number, of 20 devices in turn, until it is dropped.
fn publishes_on(mut publisher: Publisher) -> tokio::task::JoinHandle<()> {
    tokio::spawn(async move {
        for n in 0.. {
            publisher
                .send(&topic("T1", &format!("D{}", n % 20)), json!({"metrics": {"n": n}}).to_string())
                .await;
        }
    })
}

#[tokio::test]
async fn between_the_snapshot_and_the_first_live_event_nothing_is_missing_and_nothing_comes_twice() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).env("STREAM_QUEUE_SIZE", "100000").await;
    let mut witness = gateway.ws("T1", "").await;
    let publishing = publishes_on(broker.publisher().await);
    witness.expect_numbers(0..20).await;
    for round in 0..30 {
        let transport = Transport::ALL[round % 3];
        let mut stream = gateway.stream(transport, "T1", "snapshot=true").await;
        let mut last = [0; 20];
        for _ in 0..20 {
            let event: Value = serde_json::from_str(&stream.next_snapshot().await).expect("JSON");
            let n = event["metrics"]["n"].as_u64().expect("a number");
            last[n as usize % 20] = n;
        }
        last.sort_unstable();
        let (first, _) = stream.next_event().await;
        let expected: Vec<u64> = (first - 20..first).collect();
        assert_eq!(last[..], expected, "{transport:?}");
        stream.expect_numbers(first + 1..first + 50).await;
    }
    publishing.abort();
}

#[tokio::test]
async fn a_subscription_brings_the_last_events_of_what_it_adds() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let (mut witness, mut publisher) = (gateway.ws("T1", "").await, broker.publisher().await);
    ask(&gateway, "PutGroup", json!({"group": {"tenantId": "T1", "groupId": "G", "deviceIds": ["B", "C"]}})).await;
    one_each(&mut publisher, &["A", "B", "C", "D"], 0).await;
    witness.expect_numbers(0..4).await;
    let mut stream = gateway.stream(Transport::WebSocket, "T1", "device_id=A").await;
    for (action, answer, expected) in [
        (json!({"device_ids": ["A", "B"]}), json!({"device_ids": ["A", "B"]}), &[("B", 1)][..]),
        (json!({"device_id": "B"}), json!({"device_id": "B"}), &[]),
        (json!({"group_id": "G"}), json!({"group_id": "G"}), &[("C", 2)]),
        (json!({"device_id": "Z"}), json!({"device_id": "Z"}), &[]),
        (json!({"device_id": "D"}), json!({"device_id": "D"}), &[("D", 3)]),
    ] {
        let with = |part: Value, more: Value| {
            let Value::Object(mut all) = part else {
                unreachable!("an object")
            };
            all.append(&mut more.as_object().expect("an object").clone());
            Value::Object(all)
        };
        let asked = with(action, json!({"action": "subscribe", "snapshot": true}));
        stream.ws().send(asked.to_string()).await;
        stream.expect_json(with(answer, json!({"type": "subscribed"}))).await;
        stream.expect_snapshot(expected).await;
    }
    stream.ws().send(r#"{"action":"unsubscribe","device_id":"D"}"#).await;
    stream.expect_json(json!({"type": "unsubscribed", "device_id": "D"})).await;
    // Without the mark nothing but live events follows.
    for snapshot in ["", r#","snapshot":false"#] {
        stream.ws().send(format!(r#"{{"action":"subscribe","device_id":"D"{snapshot}}}"#)).await;
        stream.expect_json(json!({"type": "subscribed", "device_id": "D"})).await;
    }
    publisher.count("T1", "D", 4..5).await;
    stream.expect_numbers(4..5).await;
}

#[tokio::test]
async fn a_subscription_has_no_seam_while_events_pour_in() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).env("STREAM_QUEUE_SIZE", "100000").await;
    let mut witness = gateway.ws("T1", "").await;
    let publishing = publishes_on(broker.publisher().await);
    witness.expect_numbers(0..20).await;
    for _ in 0..20 {
        let mut stream = gateway.stream(Transport::WebSocket, "T1", "device_id=D3").await;
        stream.next_event().await;
        stream.ws().send(r#"{"action":"subscribe","device_id":"D7","snapshot":true}"#).await;
        let mut last = None;
        let mut three = 0;
        // The answer, what it brings, and what follows.
        let answer = loop {
            let message = stream.next().await;
            if message["type"] != "telemetry" {
                break message;
            }
            three = message["metrics"]["n"].as_u64().expect("a number");
        };
        assert_eq!(answer["type"], "subscribed");
        let snapshot: Value = serde_json::from_str(&stream.next_snapshot().await).expect("JSON");
        assert_eq!(snapshot["device_id"], "D7");
        for _ in 0..20 {
            let (n, _) = stream.next_event().await;
            if n % 20 == 7 {
                let before = last.unwrap_or_else(|| snapshot["metrics"]["n"].as_u64().expect("a number"));
                assert_eq!(n, before + 20);
                last = Some(n);
            } else {
                assert!(three == 0 || n == three + 20, "{n} after {three}");
                three = n;
            }
        }
    }
    publishing.abort();
}

#[tokio::test]
async fn who_comes_back_gets_a_snapshot_only_where_something_is_missing() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).env("FLOODWAY_REPLAY_EVENTS", 5).await;
    let mut publisher = broker.publisher().await;
    let mut witness = gateway.stream(Transport::Sse, "T1", "").await;
    one_each(&mut publisher, &["A", "B", "C", "A", "B"], 0).await;
    let early = witness.expect_numbers(0..1).await;
    witness.expect_numbers(1..5).await;
    publisher.count("T1", "D", 5..11).await;
    let late = witness.expect_numbers(5..8).await;
    witness.expect_numbers(8..11).await;
    for transport in Transport::ALL {
        let mut back = gateway.resumed(transport, "T1", "snapshot=true&device_id=A,B,C", &early).await;
        back.expect_json(replay_gap()).await;
        back.expect_snapshot(&[("A", 3), ("B", 4), ("C", 2)]).await;
        let mut held = gateway.resumed(transport, "T1", "snapshot=true", &late).await;
        held.expect_numbers(8..11).await;
    }
}

#[tokio::test]
async fn a_bounded_snapshot_is_of_the_devices_that_published_last() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).env("FLOODWAY_SNAPSHOT_DEVICES", 3).await;
    let (mut witness, mut publisher) = (gateway.ws("T1", "").await, broker.publisher().await);
    one_each(&mut publisher, &["A", "B", "C", "D", "E", "B"], 0).await;
    witness.expect_numbers(0..6).await;
    for transport in Transport::ALL {
        let mut stream = gateway.stream(transport, "T1", "snapshot=true").await;
        stream.expect_snapshot(&[("D", 3), ("E", 4), ("B", 5)]).await;
        publisher.count("T1", "E", 4..5).await;
        stream.expect_numbers(4..5).await;
    }
}

#[tokio::test]
async fn a_snapshot_that_is_longer_than_the_queue_comes_whole() {
    const DEVICES: u64 = 3000;
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).env("STREAM_QUEUE_SIZE", "10").await;
    let mut publisher = broker.publisher().await;
    let start = gateway.stream(Transport::Sse, "T1", "").await.start_id();
    for n in 0..DEVICES {
        publisher
            .send(&topic("T1", &format!("D{n}")), json!({"metrics": {"n": n}}).to_string())
            .await;
    }
    publisher.settled().await;
    gateway.resumed(Transport::Sse, "T1", "", &start).await.expect_numbers(0..DEVICES).await;
    for (transport, n) in Transport::ALL.into_iter().zip(DEVICES..) {
        let mut stream = gateway.stream(transport, "T1", "snapshot=true").await;
        publisher.count("T1", "D0", n..n + 1).await;
        let mut sum = 0;
        for _ in 0..DEVICES {
            let event: Value = serde_json::from_str(&stream.next_snapshot().await).expect("JSON");
            sum += event["metrics"]["n"].as_u64().expect("a number");
        }
        let first = if n == DEVICES { 0 } else { n - 1 };
        assert_eq!(sum, DEVICES * (DEVICES - 1) / 2 + first, "each device comes once");
        stream.expect_numbers(n..n + 1).await;
    }
}

#[tokio::test]
async fn where_all_tenants_are_subscribed_it_knows_devices_that_published_before_anybody_came() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).env("FLOODWAY_MQTT_SUBSCRIBE", "all").await;
    let mut publisher = broker.publisher().await;
    one_each(&mut publisher, &["A", "B", "A"], 0).await;
    wait_until("all have come", async || gateway.metrics().await.contains("floodway_ingest_accepted_total 3")).await;
    for transport in Transport::ALL {
        let mut stream = gateway.stream(transport, "T1", "snapshot=true").await;
        stream.expect_snapshot(&[("A", 2), ("B", 1)]).await;
    }
}

#[tokio::test]
async fn behind_a_gap_of_replay_comes_the_state_of_now_and_then_what_is_kept() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).env("FLOODWAY_REPLAY_EVENTS", 5).await;
    let mut publisher = broker.publisher().await;
    let mut witness = gateway.stream(Transport::Sse, "T1", "").await;
    one_each(&mut publisher, &["A", "B", "C", "A", "B"], 0).await;
    publisher.count("T1", "D", 5..11).await;
    witness.expect_numbers(0..11).await;
    for (transport, n) in Transport::ALL.into_iter().zip(11..) {
        let mut back = gateway.resumed(transport, "T1", "snapshot=true", "1").await;
        back.expect_json(replay_gap()).await;
        // The last event of D is among those that are kept too: with its id it comes in its place.
        back.expect_snapshot(&[("A", 3), ("B", 4), ("C", 2), ("D", n - 1)]).await;
        publisher.count("T1", "D", n..n + 1).await;
        back.expect_numbers(n - 5..n + 1).await;
    }
}
