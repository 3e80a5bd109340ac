//! `max_rate`: so many events of each device a second, the newest wins, and the rest is counted.
//!
//! The law behind each test: what matched was delivered, waits, or is counted as conflated.

use std::time::{Duration, Instant};

use floodway_tests::{Broker, Gateway, wait_until};
use serde_json::{Value, json};

use crate::admin::{ask, sample};

/// The counts of the only stream that asked for a pace.
async fn counts(gateway: &Gateway, subject: &str) -> (u64, u64) {
    let listed = ask(gateway, "ListConnections", json!({"subject": subject})).await;
    let [connection] = listed["connections"].as_array().expect("a list").as_slice() else {
        panic!("one stream: {listed}");
    };
    let number = |name: &str| connection[name].as_str().map_or(0, |text| text.parse().expect("a number"));
    (number("delivered"), number("conflated"))
}

fn n(event: &Value) -> u64 {
    event["metrics"]["n"].as_u64().expect("a number")
}

#[tokio::test]
async fn the_newest_event_of_a_device_comes_once_an_interval_and_the_last_one_always() {
    const PUBLISHED: u64 = 50;
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let token = floodway_tests::token("T1").claim("sub", json!("paced")).sign();
    let mut paced = gateway.ws_with(&token, "max_rate=2").await;
    let mut all = gateway.ws("T1", "").await;
    let mut publisher = broker.publisher().await;
    publisher.count("T1", "A", 0..PUBLISHED / 2).await;
    all.expect_numbers(0..PUBLISHED / 2).await;
    assert_eq!(n(&paced.next_event().await), 0, "the first one at once");
    let first = Instant::now();
    publisher.count("T1", "A", PUBLISHED / 2..PUBLISHED).await;
    all.expect_numbers(PUBLISHED / 2..PUBLISHED).await;

    let (mut received, mut last) = (1, 0);
    while last < PUBLISHED - 1 {
        let next = n(&paced.next_event().await);
        assert!(next > last, "{next} after {last}");
        last = next;
        let earliest = Duration::from_millis(500) * received;
        // The first one may have been read a little late.
        assert!(first.elapsed() + Duration::from_millis(100) >= earliest, "{received} after {:?}", first.elapsed());
        received += 1;
    }
    let received = u64::from(received);
    assert_eq!(counts(&gateway, "paced").await, (received, PUBLISHED - received));
    assert_eq!(sample(&gateway, "conflated_total").await, (PUBLISHED - received).to_string());
    assert_eq!(sample(&gateway, "matched_total").await, (2 * PUBLISHED).to_string());
    assert_eq!(sample(&gateway, "held_events").await, "0");
    let shown = ask(&gateway, "GetTenant", json!({"tenant_id": "T1"})).await;
    assert_eq!(shown["tenant"]["conflated"], (PUBLISHED - received).to_string());
}

#[tokio::test]
async fn two_devices_do_not_disturb_each_other() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    // One event in 1000 s.
    let mut ws = gateway.ws("T1", "max_rate=0.001").await;
    let mut sse = gateway.sse("T1", "max_rate=0.001").await;
    let mut publisher = broker.publisher().await;
    publisher.count("T1", "A", 0..10).await;
    publisher.count("T1", "B", 10..20).await;
    publisher.count("T1", "C", 20..30).await;
    for expected in [0, 10, 20] {
        assert_eq!(n(&ws.next_event().await), expected);
        assert_eq!(n(&sse.next_event().await), expected);
    }
    wait_until("the rest is counted", async || sample(&gateway, "conflated_total").await == "48").await;
    assert_eq!(sample(&gateway, "held_events").await, "6", "the newest of each device, for two");
}

#[tokio::test]
async fn what_waits_comes_before_the_answer_to_a_change_and_before_an_orderly_end() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let token = floodway_tests::token("T1").claim("sub", json!("paced")).sign();
    let mut ws = gateway.ws_with(&token, "max_rate=0.001").await;
    let mut publisher = broker.publisher().await;
    publisher.count("T1", "A", 0..5).await;
    publisher.count("T1", "B", 5..6).await;
    wait_until("all have matched", async || sample(&gateway, "matched_total").await == "6").await;
    assert_eq!(counts(&gateway, "paced").await, (2, 3));
    ws.send(json!({"action": "subscribe", "device_id": "A"}).to_string()).await;
    for expected in [0, 5, 4] {
        assert_eq!(n(&ws.next_event().await), expected);
    }
    ws.expect_json(json!({"type": "subscribed", "device_id": "A"})).await;

    publisher.count("T1", "A", 6..9).await;
    wait_until("all have matched", async || sample(&gateway, "matched_total").await == "9").await;
    assert_eq!(counts(&gateway, "paced").await, (4, 4));
    ask(&gateway, "Disconnect", json!({"tenant_id": "T1", "reason": "enough"})).await;
    for expected in [6, 8] {
        assert_eq!(n(&ws.next_event().await), expected);
    }
    assert_eq!(ws.close_code().await.0, 4010);
}
