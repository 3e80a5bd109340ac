//! The policy `catch_up`: a stream that lags reads on from what is kept, and loses only what is not kept any more.

use floodway_tests::gateway::Launch;
use floodway_tests::{Account, Broker, Gateway, Publisher, Stream, Transport, Ws, topic};
use futures_util::future::join_all;
use serde_json::{Value, json};

const QUEUE: u64 = 20;
const PUBLISHED: u64 = 1500;
/// HTTP/2 has no narrow sockets here.
const STALLED: [Transport; 2] = [Transport::WebSocket, Transport::Sse];

fn catch_up(broker: &Broker) -> Launch {
    Gateway::start(broker)
        .env("STREAM_QUEUE_SIZE", QUEUE)
        .env("FLOODWAY_OVERFLOW", "catch_up")
}

/// Publishes events of a kilobyte of the devices D0 to D2, none faster than a neighbour reads them.
async fn flood(publisher: &mut Publisher, neighbour: &mut Ws, numbers: std::ops::Range<u64>) {
    let pad = "x".repeat(1000);
    for n in numbers {
        let payload = json!({"metrics": {"n": n, "pad": pad}}).to_string();
        publisher.send(&topic("T1", &format!("D{}", n % 3)), payload).await;
        neighbour.expect_numbers(n..n + 1).await;
    }
    publisher.settled().await;
}

/// Reads until the numbers below `published` are accounted for.
async fn read_all(stream: &mut Stream, account: &mut Account, published: u64) {
    while !account.is_complete(published) {
        account.note(&stream.next().await);
    }
}

#[tokio::test]
async fn a_stalled_stream_gets_everything_that_is_kept() {
    let broker = Broker::start().await;
    let gateway = catch_up(&broker).await;
    let (mut neighbour, mut publisher) = (gateway.ws("T1", "").await, broker.publisher().await);
    let mut stalled = join_all(STALLED.map(|transport| gateway.narrow(transport, "T1", "", ""))).await;
    let mut narrowed = gateway.narrow(Transport::WebSocket, "T1", "device_id=D1", "").await;
    flood(&mut publisher, &mut neighbour, 0..PUBLISHED).await;
    for stream in &mut stalled {
        stream.expect_numbers(0..PUBLISHED).await;
    }
    for n in (1..PUBLISHED).step_by(3) {
        narrowed.expect_numbers(n..n + 1).await;
    }
    // It is in step again, and stalls again.
    flood(&mut publisher, &mut neighbour, PUBLISHED..PUBLISHED + 500).await;
    for stream in &mut stalled {
        stream.expect_numbers(PUBLISHED..PUBLISHED + 500).await;
    }
}

#[tokio::test]
async fn a_slow_reader_loses_nothing_while_events_pour_in() {
    let broker = Broker::start().await;
    let gateway = catch_up(&broker).await;
    let mut publisher = broker.publisher().await;
    let mut streams = join_all(Transport::ALL.map(|transport| gateway.stream(transport, "T1", ""))).await;
    streams.extend(join_all(STALLED.map(|transport| gateway.narrow(transport, "T1", "", ""))).await);
    let publishing = tokio::spawn(async move { publisher.count("T1", "A", 0..6000).await });
    join_all(streams.iter_mut().map(|stream| stream.expect_numbers(0..6000))).await;
    publishing.await.expect("all is published");
}

#[tokio::test]
async fn what_is_not_kept_any_more_is_a_gap_with_the_exact_number_in_its_place() {
    const KEPT: u64 = 100;
    let broker = Broker::start().await;
    let gateway = catch_up(&broker).env("FLOODWAY_REPLAY_EVENTS", KEPT).await;
    let (mut neighbour, mut publisher) = (gateway.ws("T1", "").await, broker.publisher().await);
    let mut stalled = join_all(STALLED.map(|transport| gateway.narrow(transport, "T1", "", ""))).await;
    let mut narrowed = gateway.narrow(Transport::Sse, "T1", "device_id=D1", "").await;
    flood(&mut publisher, &mut neighbour, 0..PUBLISHED).await;
    for stream in &mut stalled {
        let mut account = Account::of_all();
        read_all(stream, &mut account, PUBLISHED).await;
        has_lost(&account, PUBLISHED);
    }
    let mut account = Account::new(0, |n| n % 3 == 1);
    read_all(&mut narrowed, &mut account, PUBLISHED).await;
    has_lost(&account, PUBLISHED / 3);
    publisher.count("T1", "D1", PUBLISHED..PUBLISHED + 5).await;
    for stream in stalled.iter_mut().chain([&mut narrowed]) {
        stream.expect_numbers(PUBLISHED..PUBLISHED + 5).await;
    }
}

/// Whether gaps of overflow, and what was received, are what matched.
fn has_lost(account: &Account, matched: u64) {
    assert!(!account.gaps().is_empty(), "the stalled stream was to lose something");
    assert!(account.gaps().iter().all(|gap| gap["reason"] == "overflow"), "{account:?}");
    assert_eq!(account.received() + account.dropped(), matched, "{account:?}");
}

#[tokio::test]
async fn a_stream_that_comes_back_and_is_overtaken_gets_an_exact_gap() {
    let broker = Broker::start().await;
    let gateway = catch_up(&broker).env("FLOODWAY_REPLAY_EVENTS", 500).await;
    let (mut neighbour, mut publisher) = (gateway.ws("T1", "").await, broker.publisher().await);
    let start = gateway.stream(Transport::Sse, "T1", "").await.start_id();
    flood(&mut publisher, &mut neighbour, 0..400).await;
    let mut backs = join_all(STALLED.map(|transport| gateway.narrow(transport, "T1", "", &start))).await;
    flood(&mut publisher, &mut neighbour, 400..PUBLISHED).await;
    for back in &mut backs {
        let mut account = Account::of_all();
        read_all(back, &mut account, PUBLISHED).await;
        has_lost(&account, PUBLISHED);
    }
}

#[tokio::test]
async fn answers_stand_in_their_place_of_what_is_caught_up() {
    let broker = Broker::start().await;
    let gateway = catch_up(&broker).await;
    let (mut neighbour, mut publisher) = (gateway.ws("T1", "").await, broker.publisher().await);
    let mut stalled = gateway.narrow(Transport::WebSocket, "T1", "device_id=D0", "").await;
    flood(&mut publisher, &mut neighbour, 0..1000).await;
    stalled.ws().send(r#"{"action":"subscribe","device_ids":["D1"]}"#).await;
    stalled.ws().send(r#"{"action":"ping"}"#).await;
    let mut account = Account::new(0, |n| n % 3 == 0);
    let mut answers = Vec::<Value>::new();
    let mut published = 1000;
    while !(account.is_complete(published) && answers.len() == 2) {
        let message = stalled.next().await;
        account.note(&message);
        match message["type"].as_str() {
            Some("telemetry") => continue,
            Some("subscribed") => account.change(published, |n| n % 3 < 2),
            _ => {}
        }
        answers.push(message);
        if answers.len() == 1 {
            flood(&mut publisher, &mut neighbour, 1000..1020).await;
            published = 1020;
        }
    }
    assert_eq!(answers, [json!({"type": "subscribed", "device_ids": ["D1"]}), json!({"type": "pong"})]);
    assert!(account.gaps().is_empty());
}

#[tokio::test]
async fn a_stream_may_choose_it() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).env("STREAM_QUEUE_SIZE", QUEUE).await;
    let (mut neighbour, mut publisher) = (gateway.ws("T1", "").await, broker.publisher().await);
    let mut stalled = join_all(STALLED.map(|transport| gateway.narrow(transport, "T1", "overflow=catch_up", ""))).await;
    flood(&mut publisher, &mut neighbour, 0..PUBLISHED).await;
    for stream in &mut stalled {
        assert_eq!(stream.connected()["options"], json!({"overflow": "catch_up"}));
        stream.expect_numbers(0..PUBLISHED).await;
    }
}
