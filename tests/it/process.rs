//! The process itself: where its log goes, and what signals do.

use std::fs::File;
use std::io::{PipeReader, PipeWriter, Read, Write};
use std::process::{Command, Stdio};

use floodway_tests::broker::free_port;
use floodway_tests::gateway::floodway;
use floodway_tests::process::Process;
use floodway_tests::{Broker, Gateway, wait_until, within};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

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
pub(crate) async fn sample(gateway: &Gateway, address: &str, name: &str) -> u64 {
    let page = gateway.http().get(format!("http://{address}/metrics")).send();
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
            text += str::from_utf8(&part[..read]).expect("UTF-8");
        }
    });
    within("the loss is told", told).await.expect("it is told");
}

#[tokio::test]
async fn a_stopped_reader_holds_up_no_usage_error() {
    for (arguments, listen) in [(&["serve"][..], ""), (&["serve", "--no-such"], ""), (&["serve"], "nowhere")] {
        let (_reader, writer) = full_pipe();
        let mut command = floodway(arguments);
        command.env("FLOODWAY_LISTEN", listen).stdout(Stdio::null()).stderr(writer);
        let mut command = tokio::process::Command::from(command);
        let ended = command.kill_on_drop(true).status();
        let ended = within("its end", ended).await.expect("it starts");
        assert_eq!(ended.code(), Some(2), "{arguments:?} {listen}");
    }
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
    gateway.is_logged("SIGHUP").await;
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
    wait_until("it runs", async || demo.logged(|line| line.starts_with("devices 14 |"))).await;
    demo.signal(Signal::HUP);
    assert_eq!(demo.ended().await.code(), Some(0));
}

/// A demo on free ports whose parts can be made to panic.
pub(crate) fn demo(faults: &TempDir) -> Command {
    let mut command = floodway(&["demo"]);
    command
        .env("FLOODWAY_LISTEN", "127.0.0.1:0")
        .env("FLOODWAY_ADMIN_LISTEN", "127.0.0.1:0")
        .env("TEST_FLOODWAY_FAULTS", faults.path());
    command
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
