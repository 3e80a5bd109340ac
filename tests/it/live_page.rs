//! The live page in a real browser, before a real gateway and broker.

use std::time::Duration;

use floodway_tests::broker::free_port;
use floodway_tests::browser::Script;
use floodway_tests::gateway::Launch;
use floodway_tests::proxy::Proxy;
use floodway_tests::{Broker, Gateway, Publisher, token, topic};
use tokio::task::AbortHandle;
use tokio::time::interval;

/// Devices that publish some events a second, until the value is dropped.
struct Devices(AbortHandle);

impl Devices {
    /// Those of the tenant `T1`: `A` and `B`.
    async fn publish(broker: &Broker) -> Self {
        let publisher = broker.publisher().await;
        Self(tokio::spawn(publish(publisher)).abort_handle())
    }
}

impl Drop for Devices {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Numbers, what is none, and what no double holds.
async fn publish(mut publisher: Publisher) {
    let mut ticks = interval(Duration::from_millis(50));
    for n in 0_u32.. {
        ticks.tick().await;
        for device in ["A", "B"] {
            let half = f64::from(n) / 2.0;
            let strange = r#""long":123456789012345678901234567890,"huge":1e400,"tag":"<b>bold</b>","__proto__":1"#;
            let payload = format!(r#"{{"metrics":{{"n":{n},"half":{half},{strange}}},"ts":"2026-02-16T12:00:00Z"}}"#);
            publisher.send(&topic("T1", device), payload).await;
        }
    }
}

/// A gateway that serves the page.
fn gateway(broker: &Broker) -> Launch {
    Gateway::start(broker).env("FLOODWAY_LIVE_PAGE", "true")
}

/// Begins a story of `tests/browser/live.mjs` with the page behind this port.
fn begin(name: &str, port: u16) -> Script {
    let address = format!("http://127.0.0.1:{port}/");
    Script::start("live.mjs", &[name, &address, &token("T1").sign()])
}

/// Tells one to its end.
async fn story(name: &str, gateway: &Gateway) {
    begin(name, gateway.address().port()).ends_well().await;
}

#[tokio::test]
async fn it_is_sound_on_a_desk_and_a_telephone_by_day_and_by_night() {
    let broker = Broker::start().await;
    let gateway = gateway(&broker).await;
    let _devices = Devices::publish(&broker).await;
    story("looks", &gateway).await;
}

#[tokio::test]
async fn its_parts_reckon_as_they_should() {
    let broker = Broker::start().await;
    let gateway = gateway(&broker).await;
    let address = gateway.url("/");
    Script::start("live_parts.mjs", &[&address]).ends_well().await;
}

#[tokio::test]
async fn its_charts_move_stand_still_while_it_pauses_and_tell_their_values() {
    let broker = Broker::start().await;
    let gateway = gateway(&broker).await;
    let _devices = Devices::publish(&broker).await;
    story("charts", &gateway).await;
    story("reading", &gateway).await;
}

#[tokio::test]
async fn what_is_picked_in_it_narrows_the_stream_over_either_transport() {
    let broker = Broker::start().await;
    let gateway = gateway(&broker).await;
    let _devices = Devices::publish(&broker).await;
    story("picks", &gateway).await;
}

#[tokio::test]
async fn what_it_has_missed_is_told_and_shaded() {
    let broker = Broker::start().await;
    let gateway = gateway(&broker).env("STREAM_QUEUE_SIZE", "20").await;
    let to_gateway = Proxy::narrow(gateway.address().port()).await;
    let _devices = Devices::publish(&broker).await;
    let page = begin("gap", to_gateway.port());
    page.says("hold it up").await;
    to_gateway.hold();
    flood(&broker, &gateway).await;
    to_gateway.restore();
    page.ends_well().await;
}

/// More events than the way to the page has room for, all of which a neighbour reads.
async fn flood(broker: &Broker, gateway: &Gateway) {
    let mut neighbour = gateway.ws("T1", "device_id=C").await;
    let mut publisher = broker.publisher().await;
    let pad = "x".repeat(1000);
    for n in 0..1500 {
        let payload = format!(r#"{{"metrics":{{"n":{n},"pad":"{pad}"}}}}"#);
        publisher.send(&topic("T1", "C"), payload).await;
        neighbour.expect_numbers(n..n + 1).await;
    }
}

#[tokio::test]
async fn a_limit_that_is_reached_is_a_sentence_and_it_gets_in_when_there_is_room() {
    let broker = Broker::start().await;
    let gateway = gateway(&broker).env("MAX_STREAM_CONNECTIONS_PER_TENANT", "1").await;
    let other = gateway.ws("T1", "").await;
    let page = begin("full", gateway.address().port());
    page.says("make room").await;
    drop(other);
    page.ends_well().await;
}

#[tokio::test]
async fn a_token_that_is_refused_is_asked_for_again() {
    let broker = Broker::start().await;
    let gateway = gateway(&broker).await;
    let _devices = Devices::publish(&broker).await;
    story("refused", &gateway).await;
}

#[tokio::test]
async fn its_server_sent_events_outlive_a_cut_and_a_restart_of_the_gateway() {
    let broker = Broker::start().await;
    let port = free_port();
    let launch = || gateway(&broker).env("FLOODWAY_LISTEN", format!("127.0.0.1:{port}"));
    let first = launch().await;
    let to_gateway = Proxy::start(port).await;
    let _devices = Devices::publish(&broker).await;
    let page = begin("restart", to_gateway.port());
    page.says("cut it off").await;
    to_gateway.cut().await;
    page.says("let it in").await;
    to_gateway.restore();
    page.says("restart the gateway").await;
    drop(first);
    let _second = launch().await;
    page.ends_well().await;
}
