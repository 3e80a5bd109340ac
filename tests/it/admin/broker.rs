//! Why a broker is not connected: told by the status, the shell, the journal and the metrics.

use floodway_tests::broker::free_port;
use floodway_tests::process::Process;
use floodway_tests::{Answer, Broker, Gateway, ScriptedBroker, wait_until};
use serde_json::{Value, json};

use super::{Watch, ask, number};
use crate::shell;

async fn link(gateway: &Gateway) -> Value {
    ask(gateway, "GetStatus", json!({})).await["status"]["broker"].take()
}

/// Waits until so many attempts have failed.
async fn has_failed(gateway: &Gateway, attempts: u64) -> Value {
    let mut last = Value::Null;
    wait_until(&format!("{attempts} attempts have failed"), async || {
        last = link(gateway).await;
        number(&last["failed_attempts"]) >= attempts
    })
    .await;
    last
}

#[tokio::test]
async fn a_wrong_password_is_told_with_what_to_mend_and_since_when() {
    let broker = Broker::start_with_password("user", "word").await;
    let gateway = Gateway::start(&broker)
        .env("FLOODWAY_MQTT_BACKOFF_MAX_SECONDS", "0.5")
        .env("MQTT_USERNAME", "user")
        .env("MQTT_PASSWORD", "wrong-word")
        .unready()
        .await;
    let told = has_failed(&gateway, 2).await;
    assert_eq!((&told["connected"], &told["connected_url"]), (&json!(false), &json!("")));
    let failure = &told["last_failure"];
    assert_eq!(failure["url"], broker.url());
    let detail = failure["detail"].as_str().expect("a text");
    for part in ["mqtt.username", "mqtt.password"] {
        assert!(detail.contains(part), "{part} is not named: {detail}");
    }
    assert!(!told.to_string().contains("wrong-word"));
    assert!(told["changed_at"].is_string() && failure["failed_at"].is_string());
    let text = shell::text(&gateway, &["status"]).await;
    for part in ["Broker unavailable", "attempts failed", "last error", "mqtt.password"] {
        assert!(text.contains(part), "{part} is missing:\n{text}");
    }
    let page = gateway.metrics().await;
    let counted = |result: &str| {
        let name = format!("floodway_broker_attempts_total{{result=\"{result}\"}} ");
        let mut lines = page.lines();
        let value = lines.find_map(|line| line.strip_prefix(&name));
        value.expect("the result is there").parse::<u64>().expect("a count")
    };
    assert!(counted("refused") >= 2, "{page}");
    assert_eq!((counted("connected"), counted("timeout")), (0, 0));
}

#[tokio::test]
async fn which_of_several_brokers_is_connected_is_told_and_each_failure_once() {
    let broker = ScriptedBroker::start().await;
    let nobody = format!("mqtt://127.0.0.1:{}", free_port());
    broker.on_connect(|_| Answer::Cut);
    let gateway = Gateway::start_at(&format!("{nobody},{}", broker.url()))
        .env("FLOODWAY_MQTT_BACKOFF_MAX_SECONDS", "0.2")
        .unready()
        .await;
    let watch = Watch::start(&gateway, "WatchEvents", json!({"kinds": ["EVENT_KIND_BROKER"]})).await;
    let before = number(&link(&gateway).await["failed_attempts"]);
    has_failed(&gateway, before + 10).await;
    broker.on_connect(|_| Answer::Good);
    gateway.is_ready().await;
    let told = link(&gateway).await;
    assert_eq!(told["connected_url"], broker.url());
    assert_eq!(number(&told["failed_attempts"]), 0);
    let text = shell::text(&gateway, &["status"]).await;
    assert!(text.contains(&format!("{} (MQTT 5): connected for", broker.url())), "{text}");
    wait_until("the watch was told", async || {
        watch.answers().last().is_some_and(|last| last["broker_up"]["url"] == broker.url())
    })
    .await;
    let told = watch.answers();
    let failures = told.iter().filter(|answer| answer["broker_failed"].is_object());
    assert!(failures.count() <= 2, "one for each broker at most: {told:?}");

    // A loss is told with its reason.
    broker.on_connect(|_| Answer::Cut);
    broker.cut();
    let lost = |answer: &Value| answer["broker_down"]["detail"].as_str().is_some_and(|why| !why.is_empty());
    wait_until("the loss is told", async || watch.answers().iter().any(lost)).await;
    wait_until("and that it is not reached again", async || {
        let mut told = watch.answers().into_iter().skip_while(|answer| !lost(answer));
        told.any(|answer| answer["broker_failed"]["url"] == broker.url())
    })
    .await;
}

#[tokio::test]
async fn the_shell_prints_what_happens_to_the_broker() {
    let mut broker = Broker::start().await;
    let gateway = Gateway::start(&broker).env("FLOODWAY_MQTT_BACKOFF_MAX_SECONDS", "0.2").await;
    let events: Process = shell::watching(&gateway, &["events", "--kind", "broker"]).await;
    broker.stop();
    for part in ["lost: ", "not reached: "] {
        let is_told = |line: &str| line.contains(&broker.url()) && line.contains(part);
        wait_until(&format!("{part} is printed"), async || events.logged(is_told)).await;
    }
    broker.start_again().await;
    let is_back = |line: &str| line.contains(&format!("{} connected", broker.url()));
    wait_until("its return is printed", async || events.logged(is_back)).await;
}
