//! What happens when a part of the process panics: it starts again, or the process ends in order.

use std::fs::write;

use floodway_tests::gateway::Launch;
use floodway_tests::process::Process;
use floodway_tests::{Broker, Gateway, Ws, wait_until, within};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::process::{demo, sample};

/// A gateway whose parts can be made to panic, with a stream of `T1`.
struct Fragile {
    broker: Broker,
    gateway: Gateway,
    ws: Ws,
    faults: TempDir,
}

impl Fragile {
    fn launch(broker: &Broker, faults: &TempDir) -> Launch {
        Gateway::start(broker)
            .env("TEST_FLOODWAY_FAULTS", faults.path().display())
            .env("FLOODWAY_MQTT_BACKOFF_MAX_SECONDS", "0.5")
            .env("FLOODWAY_SHARD_COUNT", 1)
    }

    async fn start() -> Self {
        let broker = Broker::start().await;
        let faults = tempfile::tempdir().expect("a temporary folder");
        let gateway = Self::launch(&broker, &faults).await;
        let ws = gateway.ws("T1", "").await;
        Self { broker, gateway, ws, faults }
    }

    /// Makes a part panic, and waits until it is told.
    async fn panics(&self, part: &str) {
        write(self.faults.path().join(part), "").expect("written");
        let words = format!("{part}: a test wants it");
        self.gateway.is_logged(&words).await;
    }

    async fn counts(&self, thread: &str) -> u64 {
        let name = format!("floodway_panics_total{{thread=\"{thread}\"}}");
        sample(&self.gateway, &self.gateway.admin(), &name).await
    }
}

#[tokio::test]
async fn ingest_that_panics_starts_again_and_tells_a_gap() {
    let mut it = Fragile::start().await;
    it.broker.publisher().await.count("T1", "A", 0..1).await;
    it.ws.expect_numbers(0..1).await;
    it.panics("ingest").await;
    it.ws.expect_outage().await;
    it.broker.publisher().await.count("T1", "A", 1..2).await;
    it.ws.expect_numbers(1..2).await;
    assert_eq!(it.counts("ingest").await, 1);
}

#[tokio::test]
async fn ingest_that_panics_misses_nothing_that_the_broker_keeps_for_it() {
    let mut it = Fragile::start().await;
    drop(it.gateway);
    it.gateway = Fragile::launch(&it.broker, &it.faults)
        .env("FLOODWAY_MQTT_SESSION", "persistent")
        .env("FLOODWAY_MQTT_CLIENT_ID", "the-gateway")
        .await;
    it.ws = it.gateway.ws("T1", "").await;
    for n in 0..3 {
        it.panics("ingest").await;
        it.ws.expect_upstream("down").await;
        it.broker.publisher().await.count("T1", "A", n..n + 1).await;
        it.ws.expect_upstream("up").await;
        it.ws.expect_numbers(n..n + 1).await;
    }
}

#[tokio::test]
async fn ingest_that_panics_goes_on_with_its_ids() {
    let mut it = Fragile::start().await;
    drop(it.gateway);
    // So far ahead that the clock alone would give smaller ones.
    it.broker
        .retains("floodway/control/v1/ids/reserved", r#"{"up_to":3000000000000000}"#)
        .await;
    it.gateway = Fragile::launch(&it.broker, &it.faults).await;
    let mut sse = it.gateway.sse("T1", "").await;
    let mut ids = Vec::new();
    for n in 0..2 {
        it.broker.publisher().await.count("T1", "A", n..n + 1).await;
        ids.push(sse.next().await.id.expect("an id").parse::<u64>().expect("a number"));
        if n == 0 {
            it.panics("ingest").await;
            sse.expect_outage().await;
        }
    }
    let [first, second] = [ids[0] >> 10, ids[1] >> 10];
    let reserved = 3_000_000_000_000_000;
    // Gaps have ids too.
    assert!(reserved < first && first < second && second < reserved + 10, "{first} {second}");
    assert_eq!(ids[0] % 1024, ids[1] % 1024, "it is marked as the same gateway's");
}

#[tokio::test]
async fn the_refresh_of_keys_starts_again_after_a_panic() {
    let broker = Broker::start().await;
    let faults = tempfile::tempdir().expect("a temporary folder");
    let provider = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let keys = format!("http://{}/keys", provider.local_addr().expect("an address"));
    let serving = tokio::spawn(async move {
        // The example of RFC 8037, A.2.
        let keys = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
        while let Ok((mut socket, _)) = provider.accept().await {
            let length = keys.len();
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{keys}"
            );
            let mut asked = [0; 4096];
            let _ = socket.read(&mut asked).await;
            let _ = socket.write_all(answer.as_bytes()).await;
        }
    });
    let gateway = Fragile::launch(&broker, &faults)
        .without("FLOODWAY_JWT_SECRET")
        .env("FLOODWAY_JWKS_URL", keys)
        .await;
    write(faults.path().join("jwks"), "").expect("written");
    wait_until("it starts again", async || {
        let log = gateway.log();
        let again = |line: &String| line.contains("starts again") && line.contains("jwks");
        log.iter().any(again)
    })
    .await;
    serving.abort();
}

#[tokio::test]
async fn a_device_of_the_demo_that_panics_comes_back() {
    let faults = tempfile::tempdir().expect("a temporary folder");
    let mut demo = Process::start("floodway demo", demo(&faults));
    let all = |line: &&String| line.starts_with("devices 14 |");
    wait_until("it runs", async || demo.logged(|line| all(&&line.to_owned()))).await;
    write(faults.path().join("device"), "").expect("written");
    wait_until("all devices are there after the panic", async || {
        let log = demo.log();
        let panic = log.iter().position(|line| line.contains("device: a test wants it"));
        panic.is_some_and(|panic| log[panic..].iter().any(|line| all(&line)))
    })
    .await;
    demo.terminate();
    assert_eq!(demo.ended().await.code(), Some(0));
}

#[tokio::test]
async fn parts_that_panic_beside_the_events_start_again() {
    let mut it = Fragile::start().await;
    for part in ["admin", "rates", "health", "announcer", "memory", "log"] {
        it.panics(part).await;
    }
    for part in ["announcer", "memory", "rates", "health", "admin"] {
        wait_until("it starts again", async || {
            let log = it.gateway.log();
            let again = |line: &String| line.contains("starts again") && line.contains(part);
            log.iter().any(again)
        })
        .await;
    }
    assert_eq!(it.counts("admin").await, 3);
    assert_eq!(it.counts("main").await, 2);
    assert_eq!(it.counts("log").await, 1);
    it.broker.publisher().await.count("T1", "A", 0..1).await;
    it.ws.expect_numbers(0..1).await;
    it.ws.close().await;
    it.gateway.terminate();
    assert_eq!(it.gateway.exit_code().await, Some(0));
}

#[tokio::test]
async fn a_call_that_panics_fails_alone() {
    let it = Fragile::start().await;
    let url = format!("http://{}/metrics", it.gateway.admin());
    write(it.faults.path().join("call"), "").expect("written");
    let status = async || {
        let answer = it.gateway.http().get(&url).send();
        within("an answer", answer).await.expect("an answer").status()
    };
    assert_eq!(status().await, 500);
    assert_eq!(status().await, 200);
}

#[tokio::test]
async fn a_part_that_streams_need_ends_the_process_in_order_when_it_panics() {
    for part in ["shard", "requests", "answers", "door"] {
        let mut it = Fragile::start().await;
        it.panics(part).await;
        assert_eq!(it.gateway.exit_code().await, Some(1), "{part}");
        let log = it.gateway.log();
        let last = log.last().expect("a line");
        assert!(last.contains("has ended by itself"), "{log:#?}");
    }
}
