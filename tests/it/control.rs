//! Limits and groups in the broker: what an operator publishes holds on every gateway, and outlives them all.

use std::path::Path;
use std::process::Command;

use floodway_tests::gateway::Launch;
use floodway_tests::process::run;
use floodway_tests::{Broker, Gateway, Publisher, Ws, wait_until};
use serde_json::{Value, json};

const ROOT: &str = "floodway/control/v1";

/// Publishes a retained message; an empty one deletes.
async fn retain(broker: &Broker, topic: &str, payload: &str) {
    broker.retains(&format!("{ROOT}/{topic}"), payload).await;
}

/// What is retained under `topic` now.
pub(crate) async fn retained(broker: &Broker, topic: &str) -> Vec<Value> {
    // Once in a while its own time-out (`-W`) leaves it hanging.
    let mut command = Command::new("timeout");
    command.args(["-k", "1", "5", "mosquitto_sub"]);
    let (port, topic) = (broker.port().to_string(), format!("{ROOT}/{topic}"));
    command.args(["-h", "127.0.0.1", "-p", &port, "--retained-only"]);
    command.args(["-W", "1", "-t", &topic]);
    let read = run("mosquitto_sub", command).await;
    let lines = read.stdout.lines();
    lines.map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// Lines of the gateway's log that hold `text`.
fn told(gateway: &Gateway, text: &str) -> usize {
    let log = gateway.log();
    log.iter().filter(|line| line.contains(text)).count()
}

/// Waits until an event of `device` reaches `ws`, which has a filter by group.
async fn becomes_member(publisher: &mut Publisher, ws: &mut Ws, device: &str) {
    wait_until("the device is in the group", async || received(publisher, ws, device).await).await;
}

/// Whether an event of `device` that is published now reaches `ws`: the device Z is in the group and comes after it.
async fn received(publisher: &mut Publisher, ws: &mut Ws, device: &str) -> bool {
    for name in [device, "Z"] {
        publisher.telemetry("T1", name, r#"{"metrics":{"n":1}}"#).await;
    }
    let first = ws.next_event().await["device_id"].clone();
    if first == device {
        assert_eq!(ws.next_event().await["device_id"], "Z");
    }
    first == device
}

#[tokio::test]
async fn a_group_that_is_published_holds_on_every_gateway_at_once_and_for_who_comes_later() {
    let broker = Broker::start().await;
    retain(&broker, "groups/T1/G", r#"{"devices":["Z"]}"#).await;
    let (first, second) = (Gateway::start(&broker).await, Gateway::start(&broker).await);
    let mut publisher = broker.publisher().await;
    let (mut one, mut two) = (first.ws("T1", "group_id=G").await, second.ws("T1", "group_id=G").await);
    for ws in [&mut one, &mut two] {
        assert!(!received(&mut publisher, ws, "A").await, "A is in no group");
        ws.send(r#"{"action":"ping"}"#).await;
        while ws.next().await["type"] != "pong" {}
    }
    drop(two);
    retain(&broker, "groups/T1/G", r#"{"devices":["A","Z"]}"#).await;
    becomes_member(&mut publisher, &mut one, "A").await;
    let mut late = second.ws("T1", "group_id=G").await;
    becomes_member(&mut publisher, &mut late, "A").await;
    let mut stranger = second.ws("T2", "group_id=G").await;
    broker.publisher().await.count("T2", "A", 0..1).await;
    stranger.send(r#"{"action":"ping"}"#).await;
    assert_eq!(stranger.next().await, json!({"type": "pong"}), "T2 has no such group");
}

pub(crate) fn quick(broker: &Broker) -> Launch {
    Gateway::start(broker).env("FLOODWAY_MQTT_BACKOFF_MAX_SECONDS", "0.5")
}

/// Lines of configuration that keep retained messages in `folder`.
pub(crate) fn persistence(folder: &Path) -> String {
    format!(
        "persistence true\npersistence_location {}/\nautosave_on_changes true\nautosave_interval 1",
        folder.display()
    )
}

/// Waits until the broker has written messages with these ends of topics to its disk: it is going to be killed.
pub(crate) async fn is_on_disk(folder: &Path, topics: &[&str]) {
    let holds = |file: &[u8], topic: &str| {
        let mut parts = file.windows(topic.len());
        parts.any(|part| part == topic.as_bytes())
    };
    wait_until("the broker has it on its disk", async || {
        std::fs::read(folder.join("mosquitto.db")).is_ok_and(|file| topics.iter().all(|topic| holds(&file, topic)))
    })
    .await;
}

#[tokio::test]
async fn a_group_survives_gateway_and_broker() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut broker = Broker::start_with(&persistence(folder.path())).await;
    let gateway = quick(&broker).await;
    retain(&broker, "groups/T1/G", r#"{"devices":["A","Z"]}"#).await;
    let mut ws = gateway.ws("T1", "group_id=G").await;
    becomes_member(&mut broker.publisher().await, &mut ws, "A").await;
    is_on_disk(folder.path(), &["groups/T1/G"]).await;
    broker.stop();
    broker.start_again().await;
    ws.expect_outage().await;
    assert!(received(&mut broker.publisher().await, &mut ws, "A").await);
    drop(ws);
    drop(gateway);
    let gateway = quick(&broker).await;
    let mut ws = gateway.ws("T1", "group_id=G").await;
    assert!(received(&mut broker.publisher().await, &mut ws, "A").await);
}

#[tokio::test]
async fn a_group_that_was_deleted_while_the_broker_was_away_is_gone() {
    let mut broker = Broker::start().await;
    retain(&broker, "groups/T1/G", r#"{"devices":["A","Z"]}"#).await;
    let gateway = quick(&broker).await;
    let mut ws = gateway.ws("T1", "group_id=G").await;
    assert!(received(&mut broker.publisher().await, &mut ws, "A").await);
    // Without persistence it forgets everything.
    broker.stop();
    broker.start_again().await;
    ws.expect_outage().await;
    broker.publisher().await.count("T1", "A", 0..1).await;
    ws.send(r#"{"action":"ping"}"#).await;
    assert_eq!(ws.next().await, json!({"type": "pong"}));
}

#[tokio::test]
async fn a_malformed_document_is_refused_and_named_in_the_log() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    retain(&broker, "groups/T1/G", r#"{"devices":["A","Z"]}"#).await;
    let mut publisher = broker.publisher().await;
    let mut ws = gateway.ws("T1", "group_id=G").await;
    becomes_member(&mut publisher, &mut ws, "A").await;
    for (topic, payload, reason) in [
        ("groups/T1/G", r#"{"devices":["Z","a/b"]}"#, "devices[1]"),
        ("groups/T1/G", "not JSON", "is not JSON"),
        ("limits/default", r#"{"queue_size":0}"#, "queue_size"),
        ("limits/tenant/T1", r#"{"overflow":"never"}"#, "overflow"),
        ("limitz/default", "{}", "topic is not known"),
    ] {
        retain(&broker, topic, payload).await;
        wait_until("the log names it", async || {
            gateway
                .log()
                .iter()
                .any(|line| line.contains(&format!("{ROOT}/{topic}")) && line.contains(reason))
        })
        .await;
        assert!(received(&mut publisher, &mut ws, "A").await, "nothing has changed");
    }
}

#[tokio::test]
async fn the_fleet_is_told_and_forgets_who_stops_or_dies() {
    let broker = Broker::start().await;
    let start = || Gateway::start(&broker).env("FLOODWAY_CONTROL_FLEET_SECONDS", "1");
    let mut first = start().await;
    let second = start().await;
    let _ws = first.ws("T1", "").await;
    wait_until("both are there, and one has a stream", async || {
        let fleet = retained(&broker, "fleet/+").await;
        fleet.len() == 2 && fleet.iter().any(|status| status["websocket"] == 1)
    })
    .await;
    first.terminate();
    assert_eq!(first.exit_code().await, Some(0));
    wait_until("it said goodbye", async || retained(&broker, "fleet/+").await.len() == 1).await;
    // Killed: only its last will is left.
    drop(second);
    wait_until("the broker has cleared it", async || retained(&broker, "fleet/+").await.is_empty()).await;
}

/// Lines of configuration that permit telemetry and nothing else.
fn telemetry_only(folder: &Path) -> String {
    let rules = folder.join("acl");
    std::fs::write(&rules, "topic readwrite tenant/#\n").expect("the rules are written");
    format!("acl_file {}", rules.display())
}

#[tokio::test]
async fn a_broker_that_ends_the_connection_over_control_is_served_all_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    // Mosquitto does so where this is 0 and a publish is forbidden.
    let settings = format!("{}\nmax_queued_messages 0", telemetry_only(folder.path()));
    let broker = Broker::start_with(&settings).await;
    let gateway = quick(&broker).await;
    let cut = || told(&gateway, "broker lost");
    // Ready, and on the next connection after those that were ended. It is the third, or the fourth where a connection
    // outlived its refusal for seconds.
    wait_until("a connection stays", async || {
        let is_ready = gateway.get("/readyz").await.0 == 200;
        is_ready && cut() >= 2 && told(&gateway, "broker connected") == cut() + 1
    })
    .await;
    let ended = cut();
    assert!((2..=3).contains(&ended), "{ended} connections were ended");
    let mut ws = gateway.ws("T1", "").await;
    broker.publisher().await.count("T1", "A", 0..1).await;
    ws.expect_numbers(0..1).await;
    wait_until("the log says so", async || told(&gateway, "can't be kept in the control store") == 1).await;
    assert_eq!(cut(), ended, "telemetry's connection stays");
}

#[tokio::test]
async fn without_permission_for_control_telemetry_is_served_and_the_log_says_so_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = format!("{}\nmax_queued_messages 1000", telemetry_only(folder.path()));
    let mut broker = Broker::start_with(&settings).await;
    let gateway = quick(&broker).await;
    let mut ws = gateway.ws("T1", "").await;
    broker.publisher().await.count("T1", "A", 0..1).await;
    ws.expect_numbers(0..1).await;
    broker.stop();
    broker.start_again().await;
    ws.expect_outage().await;
    broker.publisher().await.count("T1", "A", 1..2).await;
    ws.expect_numbers(1..2).await;
    assert_eq!(told(&gateway, "can't be kept in the control store"), 1);
}
