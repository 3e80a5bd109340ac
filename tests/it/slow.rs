//! Subscribers that do not keep up: real sockets that nobody reads.
//!
//! The law behind each test: what matched was delivered or is counted in a gap, `received + dropped == published`.

use floodway_tests::gateway::Launch;
use floodway_tests::{Broker, Gateway, Publisher, Sse, Ws, token};
use serde_json::{Value, json};

use crate::admin::{Page, ask};

const QUEUE: u64 = 20;
const PUBLISHED: u64 = 1500;

fn launch(broker: &Broker, overflow: &str) -> Launch {
    let launch = Gateway::start(broker).env("STREAM_QUEUE_SIZE", QUEUE).env("FLOODWAY_OVERFLOW", overflow);
    // A stream that ended waits for its reader, however slow this machine is.
    launch.env("FLOODWAY_STREAM_CLOSE_TIMEOUT_SECONDS", "120")
}

/// Publishes events of a kilobyte, and lets `neighbour` read each before its ring could be full.
async fn flood(publisher: &mut Publisher, neighbour: &mut Ws, numbers: std::ops::Range<u64>) {
    let pad = "x".repeat(1000);
    let step = QUEUE / 2;
    for start in numbers.clone().step_by(step as usize) {
        let batch = start..numbers.end.min(start + step);
        for n in batch.clone() {
            let payload = json!({"metrics": {"n": n, "pad": pad}}).to_string();
            publisher.send(&floodway_tests::topic("T1", &format!("D{}", n % 3)), payload).await;
        }
        neighbour.expect_numbers(batch).await;
    }
    publisher.settled().await;
}

/// What a stalled subscriber saw once it read again.
#[derive(Debug, Default)]
struct Seen {
    numbers: Vec<u64>,
    /// Each gap: how many numbers had been received before it, and what it counts.
    gaps: Vec<(usize, u64)>,
    /// That of all gaps.
    reason: String,
}

impl Seen {
    fn note(&mut self, message: &Value) {
        if message["type"] == "gap" {
            let reason = message["reason"].as_str().expect("a reason").to_owned();
            assert!(self.gaps.is_empty() || reason == self.reason, "one policy has one reason: {message}");
            self.reason = reason;
            let dropped = message["dropped"].as_u64().unwrap_or_else(|| panic!("no exact number: {message}"));
            self.gaps.push((self.numbers.len(), dropped));
        } else {
            self.numbers
                .push(message["metrics"]["n"].as_u64().unwrap_or_else(|| panic!("no event: {message}")));
        }
    }

    fn accounted(&self) -> u64 {
        self.numbers.len() as u64 + self.gaps.iter().map(|(_, dropped)| dropped).sum::<u64>()
    }

    async fn by_ws(ws: &mut Ws) -> Self {
        let mut seen = Self::default();
        while seen.accounted() < PUBLISHED {
            seen.note(&ws.next().await);
        }
        seen
    }

    async fn by_sse(sse: &mut Sse) -> Self {
        let mut seen = Self::default();
        while seen.accounted() < PUBLISHED {
            let message = sse.next().await;
            let data: Value = serde_json::from_str(message.data.as_deref().expect("data")).expect("JSON");
            assert_eq!(message.event.as_deref() == Some("gap"), data["type"] == "gap", "{}", message.raw);
            assert_eq!(message.id.is_none(), data["type"] == "gap", "a gap has no id: {}", message.raw);
            seen.note(&data);
        }
        seen
    }

    /// Something was lost, each gap stands at its place with the exact number, and nothing else is missing. It is one gap
    /// as a rule; more where the kernel took a little more after the first loss.
    fn is_exact(&self) {
        assert!(!self.gaps.is_empty(), "the stalled stream was to lose something");
        assert_eq!(self.reason, "overflow");
        let (mut next, mut gaps) = (0, self.gaps.iter().peekable());
        for (place, number) in self.numbers.iter().enumerate() {
            while let Some((_, dropped)) = gaps.next_if(|(before, _)| *before == place) {
                next += dropped;
            }
            assert_eq!(*number, next, "a hole that is no gap: {self:?}");
            next += 1;
        }
        next += gaps.map(|(_, dropped)| dropped).sum::<u64>();
        assert_eq!(next, PUBLISHED, "{self:?}");
    }
}

#[tokio::test]
async fn a_stalled_websocket_is_told_the_exact_number_in_its_place() {
    let broker = Broker::start().await;
    let gateway = launch(&broker, "drop_newest").await;
    let (mut neighbour, mut publisher) = (gateway.ws("T1", "").await, broker.publisher().await);
    let mut stalled = gateway.ws_narrow("T1", "").await;
    flood(&mut publisher, &mut neighbour, 0..PUBLISHED).await;
    let seen = Seen::by_ws(&mut stalled).await;
    seen.is_exact();
    publisher.count("T1", "A", PUBLISHED..PUBLISHED + 5).await;
    stalled.expect_numbers(PUBLISHED..PUBLISHED + 5).await;
    let listed = ask(&gateway, "ListConnections", json!({})).await["connections"].take();
    let gaps: Vec<u64> = listed
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| one["gaps"].as_u64().unwrap_or_default())
        .collect();
    assert_eq!(gaps, [0, seen.gaps.len() as u64], "{listed}");
    neighbour.expect_numbers(PUBLISHED..PUBLISHED + 5).await;
}

/// With io_uring the kernel tells only of those that took less than all.
#[tokio::test]
async fn io_uring_loses_nothing_in_silence_either() {
    let broker = Broker::start().await;
    let gateway = launch(&broker, "drop_newest").env("FLOODWAY_SHARD_WRITES", "io_uring").await;
    let (mut neighbour, mut publisher) = (gateway.ws("T1", "").await, broker.publisher().await);
    let mut ws = gateway.ws_narrow("T1", "").await;
    let mut sse = gateway.sse_narrow("T1", "").await;
    flood(&mut publisher, &mut neighbour, 0..PUBLISHED).await;
    Seen::by_ws(&mut ws).await.is_exact();
    Seen::by_sse(&mut sse).await.is_exact();
    drop(sse);
    publisher.count("T1", "A", PUBLISHED..PUBLISHED + 5).await;
    ws.expect_numbers(PUBLISHED..PUBLISHED + 5).await;
    neighbour.expect_numbers(PUBLISHED..PUBLISHED + 5).await;
}

#[tokio::test]
async fn a_stalled_sse_stream_is_told_likewise() {
    let broker = Broker::start().await;
    let gateway = launch(&broker, "drop_newest").await;
    let (mut neighbour, mut publisher) = (gateway.ws("T1", "").await, broker.publisher().await);
    let mut stalled = gateway.sse_narrow("T1", "").await;
    flood(&mut publisher, &mut neighbour, 0..PUBLISHED).await;
    Seen::by_sse(&mut stalled).await.is_exact();
    publisher.count("T1", "A", PUBLISHED..PUBLISHED + 5).await;
    stalled.expect_numbers(PUBLISHED..PUBLISHED + 5).await;
}

#[tokio::test]
async fn every_stalled_stream_has_its_own_exact_count() {
    let broker = Broker::start().await;
    let gateway = launch(&broker, "drop_newest").await;
    let (mut neighbour, mut publisher) = (gateway.ws("T1", "").await, broker.publisher().await);
    let mut early = gateway.ws_narrow("T1", "").await;
    let mut narrowed = gateway.ws_narrow("T1", "metric=pad,n&device_id=D0,D1,D2").await;
    let mut sse = gateway.sse_narrow("T1", "").await;
    flood(&mut publisher, &mut neighbour, 0..PUBLISHED).await;
    Seen::by_ws(&mut early).await.is_exact();
    Seen::by_ws(&mut narrowed).await.is_exact();
    Seen::by_sse(&mut sse).await.is_exact();
}

#[tokio::test]
async fn drop_oldest_keeps_the_newest() {
    let broker = Broker::start().await;
    let gateway = launch(&broker, "drop_oldest").await;
    let (mut neighbour, mut publisher) = (gateway.ws("T1", "").await, broker.publisher().await);
    let mut stalled = gateway.ws_narrow("T1", "").await;
    flood(&mut publisher, &mut neighbour, 0..PUBLISHED).await;
    let seen = Seen::by_ws(&mut stalled).await;
    seen.is_exact();
    assert_eq!(seen.numbers.last(), Some(&(PUBLISHED - 1)));
    let (before, _) = seen.gaps[seen.gaps.len() - 1];
    let kept = (seen.numbers.len() - before) as u64;
    assert!(kept >= QUEUE, "a full ring is kept, not {kept}");
}

#[tokio::test]
async fn latest_turns_to_the_newest_of_each_device_and_back_to_all() {
    let broker = Broker::start().await;
    let gateway = launch(&broker, "latest").await;
    let (mut neighbour, mut publisher) = (gateway.ws("T1", "").await, broker.publisher().await);
    let mut stalled = gateway.ws_narrow("T1", "").await;
    flood(&mut publisher, &mut neighbour, 0..PUBLISHED).await;
    let mut seen = Seen::by_ws(&mut stalled).await;
    if seen.gaps.len() % 2 == 1 {
        // Nothing was passed over since the last turn, which is told too.
        seen.note(&stalled.next().await);
    }
    assert!(!seen.gaps.is_empty() && seen.reason == "conflated", "the stalled stream was to turn: {seen:?}");
    assert_eq!(seen.accounted(), PUBLISHED, "received + passed over is what was published: {seen:?}");
    assert!(seen.numbers.is_sorted_by(|a, b| a < b), "what is cut in between resumes exactly: {seen:?}");
    let (turn, _) = seen.gaps[0];
    assert!(seen.numbers[..turn].iter().copied().eq(0..turn as u64), "every event until it turns: {seen:?}");
    for device in 0..3 {
        let newest = PUBLISHED - 3 + device;
        assert!(seen.numbers.contains(&newest), "the newest of D{device}: {seen:?}");
    }
    publisher.count("T1", "A", PUBLISHED..PUBLISHED + 5).await;
    stalled.expect_numbers(PUBLISHED..PUBLISHED + 5).await;
    neighbour.expect_numbers(PUBLISHED..PUBLISHED + 5).await;
    let metrics = Page::gateway(&gateway).await;
    assert_eq!(metrics.sum("conflated_total", &[]), seen.gaps.iter().map(|(_, passed)| *passed as f64).sum::<f64>());
    assert_eq!(metrics.sum("gaps_total", &[("reason", "conflated")]), seen.gaps.len() as f64);
}

/// Events of a kilobyte take some two and a half in memory.
#[tokio::test]
async fn what_waits_is_bounded_in_bytes_for_each_and_for_all() {
    let broker = Broker::start().await;
    for (setting, bytes) in [("FLOODWAY_STREAM_QUEUE_BYTES", 50_000), ("FLOODWAY_SHARD_HELD_BYTES", 100_000)] {
        let roomy = launch(&broker, "drop_oldest").env("STREAM_QUEUE_SIZE", "1000000");
        let gateway = roomy.env("FLOODWAY_SHARD_COUNT", "1").env(setting, bytes).await;
        let (mut neighbour, mut publisher) = (gateway.ws("T1", "").await, broker.publisher().await);
        let mut first = gateway.ws_narrow("T1", "").await;
        let mut second = gateway.sse_narrow("T1", "").await;
        flood(&mut publisher, &mut neighbour, 0..PUBLISHED).await;
        let held = Page::gateway(&gateway).await.sum("held_bytes", &[]);
        assert!(held > 10_000.0 && held < 120_000.0, "{held} bytes with {setting}");
        Seen::by_ws(&mut first).await.is_exact();
        Seen::by_sse(&mut second).await.is_exact();
    }
}

#[tokio::test]
async fn disconnect_closes_a_slow_consumer_and_nobody_else() {
    let broker = Broker::start().await;
    let gateway = launch(&broker, "disconnect").await;
    let (mut neighbour, mut publisher) = (gateway.ws("T1", "").await, broker.publisher().await);
    let mut ws = gateway.ws_narrow("T1", "").await;
    let mut sse = gateway.sse_narrow("T1", "").await;
    flood(&mut publisher, &mut neighbour, 0..PUBLISHED).await;
    assert_eq!(ws.close_code().await, (4008, "Slow consumer".to_owned()));
    sse.ended().await;
    gateway.has_connections(1).await;
    publisher.count("T1", "A", 7..8).await;
    neighbour.expect_numbers(7..8).await;
}

#[tokio::test]
async fn an_ended_stream_that_nobody_reads_is_cut() {
    let broker = Broker::start().await;
    let gateway = launch(&broker, "disconnect").env("FLOODWAY_STREAM_CLOSE_TIMEOUT_SECONDS", "0.5").await;
    let (mut neighbour, mut publisher) = (gateway.ws("T1", "").await, broker.publisher().await);
    let _ws = gateway.ws_narrow("T1", "").await;
    let _sse = gateway.sse_narrow("T1", "").await;
    flood(&mut publisher, &mut neighbour, 0..PUBLISHED).await;
    gateway.has_connections(1).await;
}

#[tokio::test]
async fn who_asks_and_does_not_read_is_closed() {
    let broker = Broker::start().await;
    let launch = launch(&broker, "drop_newest").env("FLOODWAY_STREAM_CONTROL_BYTES", "4096");
    let gateway = launch.env("FLOODWAY_STREAM_CLIENT_MESSAGES_PER_SECOND", "100000").await;
    let mut neighbour = gateway.ws("T1", "").await;
    let mut deaf = gateway
        .ws_narrow("T1", "device_id=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
        .await;
    for _ in 0..2000 {
        if !deaf.try_send(r#"{"action":"get_filters"}"#).await {
            break;
        }
    }
    assert_eq!(deaf.close_code().await, (4008, "Slow consumer".to_owned()));
    gateway.has_connections(1).await;
    broker.publisher().await.count("T1", "A", 0..5).await;
    neighbour.expect_numbers(0..5).await;
}

#[tokio::test]
async fn answers_are_never_dropped_however_far_the_telemetry_lags() {
    let broker = Broker::start().await;
    let gateway = launch(&broker, "drop_newest").await;
    let (mut neighbour, mut publisher) = (gateway.ws("T1", "").await, broker.publisher().await);
    let mut stalled = gateway.ws_narrow("T1", "").await;
    let mut asked = 0;
    for start in (0..PUBLISHED).step_by(100) {
        flood(&mut publisher, &mut neighbour, start..start + 100).await;
        stalled.send(r#"{"action":"dance"}"#).await;
        stalled.send(r#"{"action":"ping"}"#).await;
        asked += 1;
    }
    let (mut seen, mut pongs, mut errors) = (Seen::default(), 0, 0);
    while seen.accounted() < PUBLISHED || pongs < asked {
        let message = stalled.next().await;
        match message["type"].as_str() {
            Some("pong") => pongs += 1,
            Some("error") => errors += 1,
            _ => seen.note(&message),
        }
    }
    assert_eq!((pongs, errors), (asked, asked));
    assert_eq!(seen.accounted(), PUBLISHED);
}

#[tokio::test]
async fn a_stalled_stream_keeps_its_place_and_gives_it_back() {
    let broker = Broker::start().await;
    let gateway = launch(&broker, "drop_newest").env("MAX_STREAM_CONNECTIONS_PER_TENANT", "2").await;
    let (mut neighbour, mut publisher) = (gateway.ws("T1", "").await, broker.publisher().await);
    let stalled = gateway.ws_narrow("T1", "").await;
    flood(&mut publisher, &mut neighbour, 0..PUBLISHED).await;
    assert_eq!(gateway.ws_refused(Some(&token("T1").sign()), "").await.0, 4029);
    drop(stalled);
    gateway.has_connections(1).await;
    gateway.ws("T1", "").await;
}
