//! Coming back: ids, and that a client which asks for more than is kept is told so.

use std::collections::BTreeSet;

use floodway_tests::{Broker, Gateway, Sse, token};
use serde_json::{Value, json};

fn replay_gap() -> Value {
    json!({"type": "gap", "reason": "replay", "dropped": null})
}

#[tokio::test]
async fn an_id_that_is_not_held_is_answered_by_a_gap_and_then_live_events() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let good = token("T1").sign();
    let mut publisher = broker.publisher().await;
    for (n, (query, header)) in [("", Some("1")), ("last_event_id=1", None), ("lastEventId=1", None)]
        .into_iter()
        .enumerate()
    {
        let headers: Vec<(&str, &str)> = header.into_iter().map(|id| ("last-event-id", id)).collect();
        let mut sse = Sse::of(gateway.sse_response(Some(&good), query, &headers).await);
        sse.read_connected().await;
        assert_eq!(sse.expect_named("gap").await, replay_gap(), "{query} {header:?}");
        let n = n as u64;
        publisher.count("T1", "A", n..n + 1).await;
        assert_eq!(sse.next_event().await["metrics"]["n"], n);
    }
}

#[tokio::test]
async fn a_websocket_that_asks_carries_ids() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let mut asks = gateway.ws("T1", "last_event_id=1").await;
    let mut from_now = gateway.ws("T1", "last_event_id=").await;
    let mut plain = gateway.ws("T1", "").await;
    asks.expect_json(replay_gap()).await;
    broker.publisher().await.count("T1", "A", 0..1).await;

    let (with, without) = (asks.text().await, plain.text().await);
    assert_eq!(from_now.text().await, with, "no gap: it asked for nothing");
    let (start, id) = with.rsplit_once(r#","id":""#).unwrap_or_else(|| panic!("no id: {with}"));
    assert_eq!(format!("{start}}}"), without, "the id is the last key, and the only difference");
    assert!(id.strip_suffix(r#""}"#).is_some_and(|id| id.parse::<u64>().is_ok()), "{with}");
}

#[tokio::test]
async fn a_projection_carries_the_same_id() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let mut whole = gateway.ws("T1", "last_event_id=").await;
    let mut narrow = gateway.ws("T1", "last_event_id=&metric=n").await;
    let mut sse = gateway.sse("T1", "metric=n").await;
    broker.publisher().await.telemetry("T1", "A", r#"{"metrics":{"n":1,"m":2}}"#).await;
    let ids: BTreeSet<String> = [
        whole.next_event().await["id"].as_str().expect("an id").to_owned(),
        narrow.next_event().await["id"].as_str().expect("an id").to_owned(),
        sse.next().await.id.expect("an id"),
    ]
    .into();
    assert_eq!(ids.len(), 1, "{ids:?}");
}

#[tokio::test]
async fn ids_grow_also_across_a_restart() {
    let broker = Broker::start().await;
    let mut publisher = broker.publisher().await;
    let mut last = 0_u64;
    for _ in 0..3 {
        let gateway = Gateway::start(&broker).await;
        let mut sse = gateway.sse("T1", "").await;
        publisher.count("T1", "A", 0..50).await;
        for _ in 0..50 {
            let id = sse.next().await.id.expect("an id");
            let grown: u64 = id.parse().unwrap_or_else(|_| panic!("not decimal: {id}"));
            assert_eq!(grown.to_string(), id, "no sign and no leading zero");
            assert!(grown > last, "{grown} after {last}");
            last = grown;
        }
    }
}

#[tokio::test]
async fn a_client_that_comes_back_is_never_left_in_the_dark() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let good = token("T1").sign();
    let mut publisher = broker.publisher().await;
    let mut first = gateway.sse("T1", "").await;
    publisher.count("T1", "A", 0..1).await;
    let id = first.next().await.id.expect("an id");
    drop(first);
    let mut witness = gateway.ws("T1", "").await;
    publisher.count("T1", "A", 1..4).await;
    witness.expect_numbers(1..4).await;

    let mut back = Sse::of(gateway.sse_response(Some(&good), "", &[("last-event-id", &id)]).await);
    back.read_connected().await;
    publisher.count("T1", "A", 4..5).await;
    // Either all that was missed comes, or a gap says that it can't.
    let message = back.next().await;
    let mut next = 1;
    if message.event.as_deref() == Some("gap") {
        assert_eq!(serde_json::from_str::<Value>(&message.data.expect("data")).expect("JSON"), replay_gap());
        next = 4;
    } else {
        let event: Value = serde_json::from_str(&message.data.expect("data")).expect("JSON");
        assert_eq!(event["metrics"]["n"], 1);
        next += 1;
    }
    back.expect_numbers(next..5).await;
}

#[tokio::test]
async fn an_odd_id_is_an_unknown_one_and_no_reason_to_refuse() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    for odd in ["abc", "-1", "1.5", "0x10", "99999999999999999999999", "1%2C2", "%20", "%FC"] {
        let query = format!("last_event_id={odd}");
        gateway.ws("T1", &query).await.expect_json(replay_gap()).await;
        let gap = gateway.sse("T1", &query).await.expect_named("gap").await;
        assert_eq!(gap, replay_gap(), "{odd}");
    }
    let good = token("T1").sign();
    let header = [("last-event-id", "h\u{e9}")];
    let mut sse = Sse::of(gateway.sse_response(Some(&good), "", &header).await);
    sse.read_connected().await;
    assert_eq!(sse.expect_named("gap").await, replay_gap());
}

#[tokio::test]
async fn the_header_wins_over_the_query() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let good = token("T1").sign();
    let mut sse = Sse::of(gateway.sse_response(Some(&good), "last_event_id=abc", &[("last-event-id", "1")]).await);
    sse.read_connected().await;
    assert_eq!(sse.expect_named("gap").await, replay_gap());
}
