//! Many streams at once: 5,000 that lose nothing, and 1,000 that outlive their broker.
//!
//! One at a time, and read with as little work as can be: every frame must be, byte for byte, the next one expected.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use floodway_tests::raw::{FIN, Raw, opcode, split_frame, unmasked_frame, upgrade_request};
use floodway_tests::wait::wait_until_by;
use floodway_tests::{Broker, Gateway, token, within};
use futures_util::stream::{self, StreamExt};
use serde_json::Value;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::sync::Mutex;

/// Each of these tests wants the machine for itself, at least from the other one.
static ALONE: Mutex<()> = Mutex::const_new(());

/// Streams that shake hands at the same time.
const AT_ONCE: usize = 100;
/// Numbers begin here, so that all are equally long, and all frames too.
const FIRST: u64 = 1000;

/// What device A's event number `n` looks like on the wire.
fn event_frame(n: u64) -> Vec<u8> {
    let text = format!(
        r#"{{"type":"telemetry","device_id":"A","tenant_id":"T1","metrics":{{"n":{n}}},"timestamp":null,"topic":"tenant/T1/device/A/telemetry"}}"#
    );
    unmasked_frame(FIN | opcode::TEXT, text.as_bytes())
}

/// What an outage of the source looks like, its times blank.
fn outage_frames() -> [Vec<u8>; 3] {
    let state = |state| format!(r#"{{"type":"upstream","state":"{state}","since":"{BLANK}"}}"#);
    let gap = r#"{"type":"gap","reason":"upstream","dropped":null}"#.to_owned();
    [state("down"), gap, state("up")].map(|text| unmasked_frame(FIN | opcode::TEXT, text.as_bytes()))
}

/// As long as a time.
const BLANK: &str = "                        ";

/// Blanks the time of a source's state.
fn blank(frame: &mut [u8]) {
    let key = br#""since":""#;
    if let Some(at) = frame.windows(key.len()).position(|bytes| bytes == key) {
        frame[at + key.len()..][..BLANK.len()].copy_from_slice(BLANK.as_bytes());
    }
}

/// Opens one stream and reads no more than `connected`.
async fn open(gateway: &Gateway, token: &str) -> Reader {
    let socket = within("a connection", TcpStream::connect(gateway.address()))
        .await
        .expect("the gateway accepts");
    let mut reader = Reader { socket, held: Vec::new() };
    within(
        "the handshake",
        tokio::io::AsyncWriteExt::write_all(&mut reader.socket, upgrade_request(token, "").as_bytes()),
    )
    .await
    .expect("the handshake is sent");
    let head = reader
        .find(|bytes| bytes.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4))
        .await;
    assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&head));
    let first = reader.find(|bytes| split_frame(bytes).map(|(_, _, length)| length)).await;
    assert!(first.windows(11).any(|bytes| bytes == b"\"connected\""), "{}", String::from_utf8_lossy(&first));
    reader
}

async fn open_all(gateway: &Gateway, count: usize) -> Vec<Reader> {
    let good = token("T1").sign();
    let opening = stream::iter(0..count).map(|_| open(gateway, &good)).buffer_unordered(AT_ONCE);
    opening.collect().await
}

/// One stream's socket, and what of it has been read ahead.
struct Reader {
    socket: TcpStream,
    held: Vec<u8>,
}

impl Reader {
    /// Reads until `end` finds one, and takes what lies before it.
    async fn find(&mut self, end: impl Fn(&[u8]) -> Option<usize>) -> Vec<u8> {
        loop {
            if let Some(end) = end(&self.held) {
                return self.held.drain(..end).collect();
            }
            let read = within("more bytes", self.socket.read_buf(&mut self.held))
                .await
                .expect("the stream is open");
            assert!(read > 0, "closed: {:?}", String::from_utf8_lossy(&self.held));
        }
    }

    /// Reads frames that must be exactly `expected`, and counts each in `progress`.
    async fn expect(&mut self, expected: &[Vec<u8>], progress: &AtomicU64) {
        for frame in expected {
            while self.held.len() < frame.len() {
                let read = self.socket.read_buf(&mut self.held).await.expect("the stream is open");
                assert!(read > 0, "closed before {}", String::from_utf8_lossy(frame));
            }
            let (next, _) = self.held.split_at_mut(frame.len());
            blank(next);
            assert!(next == frame, "{}\n is not\n{}", String::from_utf8_lossy(next), String::from_utf8_lossy(frame));
            self.held.drain(..frame.len());
            progress.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Reads on all streams at once; `progress` counts the frames of all.
fn read_all(
    readers: Vec<Reader>,
    expected: Vec<Vec<u8>>,
    progress: &Arc<AtomicU64>,
) -> Vec<tokio::task::JoinHandle<Reader>> {
    let expected = Arc::new(expected);
    let read = |mut reader: Reader| {
        let (expected, progress) = (Arc::clone(&expected), Arc::clone(progress));
        async move {
            reader.expect(&expected, &progress).await;
            reader
        }
    };
    readers.into_iter().map(|reader| tokio::spawn(read(reader))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_thousand_streams_lose_nothing_while_one_stalls() {
    const STREAMS: u64 = 5000;
    const EVENTS: u64 = 1000;
    const QUEUE: u64 = 200;
    // Never more than half a ring is under way.
    const STEP: u64 = QUEUE / 2;
    let _alone = ALONE.lock().await;
    let broker = Broker::start().await;
    let launch = Gateway::start(&broker).env("MAX_STREAM_CONNECTIONS_PER_TENANT", "0");
    let launch = launch.env("STREAM_QUEUE_SIZE", QUEUE).env("FLOODWAY_STREAM_WS_PING_SECONDS", "3600");
    let gateway = launch.await;
    let mut stalled = gateway.ws_narrow("T1", "").await;
    let readers = open_all(&gateway, STREAMS as usize).await;
    gateway.has_connections(STREAMS + 1).await;

    let progress = Arc::new(AtomicU64::new(0));
    let reading = read_all(readers, (FIRST..FIRST + EVENTS).map(event_frame).collect(), &progress);
    let mut publisher = broker.publisher().await;
    for start in (0..EVENTS).step_by(STEP as usize) {
        publisher.count("T1", "A", FIRST + start..FIRST + start + STEP).await;
        let all = (start + STEP) * STREAMS;
        wait_until_by("all have read all", Duration::from_secs(180), async || {
            // None has read the last event before it was published, so one that ended has failed.
            let failed = start + STEP < EVENTS && reading.iter().any(|task| task.is_finished());
            assert!(!failed, "a stream is not what was published");
            progress.load(Ordering::Relaxed) >= all
        })
        .await;
    }
    let mut readers = Vec::new();
    for task in reading {
        readers.push(task.await.expect("a stream is complete and in order"));
    }

    // The stalled one: what it received and what its gaps count is all, each in its place.
    let (mut next, mut lost) = (FIRST, 0);
    while next < FIRST + EVENTS {
        let message = stalled.next().await;
        if message["type"] == "gap" {
            assert_eq!(message["reason"], "overflow");
            lost += message["dropped"].as_u64().expect("an exact number");
            next += message["dropped"].as_u64().expect("an exact number");
        } else {
            assert_eq!(message["metrics"]["n"], next);
            next += 1;
        }
    }
    assert_eq!(next, FIRST + EVENTS);
    assert!(lost > 0, "the stalled stream was to lose something");

    // And nobody got anything twice: the next thing that comes is the next event.
    publisher.count("T1", "A", 2000..2001).await;
    assert_eq!(stalled.next_number().await, 2000);
    let progress = Arc::new(AtomicU64::new(0));
    for task in read_all(readers, vec![event_frame(2000)], &progress) {
        within("the last event", task).await.expect("nothing twice");
    }
    gateway.has_connections(1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_streams_outlive_their_broker() {
    const STREAMS: u64 = 1000;
    let _alone = ALONE.lock().await;
    let mut broker = Broker::start().await;
    let launch = Gateway::start(&broker).env("MAX_STREAM_CONNECTIONS_PER_TENANT", "0");
    // The clients compare bytes: no ping may stand among them, however slow the machine is.
    let launch = launch.env("FLOODWAY_STREAM_WS_PING_SECONDS", "3600");
    let gateway = launch.env("FLOODWAY_MQTT_BACKOFF_MAX_SECONDS", "0.5").await;
    let mut readers = open_all(&gateway, STREAMS as usize).await;
    for round in 0..2 {
        let n = FIRST + 10 * round;
        let progress = Arc::new(AtomicU64::new(0));
        let [down, gap, up] = outage_frames();
        let reading = read_all(readers, vec![event_frame(n), down, gap, up, event_frame(n + 1)], &progress);
        let all_have = async |count: u64| {
            let what = format!("all have read {count}");
            wait_until_by(&what, Duration::from_secs(60), async || progress.load(Ordering::Relaxed) >= count * STREAMS)
                .await;
        };
        broker.publisher().await.count("T1", "A", n..n + 1).await;
        all_have(1).await;
        broker.stop();
        broker.start_again().await;
        all_have(4).await;
        broker.publisher().await.count("T1", "A", n + 1..n + 2).await;
        all_have(5).await;
        readers = Vec::new();
        for task in reading {
            readers.push(task.await.expect("an event, the outage, an event"));
        }
        assert_eq!(gateway.connections().await, STREAMS);
    }
    drop(readers);
    gateway.has_connections(0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_of_short_streams_leaves_nothing() {
    let _alone = ALONE.lock().await;
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).env("MAX_STREAM_CONNECTIONS_PER_TENANT", "0").await;
    let mut neighbour = gateway.ws("T1", "").await;
    let good = token("T1").sign();
    let mut publisher = broker.publisher().await;
    for round in 0..5 {
        let storm = stream::iter(0..400).map(|_| Raw::websocket(gateway.address(), &good, "device_id=none"));
        let streams: Vec<Raw> = storm.buffer_unordered(AT_ONCE).collect().await;
        publisher.count("T1", "A", round * 10..round * 10 + 10).await;
        neighbour.expect_numbers(round * 10..round * 10 + 10).await;
        assert_eq!(gateway.connections().await, 401);
        streams.into_iter().for_each(Raw::reset);
        gateway.has_connections(1).await;
    }
    let status: Value = gateway.get(floodway_tests::STATUS_PATH).await.1;
    assert_eq!(status["max_per_tenant"], 0);
}
