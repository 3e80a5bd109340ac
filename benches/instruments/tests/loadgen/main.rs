//! The load generator as a program, against a server whose faults are known: each must show in the report, and in the
//! exit status.

mod fake;

use fake::{Fake, Mischief};
use serde_json::Value;
use std::process::{Command, Output};

const LOADGEN: &str = env!("CARGO_BIN_EXE_loadgen");

/// Events of a phase.
const EVENTS: u64 = 20;

/// Subscribers.
const STREAMS: u64 = 10;

fn loadgen(fake: &Fake, more: &[&str]) -> Output {
    output(Command::new(LOADGEN), fake, more)
}

fn output(mut command: Command, fake: &Fake, more: &[&str]) -> Output {
    command.args(["--quiet", "--label", "a \"label\"", "--settle-ms", "20"]);
    command.args(["--streams", &STREAMS.to_string()]);
    command.args(["--connect", &fake.streams.to_string()]);
    command.args(["--publish", &format!("mqtt://{}", fake.broker)]);
    command.args(more).output().expect("a program that runs")
}

/// The report and the exit status of a run with one phase of 20 events.
fn run(mischief: Mischief, more: &[&str]) -> (Value, Option<i32>) {
    let output = loadgen(&Fake::start(mischief), &[&["--phase", "paced:100:0.2"], more].concat());
    (report(&output), output.status.code())
}

fn report(output: &Output) -> Value {
    let text = String::from_utf8(output.stdout.clone()).expect("UTF-8");
    assert_eq!(text.lines().count(), 1, "one line: {output:?}");
    serde_json::from_str(&text).expect("JSON")
}

/// Expected, received, lost, doubled, disordered, gaps, events in gaps.
fn counts(phase: &Value) -> [u64; 7] {
    ["expected", "received", "lost", "doubled", "disordered", "gaps", "gap_dropped"]
        .map(|name| phase[name].as_u64().unwrap_or_else(|| panic!("no {name} in {phase}")))
}

/// One test for each of these, at the same time: some wait for what never comes.
fn each<T: Copy + Sync>(cases: &[T], test: impl Fn(T) + Sync) {
    let test = &test;
    std::thread::scope(|scope| {
        for case in cases {
            scope.spawn(move || test(*case));
        }
    });
}

#[test]
fn everything_that_arrives_is_counted_once() {
    let cases = [
        &["--secret", "of this test"][..],
        &["--transport", "sse", "--secret", "of this test"],
        &["--qos", "1", "--devices", "3"],
        &["--in-flight", "1", "--metric-filters", "5"],
    ];
    each(&cases, |more| {
        let (report, status) = run(Mischief::None, more);
        let all = EVENTS * STREAMS;
        assert_eq!(counts(&report["phases"][0]), [all, all, 0, 0, 0, 0, 0], "{more:?}");
        assert_eq!(status, Some(0), "{report}");
        assert_eq!(report["label"], "a \"label\"");
        assert_eq!(report["connect"]["connected"], STREAMS);
        let latency = &report["phases"][0]["latency_us"];
        assert!(latency["max"].as_u64().unwrap() >= latency["p50"].as_u64().unwrap());
        assert!(latency["p50"].as_u64().unwrap() > 0, "{report}");
    });
}

#[test]
fn the_server_is_watched_while_it_works() {
    let pid = std::process::id().to_string();
    let (report, _) = run(Mischief::None, &["--pid", &pid]);
    let phase = &report["phases"][0];
    let figure = |value: &Value| value.as_f64().unwrap_or_else(|| panic!("no number in {report}"));
    assert!(figure(&phase["cpu_us_per_delivery"]) > 0.1, "a write costs more: {report}");
    assert!(figure(&report["connect"]["cpu_us"]) > 0.1, "{report}");
    for when in ["before", "connected", "after_phases", "after_leaving"] {
        assert!(figure(&report["rss_kib"][when]) > 1_000.0, "{when}: {report}");
    }
}

#[test]
fn each_fault_shows_as_what_it_is() {
    let all = EVENTS * STREAMS;
    let cases = [
        (Mischief::LeaveOut, [all, all - 1, 1, 0, 0, 0, 0]),
        (Mischief::Double, [all, all, 0, 1, 0, 0, 0]),
        (Mischief::Swap, [all, all, 0, 0, 1, 0, 0]),
        (Mischief::Gap, [all, all - 1, 1, 0, 0, 1, 1]),
    ];
    each(&cases, |(mischief, due)| {
        let (report, status) = run(mischief, &[]);
        assert_eq!(counts(&report["phases"][0]), due, "{mischief:?}");
        assert_eq!((status, &report["closed_early"]), (Some(1), &Value::from(0)), "{mischief:?}");
    });
}

#[test]
fn a_stream_that_ends_is_closed_early_and_its_events_are_lost() {
    let (report, status) = run(Mischief::HangUp, &[]);
    let (all, missed) = (EVENTS * STREAMS, EVENTS - 4);
    assert_eq!(counts(&report["phases"][0])[..3], [all, all - missed, missed]);
    assert_eq!((status, &report["closed_early"]), (Some(1), &Value::from(1)), "{report}");
    assert!(report["error"].as_str().unwrap().contains("closed by the server"), "{report}");
}

#[test]
fn a_server_that_goes_away_ends_the_run() {
    let (report, status) = run(Mischief::HangUpOnAll, &["--phase", "idle:3000"]);
    assert_eq!((status, &report["closed_early"]), (Some(1), &Value::from(STREAMS)), "{report}");
    assert_eq!(report["phases"].as_array().unwrap().len(), 1, "no second phase: {report}");
}

#[test]
fn a_broker_that_goes_away_ends_the_run() {
    each(&[Mischief::NoBroker, Mischief::BrokerGone], |mischief| {
        let (report, status) = run(mischief, &["--phase", "single:10"]);
        assert_eq!(status, Some(1), "{mischief:?}: {report}");
        assert!(report["error"].as_str().unwrap().starts_with("publishing: "), "{report}");
        assert_eq!(report["phases"].as_array().unwrap().len(), 1, "{report}");
    });
}

#[test]
fn phases_run_one_after_the_other_on_the_same_streams() {
    let fake = Fake::start(Mischief::None);
    let phases = ["--phase", "single:7", "--phase", "idle:0.05", "--phase", "window:4:0.2", "--phase", "paced:50:0.1"];
    let output = loadgen(&fake, &phases);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let report = report(&output);
    let published = |phase: usize| report["phases"][phase]["published"].as_u64().unwrap();
    assert_eq!((published(0), published(1), published(3)), (7, 0, 5));
    assert!(published(2) > 4, "the window moves: {report}");
    for phase in report["phases"].as_array().unwrap() {
        let [expected, received, ..] = counts(phase);
        assert_eq!((expected, received), (phase["published"].as_u64().unwrap() * STREAMS, expected));
    }
}

#[test]
fn a_window_that_nobody_completes_ends_and_is_a_loss() {
    let (fake, begun) = (Fake::start(Mischief::LeaveOut), std::time::Instant::now());
    let output = loadgen(&fake, &["--phase", "window:1:60"]);
    let report = report(&output);
    assert_eq!(counts(&report["phases"][0])[..3], [5 * STREAMS, 5 * STREAMS - 1, 1]);
    assert_eq!(output.status.code(), Some(1));
    assert!(begun.elapsed() < std::time::Duration::from_secs(40), "long before the phase's time");
}

#[test]
fn only_what_was_asked_for_may_arrive() {
    // The fake looks at no filter: of 20 events of 4 devices, 10 are of the 2 wanted ones, and each subscriber wants
    // one of them.
    let more = ["--devices", "4", "--filter", "device", "--wanted-devices", "2"];
    let (report, status) = run(Mischief::None, &more);
    let phase = &report["phases"][0];
    assert_eq!(counts(phase)[..3], [5 * STREAMS, 5 * STREAMS, 0]);
    assert_eq!(phase["unwanted"].as_u64(), Some(15 * STREAMS));
    assert_eq!(status, Some(1));
}

#[test]
fn a_server_that_is_not_there_refuses_everyone() {
    let fake = Fake::start(Mischief::None);
    let nowhere = Fake { streams: "127.0.0.1:1".parse().unwrap(), ..fake };
    let output = loadgen(&nowhere, &["--phase", "paced:10:1"]);
    let report = report(&output);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(report["connect"]["refused"], STREAMS);
    assert_eq!(report["phases"], Value::Array(vec![]));
}

#[test]
fn too_many_streams_for_this_machine_are_reported_before_they_begin() {
    let mut command = Command::new("sh");
    command.args(["-c", r#"ulimit -n 40 && exec "$0" "$@""#, LOADGEN]);
    let output = output(command, &Fake::start(Mischief::None), &["--phase", "idle:1"]);
    let report = report(&output);
    assert_eq!(output.status.code(), Some(1));
    let error = report["error"].as_str().unwrap();
    assert_eq!(error, "42 open files are needed, 40 are allowed (ulimit -n)");
    assert_eq!(report["connect"]["refused"], 0);
}

#[test]
fn a_broker_that_is_not_there_is_reported() {
    let fake = Fake::start(Mischief::None);
    let nowhere = Fake { broker: "127.0.0.1:1".parse().unwrap(), ..fake };
    let output = loadgen(&nowhere, &["--phase", "paced:10:1"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(report(&output)["error"].as_str().unwrap().contains("127.0.0.1:1"), "{output:?}");
}

#[test]
fn a_summary_for_people_has_the_same_figures() {
    let output = loadgen(&Fake::start(Mischief::LeaveOut), &["--human", "--phase", "paced:100:0.1"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("10 of 10 streams"), "{text}");
    assert!(text.contains("99 of 100 deliveries"), "{text}");
    assert!(text.contains("lost 1,"), "{text}");
}

#[test]
fn wrong_usage_exits_with_2() {
    for wrong in [
        &["--phase", "paced:10"][..],
        &["--phase", "paced:10:1"],
        &["--dialect", "mqtt", "--transport", "sse"],
        &["--wanted-devices", "2"],
        &["--devices", "2", "--filter", "device", "--wanted-devices", "3"],
        &["--metric-filters", "25"],
        &["--streams", "0"],
        &["--publish", "127.0.0.1:1883"],
        &["--qos", "2"],
    ] {
        let mut command = Command::new(LOADGEN);
        let output = command.args(["--connect", "127.0.0.1:1"]).args(wrong).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{wrong:?}: {output:?}");
        assert!(output.stdout.is_empty());
    }
}
