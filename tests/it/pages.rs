//! The operator's page in a real browser, before a real gateway and broker.

use std::fs;
use std::path::Path;
use std::time::Duration;

use floodway_tests::browser::Script;
use floodway_tests::proxy::Proxy;
use floodway_tests::{Broker, Gateway, Publisher, token, topic};
use serde_json::json;
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

async fn publish(mut publisher: Publisher) {
    let mut ticks = interval(Duration::from_millis(50));
    for n in 0_u64.. {
        ticks.tick().await;
        for device in ["A", "B"] {
            let payload = json!({"metrics": {"n": n, "tag": "<b>bold</b>"}, "ts": "2026-02-16T12:00:00Z"});
            publisher.send(&topic("T1", device), payload.to_string()).await;
        }
    }
}

/// Tells a story of `tests/browser/operator.mjs` to its end.
async fn story(name: &str, gateway: &Gateway, given: &[&str]) {
    begin(name, &gateway.admin(), given).ends_well().await;
}

fn begin(name: &str, address: &str, given: &[&str]) -> Script {
    let address = format!("http://{address}/");
    Script::start("operator.mjs", &[&[name, address.as_str()], given].concat())
}

#[tokio::test]
async fn every_file_of_the_page_is_served_and_together_they_are_small() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).env("FLOODWAY_ADMIN_TOKEN", "s3cret").await;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../engine/server/src/admin/page");
    let mut size = 0;
    for entry in fs::read_dir(folder).expect("the page's folder") {
        let path = entry.expect("a file").path();
        let name = path.file_name().and_then(|name| name.to_str()).expect("a name");
        if name.ends_with(".rs") {
            continue;
        }
        let served = if name == "index.html" { "" } else { name };
        let answer = gateway.http().get(format!("http://{}/{served}", gateway.admin())).send().await;
        let answer = answer.expect("an answer").error_for_status().expect(name);
        assert!(
            answer.headers()["content-security-policy"]
                .to_str()
                .expect("a text")
                .contains("default-src 'none'")
        );
        let bytes = answer.bytes().await.expect("a body");
        assert_eq!(bytes, fs::read(&path).expect("a file"), "{name}");
        size += bytes.len();
    }
    assert!(size > 50_000 && size < 200_000, "{size} bytes");
}

#[tokio::test]
async fn every_view_is_sound_on_a_desk_and_a_telephone_by_day_and_by_night() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let _devices = Devices::publish(&broker).await;
    let _streams = (gateway.ws("T1", "").await, gateway.sse("T1", "metric=n&group_id=G").await);
    story("group", &gateway, &[]).await;
    story("looks", &gateway, &[]).await;
}

#[tokio::test]
async fn its_charts_move_and_its_tail_shows_what_devices_send_as_text() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let _devices = Devices::publish(&broker).await;
    let _stream = gateway.ws("T1", "").await;
    story("charts", &gateway, &[]).await;
    story("tail", &gateway, &[]).await;
}

#[tokio::test]
async fn a_limit_that_is_set_in_it_applies_to_the_next_stream() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let _stream = gateway.ws("T1", "").await;
    story("limit", &gateway, &["1"]).await;
    let reached = "Max streaming connections (1) reached for tenant";
    let token = token("T1").sign();
    assert_eq!(gateway.ws_refused(Some(&token), "").await, (4029, reached.to_owned()));
}

#[tokio::test]
async fn a_group_that_is_made_in_it_has_its_devices() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    story("group", &gateway, &[]).await;
    let mut stream = gateway.ws("T1", "group_id=G").await;
    let _devices = Devices::publish(&broker).await;
    for _ in 0..3 {
        assert_eq!(stream.next_event().await["device_id"], "A");
    }
}

#[tokio::test]
async fn a_stream_that_is_disconnected_in_it_is_told_the_reason() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let mut stream = gateway.ws("T1", "").await;
    story("disconnect", &gateway, &["maintenance"]).await;
    assert_eq!(stream.close_code().await, (4010, "maintenance".to_owned()));
}

#[tokio::test]
async fn a_drain_is_begun_and_cancelled_in_it() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let _stream = gateway.ws("T1", "").await;
    story("drain", &gateway, &[]).await;
    gateway.is_ready().await;
}

#[tokio::test]
async fn it_asks_for_a_token_and_the_reading_one_changes_nothing() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker)
        .env("FLOODWAY_ADMIN_TOKEN", "s3cret")
        .env("FLOODWAY_ADMIN_READ_TOKEN", "l00k")
        .await;
    let _stream = gateway.ws("T1", "").await;
    story("tokens", &gateway, &["s3cret", "l00k"]).await;
}

#[tokio::test]
async fn it_tells_that_the_gateway_is_away_and_goes_on_when_it_is_back() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let port = gateway.admin().rsplit_once(':').and_then(|(_, port)| port.parse().ok());
    let proxy = Proxy::start(port.expect("a port")).await;
    let browser = begin("outage", &format!("127.0.0.1:{}", proxy.port()), &[]);
    browser.says("cut it off").await;
    proxy.cut().await;
    browser.says("let it in").await;
    proxy.restore();
    browser.ends_well().await;
}
