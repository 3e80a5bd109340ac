//! The shell in front of the admin API: each command against a running gateway, wrong usage, and refusals.

use floodway_tests::gateway::{floodway, floodway_run};
use floodway_tests::process::{Finished, Process};
use floodway_tests::token::{SECRET, token};
use floodway_tests::{Broker, Gateway, wait_until};
use serde_json::{Value, json};

/// Runs a command against that gateway.
pub(crate) async fn shell(gateway: &Gateway, command: &[&str]) -> Finished {
    let url = format!("http://{}", gateway.admin());
    let arguments = [command, &["--admin", &url]].concat();
    floodway_run(&arguments, &[]).await
}

/// What a command prints that succeeds.
pub(crate) async fn text(gateway: &Gateway, command: &[&str]) -> String {
    shell(gateway, command).await.succeeded()
}

/// The same with `--json`, read as one document.
async fn json(gateway: &Gateway, command: &[&str]) -> Value {
    let text = text(gateway, &[command, &["--json"]].concat()).await;
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{command:?}: {error}: {text}"))
}

/// A command whose answer streams, which has printed that it is live.
async fn live(gateway: &Gateway, command: &[&str]) -> Process {
    let command = [command, &["--json"]].concat();
    started(gateway, &command, |line| line.contains("\"live\"")).await
}

/// A command for people whose answer streams, which has printed that it is live.
pub(crate) async fn watching(gateway: &Gateway, command: &[&str]) -> Process {
    started(gateway, command, |line| line.ends_with("live")).await
}

async fn started(gateway: &Gateway, command: &[&str], is_live: fn(&str) -> bool) -> Process {
    let url = format!("http://{}", gateway.admin());
    let arguments = [command, &["--admin", &url]].concat();
    let process = Process::start("floodway", floodway(&arguments));
    wait_until("the command is live", async || process.logged(is_live)).await;
    process
}

/// The lines of JSON of a command that has ended with 0.
async fn lines(mut process: Process) -> Vec<Value> {
    assert_eq!(process.ended().await.code(), Some(0));
    let lines = process.log();
    let lines = lines.iter().map(|line| serde_json::from_str(line));
    lines.map(|line| line.expect("a line of JSON")).collect()
}

/// A broker, a gateway, and a stream of the subject `alice` of T1.
async fn with_a_stream() -> (Broker, Gateway, floodway_tests::Ws) {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let alice = token("T1").claim("sub", json!("alice")).sign();
    let ws = gateway.ws_with(&alice, "device_id=A").await;
    (broker, gateway, ws)
}

#[tokio::test]
async fn what_is_there_is_listed_for_people_and_for_scripts() {
    let (_broker, gateway, _ws) = with_a_stream().await;
    let _sse = gateway.sse("T2", "").await;

    let status = text(&gateway, &["status", "--fleet"]).await;
    for part in ["serving", "2 of ", "1 WebSocket, 1 SSE", "1 gateway"] {
        assert!(status.contains(part), "{part} is missing:\n{status}");
    }
    let status = json(&gateway, &["status"]).await;
    assert_eq!(status["connections"]["total"], 2, "{status}");
    let fleet = json(&gateway, &["status", "--fleet"]).await;
    assert_eq!(fleet["status"]["node"]["id"], status["node"]["id"]);
    assert_eq!(fleet["fleet"]["gateways"][0]["answering"], true);

    let tenants = text(&gateway, &["tenants"]).await;
    assert_eq!(tenants.lines().count(), 3, "titles, T1, T2:\n{tenants}");
    let all = json(&gateway, &["tenants", "--all"]).await;
    assert_eq!(all["tenants"][1]["tenant_id"], "T2", "{all}");
    let one = text(&gateway, &["tenants", "--tenant", "T1"]).await;
    assert!(one.contains("1 of 10 (1 WebSocket, 0 SSE)"), "{one}");

    let streams = text(&gateway, &["connections"]).await;
    assert!(streams.contains("alice") && streams.contains("device A"), "{streams}");
    for (flag, value, found) in
        [("--tenant", "T1", 1), ("--transport", "sse", 1), ("--subject", "alice", 1), ("--subject", "bob", 0)]
    {
        let streams = json(&gateway, &["connections", "--all", flag, value]).await;
        let streams = streams["connections"].as_array().expect("a list").len();
        assert_eq!(streams, found, "{flag} {value}");
    }
}

#[tokio::test]
async fn a_stream_is_shown_explained_and_ended() {
    let (_broker, gateway, mut ws) = with_a_stream().await;
    let streams = json(&gateway, &["connections"]).await;
    let id = streams["connections"][0]["connection_id"].as_str();
    let id = id.expect("an id");
    let one = text(&gateway, &["connections", "--connection", id]).await;
    assert!(one.contains("wants      device A\n"), "{one}");

    let explain = ["explain", "--connection", id, "--tenant", "T1", "--device"];
    let wanted = text(&gateway, &[&explain[..], &["A"]].concat()).await;
    assert!(wanted.starts_with("it would be delivered"), "{wanted}");
    let unwanted = json(&gateway, &[&explain[..], &["B"]].concat()).await;
    assert_eq!(unwanted["stopped_by"], "device", "{unwanted}");

    let end = ["disconnect", "--connection", id, "--reason", "maintenance"];
    assert_eq!(text(&gateway, &end).await, "1 stream ended\n");
    assert_eq!(ws.close_code().await, (4010, "maintenance".to_owned()));
    let gone = shell(&gateway, &end).await;
    assert_eq!(gone.code, Some(1), "{}{}", gone.stdout, gone.stderr);
    assert!(gone.stderr.starts_with("error: "), "{}", gone.stderr);

    let mut again = gateway.ws("T1", "").await;
    assert_eq!(json(&gateway, &["disconnect", "--tenant", "T1"]).await["ended"], 1);
    assert_eq!(again.close_code().await.0, 4010);
}

#[tokio::test]
async fn limits_are_changed_one_by_one() {
    let (_broker, gateway, _ws) = with_a_stream().await;
    let set = ["limits", "set", "--tenant", "T1"];
    text(&gateway, &[&set[..], &["--connections-per-tenant", "1"]].concat()).await;
    text(&gateway, &[&set[..], &["--overflow", "drop_oldest"]].concat()).await;
    let got = json(&gateway, &["limits", "get", "--tenant", "T1"]).await;
    let both = json!({"connections_per_tenant": 1, "overflow": "drop_oldest", "overflow_allowed": []});
    assert_eq!(got["own"], both, "the first one is kept");
    let refused = gateway.ws_refused(Some(&token("T1").sign()), "").await;
    assert_eq!(refused.0, 4029);

    text(&gateway, &[&set[..], &["--replace", "--queue-size", "7"]].concat()).await;
    let got = json(&gateway, &["limits", "get", "--tenant", "T1"]).await;
    assert_eq!(got["own"], json!({"queue_size": 7, "overflow": "unspecified", "overflow_allowed": []}));
    text(&gateway, &[&set[..], &["--overflow-allowed", "latest,catch_up"]].concat()).await;
    let got = json(&gateway, &["limits", "get", "--tenant", "T1"]).await;
    let allowed = json!(["latest", "catch_up"]);
    assert_eq!(got["own"], json!({"queue_size": 7, "overflow": "unspecified", "overflow_allowed": allowed}));
    let shown = text(&gateway, &["limits", "get", "--tenant", "T1"]).await;
    assert!(shown.contains("overflow-allowed            latest,catch_up  set for this tenant"), "{shown}");
    let cleared = json(&gateway, &["limits", "clear", "--tenant", "T1"]).await;
    assert_eq!(cleared["cleared"], true, "{cleared}");
    let default = text(&gateway, &["limits"]).await;
    assert!(default.starts_with("limits of the default\n"), "{default}");
}

#[tokio::test]
async fn groups_are_put_listed_shown_and_deleted() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let group = async |command: &[&str]| text(&gateway, &[&["groups", "--tenant", "T1"], command].concat()).await;
    let put = group(&["put", "g", "--device", "B", "--device", "A"]).await;
    assert_eq!(put, "group g is created: 2 devices\n");
    assert_eq!(group(&["get", "g"]).await, "A\nB\n");
    assert_eq!(group(&[]).await, "GROUP  DEVICES\ng            2\n");
    assert_eq!(group(&["delete", "g"]).await, "group g is deleted\n");
    let gone = shell(&gateway, &["groups", "get", "g", "--tenant", "T1"]).await;
    assert_eq!(gone.code, Some(1), "{}{}", gone.stdout, gone.stderr);
}

#[tokio::test]
async fn a_drain_is_begun_and_called_off() {
    let (_broker, gateway, _ws) = with_a_stream().await;
    let begun = json(&gateway, &["drain", "--spread", "1h"]).await;
    assert_eq!(begun["drain"]["spread_seconds"], 3600.0, "{begun}");
    let status = text(&gateway, &["status"]).await;
    assert!(status.contains("draining since "), "{status}");
    let off = text(&gateway, &["drain", "--cancel"]).await;
    assert!(off.starts_with("called off the drain since "), "{off}");
    let off = text(&gateway, &["drain", "--cancel"]).await;
    assert_eq!(off, "no drain was under way\n");
}

#[tokio::test]
async fn a_tail_shows_events_with_their_values_as_sent() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let tail = ["tail", "--tenant", "T1", "--device", "A", "--count", "1"];
    let tail = live(&gateway, &tail).await;
    let mut publisher = broker.publisher().await;
    let payload = r#"{"ts":"now","metrics":{"t":72.10}}"#;
    publisher.telemetry("T1", "B", payload).await;
    publisher.telemetry("T1", "A", payload).await;
    let logged = lines(tail).await;
    assert_eq!(logged[1]["event"]["device_id"], "A", "{logged:?}");
    assert!(logged[1]["id"].is_string(), "{logged:?}");

    let url = format!("http://{}", gateway.admin());
    let tail = ["tail", "--tenant", "T1", "--count", "1", "--admin", &url];
    let mut tail = Process::start("floodway", floodway(&tail));
    wait_until("the tail is live", async || tail.logged(|line| line == "live: all devices")).await;
    publisher.telemetry("T1", "A", payload).await;
    assert_eq!(tail.ended().await.code(), Some(0));
    assert_eq!(tail.log()[1], "now  A  {\"t\":72.10}");
}

#[tokio::test]
async fn events_tell_who_comes_and_goes() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let events = live(&gateway, &["events", "--tenant", "T1", "--count", "2"]).await;
    let _other = gateway.ws("T2", "").await;
    gateway.ws("T1", "").await.close().await;
    let logged = lines(events).await;
    assert_eq!(logged[1]["opened"]["stream"]["tenant_id"], "T1");
    assert_eq!(logged[1]["opened"]["stream"]["transport"], "websocket");
    assert!(logged[2]["closed"]["reason"].is_string(), "{logged:?}");
    assert_eq!(logged.len(), 3, "nothing of T2: {logged:?}");
}

#[tokio::test]
async fn a_watch_prints_a_line_each_time_and_ends_with_the_gateway() {
    let broker = Broker::start().await;
    let mut gateway = Gateway::start(&broker).await;
    let url = format!("http://{}", gateway.admin());
    let watch = ["status", "--watch", "--interval", "100ms", "--json", "--admin", &url];
    let mut watch = Process::start("floodway", floodway(&watch));
    wait_until("three lines are there", async || watch.log().len() >= 3).await;
    gateway.terminate();
    assert_eq!(gateway.exit_code().await, Some(0));
    assert_eq!(watch.ended().await.code(), Some(1));
    let log = watch.log();
    let (why, answers) = log.split_last().expect("lines");
    assert!(why.starts_with("error: "), "{why}");
    for answer in answers {
        serde_json::from_str::<Value>(answer).expect("a line of JSON");
    }
}

#[tokio::test]
async fn wrong_usage_of_the_shell_names_the_flag_and_exits_with_2() {
    let long = "x".repeat(124);
    for (command, named) in [
        (&["disconnect"][..], "--connection"),
        (&["disconnect", "--subject", "s"], "--tenant"),
        (&["disconnect", "--tenant", "T", "--reason", &long], "--reason"),
        (&["connections", "--tenant", "a/b"], "--tenant"),
        (&["connections", "--transport", "pigeon"], "--transport"),
        (&["limits", "set", "--tenant", "T"], "--queue-size"),
        (&["limits", "set", "--queue-size", "5"], "--default"),
        (&["groups", "list"], "--tenant"),
        (&["drain", "--spread", "soon"], "--spread"),
        (&["explain", "--connection", "1"], "--tenant"),
        (&["status", "--admin", "nowhere"], "--admin"),
        (&["top"], "--watch"),
    ] {
        let refused = floodway_run(command, &[]).await;
        let told = format!("{command:?}: {}", refused.stderr);
        assert_eq!(refused.code, Some(2), "{told}");
        assert!(refused.stderr.contains(named), "{told}");
    }
}

#[tokio::test]
async fn what_the_gateway_finds_wrong_names_the_flag_too() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let set = ["limits", "set", "--default", "--queue-size", "0"];
    let refused = shell(&gateway, &set).await;
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(refused.stderr.contains("--queue-size"), "{}", refused.stderr);
}

#[tokio::test]
async fn without_the_right_token_the_shell_tells_which_flag_gives_it() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).env("FLOODWAY_ADMIN_TOKEN", "s3cret").await;
    let refused = shell(&gateway, &["status"]).await;
    assert_eq!(refused.code, Some(1), "{}", refused.stderr);
    assert!(refused.stderr.contains("--token"), "{}", refused.stderr);
    let url = format!("http://{}", gateway.admin());
    let settings = [("FLOODWAY_ADMIN_TOKEN", "s3cret")];
    let told = floodway_run(&["status", "--admin", &url], &settings).await;
    assert_eq!(told.code, Some(0), "{}", told.stderr);
    assert!(!told.stdout.contains(SECRET) && !told.stdout.contains("s3cret"));
}

#[tokio::test]
async fn completions_and_pages_are_printed() {
    let completions = floodway_run(&["completions", "bash"], &[]).await;
    assert!(completions.succeeded().contains("disconnect"));
    let page = floodway_run(&["man"], &[]).await;
    assert!(page.stdout.contains(".SH SUBCOMMANDS"), "{}", page.stdout);
}
