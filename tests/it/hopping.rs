//! Streams that hop between two gateways of one JetStream, while gateways are killed: each has every event that was
//! acknowledged to its device, once, in order.
//!
//! Twenty seconds and 40 streams by default; `FLOODWAY_TEST_HOP_SECONDS` and `FLOODWAY_TEST_HOP_STREAMS` make it longer.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use floodway_tests::{DEADLINE, Gateway, NatsCluster, Publisher, SSE_PATH, token, topic};
use futures_util::StreamExt;
use futures_util::future::join_all;
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout};

/// Tenants, and devices of each.
const TENANTS: u64 = 10;
const DEVICES: u64 = 5;

/// The pause between two rounds, in each of which every device publishes: 2,000 events a second.
const ROUND: Duration = Duration::from_millis(25);

/// How long a gateway lives.
const LIFE: Duration = Duration::from_secs(4);

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

async fn gateway(cluster: &NatsCluster) -> Gateway {
    let launch = Gateway::start_at("").without("MQTT_URL").env("FLOODWAY_NATS_URL", cluster.urls());
    let launch = launch.env("MAX_STREAM_CONNECTIONS_PER_TENANT", 0).env("FLOODWAY_NATS_CAPTURE", "mqtt");
    // Little is kept in memory, so that much is read back.
    launch.env("FLOODWAY_REPLAY_EVENTS", 200).await
}

/// What one stream has received.
#[derive(Default)]
struct Received {
    id: Option<String>,
    /// The next number of each device.
    next: BTreeMap<String, u64>,
    events: u64,
    hops: u64,
}

impl Received {
    fn take(&mut self, id: Option<&str>, event: Option<&str>, data: &str) {
        let json: Value = serde_json::from_str(data).expect("JSON");
        match event {
            Some("connected") => {}
            None => {
                let device = json["device_id"].as_str().expect("a device").to_owned();
                let n = json["metrics"]["n"].as_u64().expect("a number");
                let next = self.next.entry(device).or_default();
                assert_eq!(n, *next, "after {:?}: {data}", self.id);
                *next += 1;
                self.events += 1;
            }
            Some(other) => panic!("{other}: {data} after {:?}", self.id),
        }
        self.id = id.map(str::to_owned).or(self.id.take());
    }

    /// Reads one stream until `until`, its end, or that everything has come.
    async fn read(&mut self, response: reqwest::Response, until: Instant, all: &impl Fn(&Self) -> bool) {
        let (mut body, mut text) = (response.bytes_stream(), String::new());
        while let Ok(Some(Ok(part))) = timeout(until.saturating_duration_since(Instant::now()), body.next()).await {
            text.push_str(std::str::from_utf8(&part).expect("plain text"));
            while let Some((message, rest)) = text.split_once("\n\n") {
                let field = |name: &str| message.lines().find_map(|line| line.strip_prefix(name));
                if let Some(data) = field("data: ") {
                    self.take(field("id: "), field("event: "), data);
                }
                text = rest.to_owned();
            }
            if all(self) {
                return;
            }
        }
    }
}

/// Hops between the gateways at random until it has everything.
async fn hop(tenant: &str, gateways: &[RefCell<Option<Rc<Gateway>>>], all: impl Fn(&Received) -> bool) -> Received {
    let (http, token) = (reqwest::Client::builder().no_proxy().build().expect("a client"), token(tenant).sign());
    let mut received = Received::default();
    let deadline = Instant::now() + Duration::from_secs(setting("FLOODWAY_TEST_HOP_SECONDS", 20)) + DEADLINE;
    while !all(&received) {
        assert!(Instant::now() < deadline, "not everything comes: {:?}", received.next);
        let gateway = gateways[fastrand::usize(..gateways.len())].borrow().clone();
        let Some(gateway) = gateway else {
            sleep(Duration::from_millis(20)).await;
            continue;
        };
        let id = received.id.clone().unwrap_or_else(|| "0".to_owned());
        let request = http.get(gateway.url(SSE_PATH)).bearer_auth(&token).header("last-event-id", id);
        let until = Instant::now() + Duration::from_millis(fastrand::u64(50..1500));
        if let Ok(Ok(response)) = timeout(DEADLINE, request.send()).await
            && response.status() == 200
        {
            received.hops += 1;
            received.read(response, until, &all).await;
        }
    }
    received
}

#[tokio::test]
async fn each_stream_has_every_event_once_over_gateways_that_die() {
    let cluster = NatsCluster::start(3).await;
    // The first MQTT client makes the store that the stream is made of.
    let mut publishers: Vec<Publisher> = Vec::new();
    for node in 0..2 {
        publishers.push(Publisher::connect_old(cluster.mqtt_port(node)).await);
    }
    let gateways = [RefCell::new(None), RefCell::new(None)];
    for place in &gateways {
        place.replace(Some(Rc::new(gateway(&cluster).await)));
    }
    let published = Cell::new(None);
    let seconds = Duration::from_secs(setting("FLOODWAY_TEST_HOP_SECONDS", 20));
    let publishing = async {
        let (end, mut rounds) = (Instant::now() + seconds, 0);
        while Instant::now() < end {
            for (tenant, device) in (0..TENANTS).flat_map(|tenant| (0..DEVICES).map(move |device| (tenant, device))) {
                let topic = topic(&format!("T{tenant}"), &format!("D{device}"));
                // A device keeps its connection, and so its order.
                let publisher = &mut publishers[(device % 2) as usize];
                publisher.send(&topic, format!(r#"{{"metrics":{{"n":{rounds}}}}}"#)).await;
            }
            rounds += 1;
            sleep(ROUND).await;
        }
        for publisher in &mut publishers {
            publisher.settled().await;
        }
        published.set(Some(rounds));
        rounds
    };
    let killing = async {
        for place in gateways.iter().cycle() {
            sleep(LIFE).await;
            if published.get().is_some() {
                return;
            }
            place.replace(None);
            let fresh = gateway(&cluster).await;
            place.replace(Some(Rc::new(fresh)));
        }
    };
    let all = |received: &Received| {
        let is_all =
            |rounds| received.next.len() as u64 == DEVICES && received.next.values().all(|&next| next == rounds);
        published.get().is_some_and(is_all)
    };
    let streams = setting("FLOODWAY_TEST_HOP_STREAMS", 40);
    let names: Vec<String> = (0..streams).map(|stream| format!("T{}", stream % TENANTS)).collect();
    let hopping = join_all(names.iter().map(|tenant| hop(tenant, &gateways, all)));
    let (rounds, (), received) = tokio::join!(publishing, killing, hopping);
    let (events, hops): (u64, u64) =
        received.iter().fold((0, 0), |(events, hops), one| (events + one.events, hops + one.hops));
    assert_eq!(events, streams * DEVICES * rounds);
    println!(
        "{} events published, {events} received by {streams} streams in {hops} hops",
        rounds * TENANTS * DEVICES
    );
}
