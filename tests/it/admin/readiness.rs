//! Whether a new stream could begin: `/readyz`, `GetStatus`, the health service and the metrics tell the same, and why not.

use std::time::Duration;

use floodway_tests::gateway::Launch;
use floodway_tests::{Answer, Broker, Gateway, ScriptedBroker, token, wait_until};
use serde_json::{Value, json};

use super::{Watch, ask};

const NOT_AUTHORIZED: u8 = 0x87;

fn quick(broker: &ScriptedBroker) -> Launch {
    Gateway::start_at(&broker.url()).env("FLOODWAY_MQTT_BACKOFF_MAX_SECONDS", "0.5").unready()
}

fn is_control(filters: &[String]) -> bool {
    filters[0].starts_with("floodway/control/")
}

/// Waits until `/readyz` answers: a shard that is stuck does not.
async fn readyz(gateway: &Gateway) -> (u16, Value) {
    let mut answer = None;
    wait_until("a shard answers", async || {
        let asked = gateway.http().get(gateway.url("/readyz")).send();
        answer = tokio::time::timeout(Duration::from_secs(1), asked).await.ok();
        answer.is_some()
    })
    .await;
    let answer = answer.expect("it is there").expect("an answer");
    let status = answer.status().as_u16();
    (status, answer.json().await.expect("JSON"))
}

/// Waits until the gateway is not ready for `reason`, and holds all that tell so against each other. Returns the detail.
async fn is_unready(gateway: &Gateway, reason: &str) -> String {
    let mut status = Value::Null;
    wait_until(&format!("it is unready: {reason}"), async || {
        status = ask(gateway, "GetStatus", json!({})).await["status"].take();
        status["unready"][0]["reason"] == reason
    })
    .await;
    assert_eq!(status["ready"], false);
    let (code, answer) = readyz(gateway).await;
    assert_eq!((code, &answer["reason"]), (503, &json!(reason)));
    let page = gateway.metrics().await;
    assert!(page.contains("\nfloodway_ready 0\n"), "{page}");
    let family = format!("\nfloodway_unready{{reason=\"{reason}\"}} 1\n");
    assert!(page.contains(&family), "{page}");
    health_becomes(gateway, "floodway.streams", "NOT_SERVING").await;
    answer["detail"].as_str().expect("a text").to_owned()
}

async fn health_becomes(gateway: &Gateway, service: &str, expected: &str) {
    wait_until(&format!("{service} is {expected}"), async || {
        let check = "grpc.health.v1.Health/Check";
        let state = ask(gateway, check, json!({ "service": service })).await;
        state["status"] == expected
    })
    .await;
}

async fn is_ready_again(gateway: &Gateway) {
    gateway.is_ready().await;
    let status = ask(gateway, "GetStatus", json!({})).await["status"].take();
    assert_eq!((&status["ready"], &status["unready"]), (&json!(true), &json!([])));
    assert!(gateway.metrics().await.contains("\nfloodway_ready 1\n"));
    health_becomes(gateway, "floodway.ingest", "SERVING").await;
    health_becomes(gateway, "floodway.streams", "SERVING").await;
}

#[tokio::test]
async fn a_connected_broker_whose_documents_are_not_read_takes_no_streams() {
    let broker = ScriptedBroker::start().await;
    broker.on_subscribe(|filters| match is_control(filters) {
        true => Answer::Silence,
        false => Answer::Good,
    });
    let gateway = quick(&broker).env("FLOODWAY_MQTT_SUBSCRIBE_TIMEOUT_SECONDS", "600").await;
    // The gateway goes on without documents once none has come for some seconds, so they must not stop before all is seen.
    let documents = async {
        let mut ticks = tokio::time::interval(Duration::from_millis(200));
        loop {
            ticks.tick().await;
            broker.push("floodway/control/v1/groups/T1/G", r#"{"devices":["A"]}"#);
        }
    };
    let unready = async {
        is_unready(&gateway, "control_unread").await;
        let status = ask(&gateway, "GetStatus", json!({})).await;
        let link = &status["status"]["broker"];
        assert_eq!((&link["connected"], &link["connected_url"]), (&json!(true), &json!(broker.url())));
        health_becomes(&gateway, "floodway.ingest", "NOT_SERVING").await;
    };
    tokio::select! {
        () = unready => {}
        () = documents => {}
    }
    broker.on_subscribe(|_| Answer::Good);
    broker.cut();
    is_ready_again(&gateway).await;
}

#[tokio::test]
async fn the_one_filter_of_mode_all_makes_unready_while_it_is_refused() {
    let broker = ScriptedBroker::start().await;
    let refuse = |filters: &[String]| match is_control(filters) {
        true => Answer::Good,
        false => Answer::Codes(vec![NOT_AUTHORIZED; filters.len()]),
    };
    broker.on_subscribe(refuse);
    let gateway = quick(&broker).env("FLOODWAY_MQTT_SUBSCRIBE", "all").await;
    let detail = is_unready(&gateway, "subscription_refused").await;
    assert!(detail.contains("not authorized (0x87)"), "the code is told: {detail}");
    assert_eq!(gateway.get("/livez").await.0, 200);
    broker.on_subscribe(|_| Answer::Good);
    is_ready_again(&gateway).await;
    gateway.ws("T1", "").await;
}

#[tokio::test]
async fn the_one_filter_of_mode_all_makes_unready_while_its_answer_does_not_come() {
    let broker = ScriptedBroker::start().await;
    broker.on_subscribe(|filters| match is_control(filters) {
        true => Answer::Good,
        false => Answer::Silence,
    });
    let gateway = quick(&broker)
        .env("FLOODWAY_MQTT_SUBSCRIBE", "all")
        .env("FLOODWAY_MQTT_SUBSCRIBE_TIMEOUT_SECONDS", "1")
        .await;
    is_unready(&gateway, "subscription_unanswered").await;
    broker.on_subscribe(|_| Answer::Good);
    broker.cut();
    is_ready_again(&gateway).await;
}

#[tokio::test]
async fn a_tenant_that_is_refused_leaves_the_gateway_ready() {
    let broker = ScriptedBroker::start().await;
    broker.on_subscribe(|filters| match filters[0].contains("/T1/") {
        true => Answer::Codes(vec![NOT_AUTHORIZED; filters.len()]),
        false => Answer::Good,
    });
    let gateway = quick(&broker).await;
    gateway.is_ready().await;
    let good = token("T1").sign();
    assert!([1013, 4003].contains(&gateway.ws_refused(Some(&good), "").await.0));
    is_ready_again(&gateway).await;
    gateway.ws("T2", "").await;
}

#[tokio::test]
async fn a_broker_that_is_gone_and_a_drain_are_told_alike() {
    let mut broker = Broker::start().await;
    let gateway = Gateway::start(&broker).env("FLOODWAY_MQTT_BACKOFF_MAX_SECONDS", "0.5").await;
    broker.stop();
    assert_eq!(is_unready(&gateway, "no_broker").await, "Broker unavailable");
    broker.start_again().await;
    is_ready_again(&gateway).await;
    ask(&gateway, "Drain", json!({"spread": "0s"})).await;
    assert_eq!(is_unready(&gateway, "draining").await, "Server draining");
    ask(&gateway, "CancelDrain", json!({})).await;
    is_ready_again(&gateway).await;
}

#[tokio::test]
async fn a_thread_that_stands_still_is_noticed_and_so_is_its_return() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).env("FLOODWAY_SHARD_COUNT", "2").await;
    let _streams = [gateway.ws("T1", "").await, gateway.ws("T1", "").await];
    for (thread, reason, told) in [("ingest", "ingest_stuck", "Ingest"), ("shard-1", "shard_stuck", "Shard 1")] {
        let stopped = gateway.pause_thread(thread).await;
        let detail = is_unready(&gateway, reason).await;
        assert!(detail.starts_with(told), "{detail}");
        drop(stopped);
        is_ready_again(&gateway).await;
    }
}

#[tokio::test]
async fn an_idle_gateway_stays_ready_however_long_nothing_happens() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).env("FLOODWAY_SHARD_COUNT", "2").await;
    // Longer than a loop may be silent, measured by the gateway's own clock, and no request in between.
    let watch = Watch::start(&gateway, "WatchStatus", json!({})).await;
    let uptime = |answer: &Value| {
        let text = answer["status"]["node"]["uptime"].as_str().expect("a duration");
        text.trim_end_matches('s').parse::<f64>().expect("seconds")
    };
    wait_until("it has run for 8 s", async || watch.answers().last().is_some_and(|answer| uptime(answer) > 8.0)).await;
    for answer in watch.answers() {
        assert_eq!(answer["status"]["unready"], json!([]));
    }
    assert_eq!(gateway.get("/readyz").await.0, 200);
}
