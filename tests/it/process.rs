//! The process itself: where its log goes, what signals do, and what happens when a part of it panics.

use std::fs::{File, write};
use std::io::{PipeReader, PipeWriter, Read, Write};
use std::process::{Command, Stdio};

use floodway_tests::broker::free_port;
use floodway_tests::gateway::{Launch, floodway};
use floodway_tests::process::Process;
use floodway_tests::{Broker, Gateway, Ws, wait_until, within};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::admin;

/// A pipe that takes nothing more until somebody reads.
fn full_pipe() -> (PipeReader, PipeWriter) {
    let (reader, mut writer) = std::io::pipe().expect("a pipe");
    let flags = fcntl_getfl(&writer).expect("its flags");
    fcntl_setfl(&writer, flags | OFlags::NONBLOCK).expect("set");
    for size in [4096, 1] {
        while writer.write(&vec![b'x'; size]).is_ok() {}
    }
    fcntl_setfl(&writer, flags).expect("set");
    (reader, writer)
}

/// A sample of a page of metrics.
async fn sample(gateway: &Gateway, address: &str, name: &str) -> u64 {
    let page = gateway
        .http()
        .get(format!("http://{address}/metrics"))
        .send();
    let page = within("metrics", page).await.expect("metrics");
    let page = page.text().await.expect("metrics");
    let line = page.lines().find_map(|line| line.strip_prefix(name));
    let line = line.unwrap_or_else(|| panic!("{name} is missing in {page}"));
    line.trim().parse().expect("a count")
}

/// Everything works although the log goes to `stderr`, which takes nothing.
async fn works_without_its_log(stderr: Stdio) {
    let broker = Broker::start().await;
    let mut gateway = Gateway::start(&broker).logs_to(stderr).await;
    let mut ws = gateway.ws("T1", "").await;
    let mut publisher = broker.publisher().await;
    publisher.telemetry("T1", "A", "a line of the log").await;
    publisher.count("T1", "A", 0..1).await;
    ws.expect_numbers(0..1).await;
    gateway.is_ready().await;
    gateway.ws("T2", "").await.close().await;
    ws.close().await;
    gateway.terminate();
    assert_eq!(gateway.exit_code().await, Some(0));
}

#[tokio::test]
async fn a_stopped_reader_of_the_log_holds_nothing_up() {
    let (reader, writer) = full_pipe();
    works_without_its_log(writer.into()).await;
    drop(reader);
}

#[tokio::test]
async fn a_reader_of_the_log_that_is_gone_ends_nothing() {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    works_without_its_log(writer.into()).await;
}

#[tokio::test]
async fn a_full_disk_under_the_log_ends_nothing() {
    let full = File::options().write(true).open("/dev/full");
    works_without_its_log(full.expect("Linux has it").into()).await;
}

#[tokio::test]
async fn lost_lines_of_the_log_are_counted_and_told_when_there_is_room_again() {
    let broker = Broker::start().await;
    let (mut reader, writer) = full_pipe();
    let admin = format!("127.0.0.1:{}", free_port());
    let gateway = Gateway::start(&broker)
        .logs_to(writer)
        .env("FLOODWAY_ADMIN_LISTEN", &admin)
        // Less than a line.
        .env("FLOODWAY_LOG_QUEUE_BYTES", 10)
        .await;
    let lost = "floodway_log_lines_dropped_total";
    assert!(sample(&gateway, &admin, lost).await > 0);
    let told = tokio::task::spawn_blocking(move || {
        let (mut text, mut part) = (String::new(), [0; 4096]);
        while !text.contains("lines of the log were lost") {
            let read = reader.read(&mut part).expect("the gateway runs");
            text = text + str::from_utf8(&part[..read]).expect("UTF-8");
        }
    });
    within("the loss is told", told).await.expect("it is told");
}

#[tokio::test]
async fn an_error_at_the_end_is_printed_behind_the_log() {
    let broker = Broker::start().await;
    let first = Gateway::start(&broker).await;
    let address = first.address().to_string();
    let mut second = floodway(&["serve"]);
    second
        .env("FLOODWAY_LISTEN", &address)
        .env("FLOODWAY_JWT_SECRET", "x".repeat(40))
        .env("MQTT_URL", broker.url());
    let mut second = Process::start("floodway", second);
    assert_eq!(second.ended().await.code(), Some(1));
    let log = second.log();
    let last = log.last().expect("a line");
    assert!(last.starts_with("error: http.listen"), "{log:#?}");
}

#[tokio::test]
async fn a_command_whose_reader_is_gone_ends_quietly() {
    for (arguments, code) in [
        (&["completions", "bash"][..], 0),
        (&["man"], 0),
        (&["--help"], 0),
        (&["serve"], 2),
        (&["serve", "--no-such-flag"], 2),
    ] {
        let gone = || {
            let (reader, writer) = std::io::pipe().expect("a pipe");
            drop(reader);
            writer
        };
        let mut command = floodway(arguments);
        command.stdin(Stdio::null()).stdout(gone()).stderr(gone());
        let mut command = tokio::process::Command::from(command);
        let ended = within("it ends", command.status()).await.expect("it runs");
        assert_eq!(ended.code(), Some(code), "{arguments:?}");
    }
}

#[tokio::test]
async fn other_signals_than_those_that_stop_it_cut_no_stream() {
    let broker = Broker::start().await;
    let mut gateway = Gateway::start(&broker).await;
    let mut ws = gateway.ws("T1", "").await;
    for signal in [Signal::HUP, Signal::USR1, Signal::USR2, Signal::PIPE] {
        gateway.signal(signal);
    }
    wait_until("SIGHUP is told", async || {
        gateway.log().iter().any(|line| line.contains("SIGHUP"))
    })
    .await;
    broker.publisher().await.count("T1", "A", 0..1).await;
    ws.expect_numbers(0..1).await;
    drop(ws);
    gateway.terminate();
    assert_eq!(gateway.exit_code().await, Some(0));
}

#[tokio::test]
async fn the_end_of_its_terminal_ends_a_demo() {
    let faults = tempfile::tempdir().expect("a temporary folder");
    let mut demo = Process::start("floodway demo", demo(&faults));
    wait_until("it runs", async || {
        demo.logged(|line| line.starts_with("devices 14 |"))
    })
    .await;
    demo.signal(Signal::HUP);
    assert_eq!(demo.ended().await.code(), Some(0));
}

/// A demo on free ports whose parts can be made to panic.
fn demo(faults: &TempDir) -> Command {
    let mut command = floodway(&["demo"]);
    command
        .env("FLOODWAY_LISTEN", "127.0.0.1:0")
        .env("FLOODWAY_ADMIN_LISTEN", "127.0.0.1:0")
        .env("TEST_FLOODWAY_FAULTS", faults.path());
    command
}

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
        Self {
            broker,
            gateway,
            ws,
            faults,
        }
    }

    /// Makes a part panic, and waits until it is told.
    async fn panics(&self, part: &str) {
        write(self.faults.path().join(part), "").expect("written");
        wait_until("the panic is told", async || {
            let log = self.gateway.log();
            let told = |line: &String| line.contains(&format!("{part}: a test wants it"));
            log.iter().any(told)
        })
        .await;
    }

    async fn counts(&self, thread: &str) -> u64 {
        let name = format!("floodway_panics_total{{thread=\"{thread}\"}}");
        sample(&self.gateway, &admin::address(&self.gateway), &name).await
    }
}

#[tokio::test]
async fn ingest_that_panics_starts_again_and_tells_a_gap() {
    let mut it = Fragile::start().await;
    it.broker.publisher().await.count("T1", "A", 0..1).await;
    it.ws.expect_numbers(0..1).await;
    it.panics("ingest").await;
    let gap = json!({"type": "gap", "reason": "upstream", "dropped": null});
    it.ws.expect_json(gap).await;
    it.broker.publisher().await.count("T1", "A", 1..2).await;
    it.ws.expect_numbers(1..2).await;
    assert_eq!(it.counts("ingest").await, 1);
}

#[tokio::test]
async fn ingest_that_panics_goes_on_with_its_ids() {
    let mut it = Fragile::start().await;
    drop(it.gateway);
    // So far ahead that the clock alone would give smaller ones.
    it.broker
        .retains(
            "floodway/control/v1/ids/reserved",
            r#"{"up_to":3000000000000000}"#,
        )
        .await;
    it.gateway = Fragile::launch(&it.broker, &it.faults).await;
    let mut sse = it.gateway.sse("T1", "").await;
    let mut ids = Vec::new();
    for n in 0..2 {
        it.broker.publisher().await.count("T1", "A", n..n + 1).await;
        ids.push(
            sse.next()
                .await
                .id
                .expect("an id")
                .parse::<u64>()
                .expect("a number"),
        );
        if n == 0 {
            it.panics("ingest").await;
            sse.expect_named("gap").await;
        }
    }
    assert_eq!(ids, [3_000_000_000_000_001, 3_000_000_000_000_002]);
}

#[tokio::test]
async fn the_refresh_of_keys_starts_again_after_a_panic() {
    let broker = Broker::start().await;
    let faults = tempfile::tempdir().expect("a temporary folder");
    let provider = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
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
    wait_until("it runs", async || {
        demo.logged(|line| all(&&line.to_owned()))
    })
    .await;
    write(faults.path().join("device"), "").expect("written");
    wait_until("all devices are there after the panic", async || {
        let log = demo.log();
        let panic = log
            .iter()
            .position(|line| line.contains("device: a test wants it"));
        panic.is_some_and(|panic| log[panic..].iter().any(|line| all(&line)))
    })
    .await;
    demo.terminate();
    assert_eq!(demo.ended().await.code(), Some(0));
}

#[tokio::test]
async fn a_stopped_reader_of_what_the_demo_prints_holds_nothing_up() {
    let faults = tempfile::tempdir().expect("a temporary folder");
    let (_reader, writer) = full_pipe();
    let address = format!("127.0.0.1:{}", free_port());
    let mut command = demo(&faults);
    command
        .env("FLOODWAY_LISTEN", &address)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .stdout(writer);
    let mut command = tokio::process::Command::from(command);
    let mut demo = command.kill_on_drop(true).spawn().expect("it starts");
    wait_until("it serves, and prints its line", async || {
        let status = reqwest::get(format!("http://{address}/readyz")).await;
        status.is_ok_and(|answer| answer.status() == 200)
    })
    .await;
    let pid = Pid::from_raw(demo.id().expect("it runs") as i32).expect("an id");
    kill_process(pid, Signal::TERM).expect("our own child");
    let ended = within("it ends", demo.wait()).await.expect("our own child");
    assert_eq!(ended.code(), Some(0));
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
    let url = format!("http://{}/metrics", admin::address(&it.gateway));
    write(it.faults.path().join("call"), "").expect("written");
    let status = async || {
        let answer = it.gateway.http().get(&url).send();
        within("an answer", answer)
            .await
            .expect("an answer")
            .status()
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
