//! NATS JetStream as the source: what its stream holds reaches every stream once, in order, over gateways and nodes that die.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use floodway_tests::certificates::Authority;
use floodway_tests::gateway::Launch;
use floodway_tests::wait::wait_until_by;
use floodway_tests::{
    Gateway, NatsCluster, NatsServer, Publisher, Transport, Ws, token, topic, upstream_gap, wait_until,
};
use futures_util::future::join_all;
use rumqttc::{AsyncClient, Event, EventLoop, Incoming, MqttOptions, QoS};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::admin::ask;
use crate::resume::replay_gap;

/// A gateway that has no other source.
fn gateway(urls: &str) -> Launch {
    Gateway::start_at("").without("MQTT_URL").env("FLOODWAY_NATS_URL", urls)
}

/// One whose stream is made of what MQTT devices publish.
fn of_devices(urls: &str) -> Launch {
    gateway(urls).env("FLOODWAY_NATS_CAPTURE", "mqtt")
}

async fn source(gateway: &Gateway) -> Value {
    ask(gateway, "GetStatus", json!({})).await["status"]["sources"][0].take()
}

#[tokio::test]
async fn what_is_published_on_subjects_is_live_and_what_was_missed_comes_first() {
    let server = NatsServer::start().await;
    let gateway = gateway(&server.url()).await;
    let mut publisher = server.client().await;
    for (round, transport) in Transport::ALL.into_iter().enumerate() {
        let tenant = format!("T{round}");
        let mut stream = gateway.stream(transport, &tenant, "").await;
        publisher.count(&tenant, "A", 0..10).await;
        let id = stream.expect_numbers(0..10).await;
        drop(stream);
        publisher.count(&tenant, "A", 10..20).await;
        let mut stream = gateway.resumed(transport, &tenant, "", &id).await;
        publisher.count(&tenant, "A", 20..30).await;
        stream.expect_numbers(10..30).await;
    }
    let told = source(&gateway).await;
    assert_eq!((&told["kind"], &told["connected_url"]), (&json!("nats"), &json!(server.url())));
}

#[tokio::test]
async fn what_devices_publish_by_mqtt_is_live_with_topics_as_they_are() {
    let server = NatsServer::start().await;
    let gateway = of_devices(&server.url()).await;
    let mut ws = gateway.ws("T.1", "").await;
    let mut device = Publisher::connect_old(server.mqtt_port()).await;
    device.count("T.1", "a.b", 0..3).await;
    let event = ws.next_event().await;
    assert_eq!((&event["device_id"], &event["topic"]), (&json!("a.b"), &json!(topic("T.1", "a.b"))));
    ws.expect_numbers(1..3).await;
}

#[tokio::test]
async fn a_stream_resumes_exactly_on_another_gateway_and_after_a_restart_far_behind_what_memory_holds() {
    let server = NatsServer::start().await;
    let small = || gateway(&server.url()).env("FLOODWAY_REPLAY_EVENTS", 10);
    let (first, second) = (small().await, small().await);
    let mut publisher = server.client().await;
    let mut stream = first.stream(Transport::Sse, "T1", "").await;
    publisher.count("T1", "A", 0..50).await;
    let id = stream.expect_numbers(0..50).await;
    publisher.count("T2", "A", 0..50).await;
    publisher.count("T1", "A", 50..1500).await;
    second.resumed(Transport::WebSocket, "T1", "", &id).await.expect_numbers(50..1500).await;
    drop(first);
    small().await.resumed(Transport::Sse, "T1", "", &id).await.expect_numbers(50..1500).await;
}

#[tokio::test]
async fn what_the_stream_no_longer_holds_is_a_gap_and_so_is_a_stream_that_was_made_anew() {
    let server = NatsServer::start().await;
    let gateway = gateway(&server.url()).env("FLOODWAY_REPLAY_EVENTS", 5).await;
    let mut publisher = server.client().await;
    let mut stream = gateway.stream(Transport::WebSocket, "T1", "").await;
    publisher.count("T1", "A", 0..40).await;
    let id = stream.expect_numbers(0..10).await;
    stream.expect_numbers(10..40).await;
    publisher.call("STREAM.PURGE.floodway", json!({"seq": 21})).await;
    let mut late = gateway.resumed(Transport::WebSocket, "T1", "", &id).await;
    late.expect_json(replay_gap()).await;
    late.expect_numbers(20..40).await;

    let config = publisher.call("STREAM.INFO.floodway", json!({})).await["config"].take();
    publisher.call("STREAM.DELETE.floodway", json!({})).await;
    publisher.call("STREAM.CREATE.floodway", config).await;
    for live in [&mut stream, &mut late] {
        live.ws().expect_upstream("down").await;
        live.ws().expect_json(upstream_gap()).await;
        live.ws().expect_upstream("up").await;
    }
    publisher.count("T1", "A", 40..50).await;
    for live in [&mut stream, &mut late] {
        live.expect_numbers(40..50).await;
    }
}

#[tokio::test]
async fn a_wrong_password_is_told_with_what_to_mend() {
    let server = NatsServer::start_with("authorization { user: gateway, password: right }").await;
    let gateway = gateway(&server.url())
        .env("FLOODWAY_NATS_USERNAME", "gateway")
        .env("FLOODWAY_NATS_PASSWORD", "wrong-word")
        .env("FLOODWAY_NATS_BACKOFF_MAX_SECONDS", "0.5")
        .unready()
        .await;
    let mut told = Value::Null;
    wait_until("the failure is told", async || {
        told = source(&gateway).await;
        told["last_failure"]["detail"].is_string()
    })
    .await;
    let detail = told["last_failure"]["detail"].as_str().expect("a text");
    assert!(detail.contains("nats.username and nats.password"), "{detail}");
    assert!(!gateway.log().concat().contains("wrong-word"));
}

#[tokio::test]
async fn tls_is_verified_and_who_asks_for_a_certificate_gets_it() {
    let (authority, stranger) = (Authority::new("A"), Authority::new("B"));
    let (own, shown) = (authority.vouch(&["127.0.0.1"]), authority.vouch(&["gateway"]));
    let (cert, key, ca) = (&own.cert, &own.key, authority.file());
    let lines = format!(r#"tls {{ cert_file: "{cert}", key_file: "{key}", ca_file: "{ca}", verify: true }}"#);
    let server = NatsServer::start_with(&lines).await;
    let url = server.url().replace("nats://", "tls://");
    let trusting = |authority: &Authority| of_devices(&url).env("FLOODWAY_NATS_TLS_CA", authority.file());
    let showing = trusting(&authority).env("FLOODWAY_NATS_TLS_CERT", &shown.cert);
    let gateway = showing.env("FLOODWAY_NATS_TLS_KEY", &shown.key).await;
    let mut ws = gateway.ws("T1", "").await;
    Publisher::connect_old(server.mqtt_port()).await.count("T1", "A", 0..5).await;
    ws.expect_numbers(0..5).await;
    for (launch, setting) in [(trusting(&stranger), "nats.tls.ca"), (trusting(&authority), "nats.tls.cert")] {
        let refused = launch.env("FLOODWAY_NATS_BACKOFF_MAX_SECONDS", "0.5").unready().await;
        refused.is_logged(setting).await;
    }
}

#[tokio::test]
async fn names_that_nats_takes_for_wildcards_are_refused() {
    let server = NatsServer::start().await;
    let gateway = gateway(&server.url()).await;
    for tenant in ["*", ">", "a b", "T*"] {
        let token = token(tenant).sign();
        assert_eq!(gateway.ws_refused(Some(&token), "").await.0, 4003, "{tenant}");
        assert_eq!(gateway.sse_refused(Some(&token), "").await.0, 403, "{tenant}");
    }
    let token = token("T1").sign();
    for device in ["*", "a%20b", "A,D%3E"] {
        let query = format!("device_id={device}");
        assert_eq!(gateway.ws_refused(Some(&token), &query).await.0, 4003, "{device}");
        assert_eq!(gateway.sse_refused(Some(&token), &query).await.0, 403, "{device}");
    }
}

/// A device that publishes with QoS 1, each number once: what was on its way when a connection broke it does not send again.
struct Device {
    name: String,
    ports: Vec<u16>,
    acknowledged: BTreeSet<u64>,
    /// How many are.
    count: Arc<AtomicUsize>,
}

/// Between two attempts of a device to connect.
const PAUSE: Duration = Duration::from_millis(200);

/// How long a device waits for an acknowledgement before it connects to the next node.
const PATIENCE: Duration = Duration::from_secs(12);

impl Device {
    fn connection(&self, at: usize) -> (AsyncClient, EventLoop) {
        let id = format!("{}-{:016x}", self.name, fastrand::u64(..));
        let options = MqttOptions::new(id, "127.0.0.1", self.ports[at % self.ports.len()]);
        AsyncClient::new(options, 10)
    }

    /// Publishes until it is told to stop, one message after the other.
    async fn run(mut self, stop: watch::Receiver<bool>) -> Self {
        let topic = topic("T1", &self.name);
        let (mut at, mut n) = (0, 0);
        let (mut client, mut connection) = self.connection(at);
        while !*stop.borrow() {
            let payload = format!(r#"{{"metrics":{{"n":{n}}}}}"#);
            client.publish(&topic, QoS::AtLeastOnce, false, payload).await.expect("it is queued");
            let acknowledged = async {
                loop {
                    match connection.poll().await {
                        Ok(Event::Incoming(Incoming::PubAck(_))) => return true,
                        Ok(_) => {}
                        Err(_) => return false,
                    }
                }
            };
            if timeout(PATIENCE, acknowledged).await.unwrap_or(false) {
                self.acknowledged.insert(n);
                self.count.store(self.acknowledged.len(), Relaxed);
                // Some hundred a second, as devices do.
                tokio::time::sleep(Duration::from_millis(5)).await;
            } else {
                tokio::time::sleep(PAUSE).await;
                at += 1;
                (client, connection) = self.connection(at);
            }
            n += 1;
        }
        self
    }
}

/// What one stream has received.
#[derive(Default)]
struct Received(BTreeMap<String, BTreeSet<u64>>);

impl Received {
    /// Fails if anything comes twice, out of order, or behind a gap.
    fn take(&mut self, message: &Value) {
        assert_ne!(message["type"], "gap", "{message}");
        if message["type"] == "telemetry" {
            let device = message["device_id"].as_str().expect("a device");
            let n = message["metrics"]["n"].as_u64().expect("a number");
            let numbers = self.0.entry(device.to_owned()).or_default();
            assert!(numbers.last().is_none_or(|&last| last < n), "{device}: {n} after {:?}", numbers.last());
            numbers.insert(n);
        }
    }

    async fn follow(&mut self, ws: &mut Ws, mut stop: watch::Receiver<bool>) {
        loop {
            tokio::select! {
                message = ws.next() => self.take(&message),
                _ = stop.wait_for(|&stop| stop) => return,
            }
        }
    }

    /// Reads on until there is all that was acknowledged.
    async fn complete(&mut self, ws: &mut Ws, devices: &[Device]) {
        let has_all = |received: &Self, device: &Device| {
            let numbers = received.0.get(&device.name);
            numbers.is_some_and(|numbers| device.acknowledged.is_subset(numbers))
        };
        while !devices.iter().all(|device| has_all(self, device)) {
            self.take(&ws.next().await);
        }
    }
}

/// Until each device has found a node that takes its messages, and they are acknowledged.
const RECOVERY: Duration = Duration::from_secs(120);

/// Waits until each device has published some more.
async fn publish_on(counts: &[Arc<AtomicUsize>]) {
    let wanted: Vec<usize> = counts.iter().map(|count| count.load(Relaxed) + 100).collect();
    wait_until_by("every device publishes", RECOVERY, async || {
        counts.iter().zip(&wanted).all(|(count, &wanted)| count.load(Relaxed) >= wanted)
    })
    .await;
}

#[tokio::test]
async fn whatever_a_device_saw_acknowledged_comes_once_while_every_node_dies_in_turn() {
    let mut cluster = NatsCluster::start(3).await;
    // While nothing is published, something comes all the same.
    let launch = of_devices(&cluster.urls()).env("STREAM_QUEUE_SIZE", 10_000);
    let first = launch.env("FLOODWAY_STREAM_WS_PING_SECONDS", 5).await;
    let mut live = first.ws("T1", "last_event_id=").await;
    let start = live.connected()["last_event_id"].as_str().expect("an id").to_owned();
    let (stop, stopped) = watch::channel(false);
    let devices = (0..3).map(|node| {
        let ports = (0..3).map(|port| cluster.mqtt_port((node + port) % 3)).collect();
        Device {
            name: format!("D{node}"),
            ports,
            acknowledged: BTreeSet::new(),
            count: Arc::default(),
        }
    });
    let devices: Vec<Device> = devices.collect();
    let counts: Vec<Arc<AtomicUsize>> = devices.iter().map(|device| Arc::clone(&device.count)).collect();
    let running: Vec<_> = devices.into_iter().map(|device| tokio::spawn(device.run(stopped.clone()))).collect();
    let mut received = Received::default();
    let killing = async {
        publish_on(&counts).await;
        for node in 0..3 {
            cluster.kill(node);
            publish_on(&counts).await;
            cluster.start_again(node).await;
        }
        stop.send_replace(true);
    };
    tokio::join!(killing, received.follow(&mut live, stopped.clone()));
    let devices: Vec<Device> = join_all(running).await.into_iter().map(|device| device.expect("no panic")).collect();
    received.complete(&mut live, &devices).await;

    // Another gateway, which saw none of it, gives the whole of it again.
    let second = of_devices(&cluster.urls()).env("FLOODWAY_OVERFLOW", "catch_up").await;
    let mut again = second.ws("T1", &format!("last_event_id={start}")).await;
    Received::default().complete(&mut again, &devices).await;
}
