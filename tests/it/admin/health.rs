//! `grpc.health.v1` in step with drains: who sends clients here knows before the clients do.

use floodway_tests::process::Process;
use floodway_tests::{Broker, Gateway, wait_until};
use serde_json::{Value, json};

use super::{ask, python};

const WATCH: &str = "grpc.health.v1.Health/Watch";
const CHECK: &str = "grpc.health.v1.Health/Check";

/// Waits until the watch has been told so many states, of which the last is `expected`.
async fn told(watch: &Process, count: usize, expected: &str) {
    wait_until(&format!("the {count}. state"), async || watch.log().len() == count).await;
    let state: Value = serde_json::from_str(&watch.log()[count - 1]).expect("a line of JSON");
    assert_eq!(state["status"], expected, "the {count}. state");
}

#[tokio::test]
async fn health_is_watched_through_drains_and_their_end() {
    let broker = Broker::start().await;
    let mut gateway = Gateway::start(&broker)
        .env("FLOODWAY_HTTP_DRAIN_SECONDS", "600")
        .env("FLOODWAY_STREAM_CLOSE_TIMEOUT_SECONDS", "600")
        .await;
    let service = json!({"service": "floodway.admin.v1.Admin"});
    let watching = python(&gateway, WATCH, &service, &["", "4"]);
    let mut watch = Process::start("admin_call.py", watching);
    told(&watch, 1, "SERVING").await;
    let mut ws = gateway.ws("T1", "").await;
    ask(&gateway, "Drain", json!({"spread": "0s"})).await;
    assert_eq!(ws.next().await["type"], "reconnect");
    drop(ws);
    told(&watch, 2, "NOT_SERVING").await;
    let now = ask(&gateway, CHECK, json!({})).await;
    assert_eq!(now["status"], "NOT_SERVING");
    ask(&gateway, "CancelDrain", json!({})).await;
    told(&watch, 3, "SERVING").await;

    // It neither reads nor answers, and so holds up the last drain.
    let held = gateway.ws("T1", "").await;
    gateway.terminate();
    told(&watch, 4, "NOT_SERVING").await;
    let now = ask(&gateway, CHECK, json!({})).await;
    assert_eq!(now["status"], "NOT_SERVING");
    assert_eq!(watch.ended().await.code(), Some(0));
    drop(held);
    assert_eq!(gateway.exit_code().await, Some(0));
}

#[tokio::test]
async fn each_part_tells_for_itself_whether_it_serves() {
    let mut broker = Broker::start().await;
    let gateway = Gateway::start(&broker).env("FLOODWAY_MQTT_BACKOFF_MAX_SECONDS", "0.5").await;
    let part = |name: &str| json!({ "service": name });
    let watching = python(&gateway, WATCH, &part("floodway.streams"), &["", "3"]);
    let watch = Process::start("admin_call.py", watching);
    told(&watch, 1, "SERVING").await;
    broker.stop();
    told(&watch, 2, "NOT_SERVING").await;
    for (name, expected) in
        [("", "SERVING"), ("floodway.admin.v1.Admin", "SERVING"), ("floodway.ingest", "NOT_SERVING")]
    {
        let now = ask(&gateway, CHECK, part(name)).await;
        assert_eq!(now["status"], expected, "{name}");
    }
    broker.start_again().await;
    told(&watch, 3, "SERVING").await;
    ask(&gateway, "Drain", json!({"spread": "0s"})).await;
    let now = ask(&gateway, CHECK, part("floodway.ingest")).await;
    assert_eq!(now["status"], "SERVING", "the broker is still there");
    let now = ask(&gateway, CHECK, part("floodway.streams")).await;
    assert_eq!(now["status"], "NOT_SERVING");
}
