//! Coming back: what a stream missed comes in order, once, and then the live events, with no seam.

use std::collections::BTreeSet;

use floodway_tests::stream::grows;
use floodway_tests::{Broker, Gateway, Sse, Transport, token, topic};
use futures_util::future::join_all;
use serde_json::{Value, json};

pub(crate) fn replay_gap() -> Value {
    json!({"type": "gap", "reason": "replay", "dropped": null})
}

/// A payload with the metrics `n` and `m`.
fn pair(n: u64) -> String {
    json!({"metrics": {"n": n, "m": n * 10}}).to_string()
}

#[tokio::test]
async fn exactly_what_was_missed_comes_in_order_and_then_live() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    for (round, transport) in Transport::ALL.into_iter().enumerate() {
        let tenant = format!("T{round}");
        let mut publisher = broker.publisher().await;
        let mut stream = gateway.stream(transport, &tenant, "").await;
        publisher.count(&tenant, "A", 0..10).await;
        let mut id = stream.expect_numbers(0..10).await;
        for start in [10, 110, 210] {
            drop(stream);
            publisher.count(&tenant, "A", start..start + 50).await;
            stream = gateway.resumed(transport, &tenant, "", &id).await;
            assert_eq!(stream.start_id(), id, "{transport:?}");
            publisher.count(&tenant, "A", start + 50..start + 100).await;
            id = stream.expect_numbers(start..start + 100).await;
        }
    }
}

#[tokio::test]
async fn a_stream_that_comes_back_while_events_pour_in_sees_no_seam() {
    const PUBLISHED: u64 = 4000;
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).env("STREAM_QUEUE_SIZE", PUBLISHED).await;
    let mut publisher = broker.publisher().await;
    let streams = join_all(Transport::ALL.map(|transport| gateway.stream(transport, "T1", ""))).await;
    let publishing = tokio::spawn(async move { publisher.count("T1", "A", 0..PUBLISHED).await });
    let readers = streams.into_iter().zip(Transport::ALL).map(async |(mut stream, transport)| {
        let (mut next, mut cuts) = (0, 0);
        while next < PUBLISHED {
            let id = stream.expect_numbers(next..(next + 400).min(PUBLISHED)).await;
            next += 400;
            drop(stream);
            stream = gateway.resumed(transport, "T1", "", &id).await;
            cuts += 1;
        }
        assert_eq!(cuts, PUBLISHED / 400);
    });
    join_all(readers).await;
    publishing.await.expect("all is published");
}

#[tokio::test]
async fn an_id_is_taken_from_the_header_before_the_query() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let mut stream = gateway.stream(Transport::Sse, "T1", "").await;
    broker.publisher().await.count("T1", "A", 0..10).await;
    let (early, late) = (stream.expect_numbers(0..3).await, stream.expect_numbers(3..7).await);
    let good = token("T1").sign();
    let header = |id: &str| vec![("last-event-id", id.to_owned())];
    for (query, headers, first) in [
        (String::new(), header(&late), 7),
        (format!("last_event_id={late}"), vec![], 7),
        (format!("lastEventId={late}"), vec![], 7),
        (format!("last_event_id={early}"), header(&late), 7),
        (format!("lastEventId={late}"), header(&early), 3),
        ("last_event_id=abc".to_owned(), header(&early), 3),
    ] {
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, id)| (*name, id.as_str())).collect();
        let mut sse = Sse::of(gateway.sse_response(Some(&good), &query, &headers).await);
        sse.read_connected().await;
        sse.expect_numbers(first..10).await;
    }
}

#[tokio::test]
async fn what_was_missed_is_filtered_and_projected() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let mut publisher = broker.publisher().await;
    let mut first = gateway.stream(Transport::Sse, "T1", "").await;
    publisher.telemetry("T1", "A", pair(0)).await;
    let id = first.expect_numbers(0..1).await;
    for n in 1..31 {
        publisher.telemetry("T1", if n % 3 == 0 { "A" } else { "B" }, pair(n)).await;
    }
    publisher.telemetry("T1", "A", r#"{"metrics":{"n":99}}"#).await;
    for transport in Transport::ALL {
        let mut narrow = gateway.resumed(transport, "T1", "device_id=A&metric=m", &id).await;
        for n in (3..31).step_by(3) {
            assert_eq!(narrow.next().await["metrics"], json!({"m": n * 10}), "{transport:?}");
        }
        // The one without the metric is none of its own.
        publisher.telemetry("T1", "A", pair(100)).await;
        assert_eq!(narrow.next().await["metrics"], json!({"m": 1000}), "{transport:?}");
        let mut none = gateway.resumed(transport, "T1", "device_id=C", &id).await;
        publisher.telemetry("T1", "C", pair(7)).await;
        none.expect_numbers(7..8).await;
    }
}

#[tokio::test]
async fn who_has_the_newest_id_gets_neither_gap_nor_repetition() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let mut publisher = broker.publisher().await;
    for (transport, n) in Transport::ALL.into_iter().zip(0..) {
        let mut stream = gateway.stream(transport, "T1", "").await;
        publisher.count("T1", "A", n..n + 1).await;
        let newest = stream.expect_numbers(n..n + 1).await;
        let mut again = gateway.resumed(transport, "T1", "", &newest).await;
        assert_eq!(again.start_id(), newest);
        publisher.count("T1", "A", n + 50..n + 51).await;
        again.expect_numbers(n + 50..n + 51).await;
    }
}

#[tokio::test]
async fn connected_says_where_to_resume_if_nothing_else_arrives() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    for (round, transport) in Transport::ALL.into_iter().enumerate() {
        let tenant = format!("T{round}");
        let mut publisher = broker.publisher().await;
        // Before the first event of all.
        let mut witness = gateway.stream(transport, &tenant, "").await;
        let nothing = gateway.stream(transport, &tenant, "device_id=Z").await.start_id();
        publisher.count(&tenant, "A", 0..5).await;
        let newest = witness.expect_numbers(0..5).await;
        let mut back = gateway.resumed(transport, &tenant, "", &nothing).await;
        assert_eq!(back.start_id(), nothing, "{transport:?}");
        back.expect_numbers(0..5).await;
        // The newest event's, matched or not.
        let unmatched = gateway.stream(transport, &tenant, "device_id=Z").await.start_id();
        assert_eq!(unmatched, newest, "{transport:?}");
        publisher.count(&tenant, "Z", 5..9).await;
        let mut back = gateway.resumed(transport, &tenant, "device_id=Z", &unmatched).await;
        back.expect_numbers(5..9).await;
    }
}

#[tokio::test]
async fn an_id_of_another_gateway_is_a_gap_and_then_all_that_is_kept() {
    let broker = Broker::start().await;
    let (one, other) = (Gateway::start(&broker).await, Gateway::start(&broker).await);
    let mut publisher = broker.publisher().await;
    let mut here = one.stream(Transport::Sse, "T1", "").await;
    let mut there = other.stream(Transport::Sse, "T1", "").await;
    publisher.count("T1", "A", 0..5).await;
    let id = here.expect_numbers(0..5).await;
    there.expect_numbers(0..5).await;
    for transport in Transport::ALL {
        let mut moved = other.resumed(transport, "T1", "", &id).await;
        moved.expect_json(replay_gap()).await;
        moved.expect_numbers(0..5).await;
    }
}

#[tokio::test]
async fn an_id_of_another_tenant_is_a_gap_and_gives_nothing_of_that_tenant() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let mut publisher = broker.publisher().await;
    let mut stream = gateway.stream(Transport::Sse, "T1", "").await;
    publisher.count("T1", "A", 0..5).await;
    let id = stream.expect_numbers(0..1).await;
    for (transport, tenant) in Transport::ALL.into_iter().zip(["T2", "T3", "T4"]) {
        let mut foreign = gateway.resumed(transport, tenant, "", &id).await;
        foreign.expect_json(replay_gap()).await;
        publisher.count(tenant, "A", 7..8).await;
        foreign.expect_numbers(7..8).await;
    }
}

#[tokio::test]
async fn an_id_from_before_a_restart_is_a_gap_and_then_all_that_is_kept() {
    let broker = Broker::start().await;
    let mut gateway = Gateway::start(&broker).await;
    let mut publisher = broker.publisher().await;
    let mut ids = Vec::new();
    for transport in Transport::ALL {
        let mut stream = gateway.stream(transport, "T1", "").await;
        publisher.count("T1", "A", 0..5).await;
        ids.push(stream.expect_numbers(0..5).await);
    }
    gateway.terminate();
    assert_eq!(gateway.exit_code().await, Some(0));
    let gateway = Gateway::start(&broker).await;
    let mut witness = gateway.stream(Transport::Sse, "T1", "").await;
    publisher.count("T1", "A", 5..9).await;
    witness.expect_numbers(5..9).await;
    for (transport, id) in Transport::ALL.into_iter().zip(ids) {
        let mut back = gateway.resumed(transport, "T1", "", &id).await;
        back.expect_json(replay_gap()).await;
        let next = back.expect_numbers(5..9).await;
        assert!(grows(&id, &next), "ids grow across a restart: {next} after {id}");
    }
}

#[tokio::test]
async fn more_than_the_queue_holds_comes_whole() {
    const MISSED: u64 = 5000;
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).env("STREAM_QUEUE_SIZE", "10").await;
    let mut publisher = broker.publisher().await;
    let id = gateway.stream(Transport::Sse, "T1", "").await.start_id();
    publisher.count("T1", "A", 0..MISSED).await;
    let readers = Transport::ALL.map(async |transport| {
        let mut back = gateway.resumed(transport, "T1", "", &id).await;
        back.expect_numbers(0..MISSED).await;
        back
    });
    let backs = join_all(readers).await;
    publisher.count("T1", "A", MISSED..MISSED + 5).await;
    for mut back in backs {
        back.expect_numbers(MISSED..MISSED + 5).await;
    }
}

#[tokio::test]
async fn filters_change_at_one_point_of_a_replay() {
    const MISSED: u64 = 3000;
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).env("STREAM_QUEUE_SIZE", "10").await;
    let mut publisher = broker.publisher().await;
    let id = gateway.stream(Transport::Sse, "T1", "").await.start_id();
    for n in 0..MISSED {
        let device = if n % 2 == 0 { "A" } else { "B" };
        publisher.send(&topic("T1", device), pair(n)).await;
    }
    publisher.settled().await;
    let mut back = gateway.resumed(Transport::WebSocket, "T1", "device_id=A", &id).await;
    back.ws().send(r#"{"action":"subscribe","device_id":"B"}"#).await;
    let mut before = 0;
    let answer = loop {
        let message = back.next().await;
        if message["type"] != "telemetry" {
            break message;
        }
        assert_eq!(message["metrics"]["n"], before);
        before += 2;
    };
    assert_eq!(answer, json!({"type": "subscribed", "device_id": "B"}));
    for n in MISSED..MISSED + 10 {
        publisher.telemetry("T1", if n % 2 == 0 { "A" } else { "B" }, pair(n)).await;
    }
    let (first, _) = back.next_event().await;
    assert!(first + 1 == before || first == before, "{first} after the answer, {before} was next before it");
    back.expect_numbers(first + 1..MISSED + 10).await;
}

#[tokio::test]
async fn three_hundred_that_come_back_at_once_get_each_what_it_missed() {
    const PUBLISHED: u64 = 1000;
    let broker = Broker::start().await;
    let launch = Gateway::start(&broker).env("MAX_STREAM_CONNECTIONS_PER_TENANT", "0");
    let gateway = launch.env("STREAM_QUEUE_SIZE", PUBLISHED).await;
    let mut publisher = broker.publisher().await;
    let mut stream = gateway.stream(Transport::Sse, "T1", "").await;
    publisher.count("T1", "A", 0..PUBLISHED).await;
    let mut ids = Vec::new();
    for _ in 0..PUBLISHED {
        ids.push(stream.next_event().await.1);
    }
    let backs = (0..300).map(async |n: u64| {
        let (transport, seen) = (Transport::ALL[n as usize % 3], n * 3);
        let mut back = gateway.resumed(transport, "T1", "", &ids[seen as usize]).await;
        back.expect_numbers(seen + 1..PUBLISHED).await;
        back
    });
    let backs = join_all(backs).await;
    publisher.count("T1", "A", PUBLISHED..PUBLISHED + 3).await;
    for mut back in backs {
        back.expect_numbers(PUBLISHED..PUBLISHED + 3).await;
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
async fn an_id_that_is_not_held_is_answered_by_a_gap_and_then_all_that_is_kept() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let good = token("T1").sign();
    let mut publisher = broker.publisher().await;
    let _witness = gateway.ws("T1", "").await;
    for (query, header, n) in [("", Some("1"), 0), ("last_event_id=1", None, 1), ("lastEventId=1", None, 2)] {
        let headers: Vec<(&str, &str)> = header.into_iter().map(|id| ("last-event-id", id)).collect();
        let mut sse = Sse::of(gateway.sse_response(Some(&good), query, &headers).await);
        sse.read_connected().await;
        assert_eq!(sse.expect_named("gap").await, replay_gap(), "{query} {header:?}");
        publisher.count("T1", "A", n..n + 1).await;
        sse.expect_numbers(0..n + 1).await;
    }
}
