//! The private listener, asked by real clients.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use floodway_proto::admin::v1;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tonic::transport::{Channel, Endpoint};

use super::*;
use crate::auth::{self, Verifier};
use crate::readiness::Readiness;
use floodway_core::event;
use floodway_core::inbox::Inbox;
use floodway_core::index::{Index, Limits};
use floodway_core::shard::Handle;
use floodway_core::streams::Streams;
use floodway_sources::control;
use floodway_sources::mqtt::{self, Mqtt};
use floodway_sources::router::Topics;
use floodway_sources::source::{self, Source};

mod calls;
mod health;
mod http;
mod json;
mod metrics;
mod refusals;

/// A private listener on a port that the kernel chose, with the parts that it looks at.
struct Private {
    admin: Admin,
    observer: Observer,
    index: Arc<Index>,
    ingest: source::Ingest,
}

impl Private {
    /// Nobody listens at the broker's address, so there is nothing but zeros to see.
    async fn start(token: Option<&str>) -> Self {
        Self::with_shards(token, []).await
    }

    /// The same, with ways to shards of which it is left open whether they answer.
    async fn with_shards(token: Option<&str>, shards: impl IntoIterator<Item = Handle>) -> Self {
        let config = Config {
            listen: "127.0.0.1:0".to_owned(),
            token: token.map(str::to_owned),
            read_token: token.map(|token| format!("{token}-read")),
            ..Config::default()
        };
        let index = Arc::new(Index::new(1000, Limits::default()));
        let mqtt = mqtt::Config { urls: vec!["mqtt://127.0.0.1:1".to_owned()], ..mqtt::Config::default() };
        let mqtt = Mqtt::new(mqtt, Arc::clone(&index), None).expect("a URL");
        let sources: Vec<Box<dyn Source>> = vec![Box::new(mqtt)];
        let event = event::Config::default();
        let ingest = source::Ingest::start(sources, event, Arc::clone(&index), Arc::new([]), None);
        let ingest = ingest.expect("ingest");
        let observer = Observer::new(Watched {
            identity: Identity::new(),
            connections: 1000,
            streams: Streams::new(shards, Arc::clone(&index)),
            refusals: Arc::default(),
            control: control::new(&control::Config::default(), "node", Arc::clone(&index)).0,
            event: event::Config::default(),
            topics: Topics::default(),
            drain_spread: Duration::from_secs(5),
            source: ingest.handle(),
            readiness: Readiness::new(Arc::clone(&index), ingest.handle(), verifier()),
            inboxes: (0..2).map(|_| Inbox::new(64)).collect(),
            shards: (0..2).map(|_| idle_shard()).collect(),
        });
        let listener = Listener::open(&config, None).expect("a port");
        Self {
            admin: Admin::start(listener, &config, observer.clone()).await.expect("a thread"),
            observer,
            index,
            ingest,
        }
    }

    fn url(&self) -> String {
        format!("http://{}", self.admin.address())
    }

    async fn channel(&self) -> Channel {
        let endpoint = Endpoint::from_shared(self.url()).expect("a URL");
        endpoint.connect().await.expect("the listener")
    }

    /// Sends one request over HTTP/1.1 and returns all that comes back.
    async fn ask(&self, request: &str, headers: &str) -> String {
        self.ask_at("localhost", request, headers).await
    }

    async fn ask_at(&self, host: &str, request: &str, headers: &str) -> String {
        let mut socket = TcpStream::connect(self.admin.address()).await.expect("up");
        let text = format!("{request} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}\r\n");
        socket.write_all(text.as_bytes()).await.expect("sent");
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.expect("an answer");
        answer
    }

    /// Ends its threads. The listener may wait for clients, so not on theirs.
    async fn stop(self) {
        let stop = || {
            self.admin.stop();
            self.ingest.stop();
        };
        tokio::task::spawn_blocking(stop).await.expect("stopped");
    }
}

fn idle_shard() -> WatchedShard {
    WatchedShard { metrics: Arc::default(), runtime: tokio::runtime::Handle::current().metrics() }
}

/// A status in which no two numbers are the same.
fn sample() -> v1::Status {
    let counts = |counts: &[(&str, u64)]| -> BTreeMap<String, u64> {
        let owned = counts.iter().map(|&(name, n)| (name.to_owned(), n));
        owned.collect()
    };
    v1::Status {
        node: Some(v1::Node {
            id: "00c0ffee00c0ffee".to_owned(),
            name: "edge-1".to_owned(),
            version: "1.2.3".to_owned(),
            started_at: at(1_771_243_200, 500),
            uptime: lasting(61, 250),
        }),
        draining: true,
        broker: Some(v1::Broker {
            connected: true,
            urls: vec!["mqtt://a:1883".to_owned(), "mqtt://b:1883".to_owned()],
            reconnects: 3,
            connected_url: "mqtt://b:1883".to_owned(),
            changed_at: at(1_771_243_262, 0),
            failed_attempts: 24,
            last_failure: Some(v1::BrokerFailure {
                url: "mqtt://a:1883".to_owned(),
                detail: "connection refused".to_owned(),
                failed_at: at(1_771_243_263, 0),
            }),
            attempts_by_result: counts(&[("connected", 25), ("refused", 26)]),
            kind: "mqtt".to_owned(),
            protocol: "MQTT 3.1.1".to_owned(),
        }),
        connections: Some(v1::Connections {
            total: 14,
            websocket: 8,
            sse: 5,
            opened: 40,
            closed_by_reason: counts(&[("closed", 17), ("gone", 10)]),
            refused_by_reason: counts(&[("bad_token", 11), ("draining", 2)]),
            tokens_refused_by_check: counts(&[("expired", 7), ("signature", 4)]),
            tenants: 6,
            by_tenant: vec![v1::TenantConnections { tenant_id: "T1".to_owned(), total: 13 }],
            other_tenants_total: 1,
        }),
        limits: Some(v1::Limits { connections: 9000, connections_per_tenant: 12, queue_size: 100 }),
        ingest: Some(v1::Ingest {
            received: 700,
            received_bytes: 70_000,
            accepted: 691,
            without_metrics: 3,
            rejected_by_reason: counts(&[("not_json", 9), ("topic", 0)]),
        }),
        deliveries: Some(v1::Deliveries {
            delivered: 5000,
            dropped: 21,
            overflow_gaps: 4,
            sent_bytes: 600_000,
            writes: 1500,
            conflated: 17,
            conflated_gaps: 3,
            held_bytes: 4096,
        }),
        last_second: Some(rates(1)),
        last_minute: Some(rates(60)),
        drain: Some(v1::DrainProgress {
            started_at: at(1_771_243_260, 0),
            spread: lasting(30, 0),
            connections: 20,
            untold: 15,
            remaining: 16,
            stopping: true,
        }),
        control: Some(v1::ControlState {
            synced: true,
            tenant_limits: 22,
            groups: 23,
            problems: vec![v1::ControlProblem {
                topic: "floodway/control/v1/groups/T/G".to_owned(),
                detail: "devices: must be a list of names".to_owned(),
                received_at: at(1_771_243_261, 0),
            }],
        }),
        ready: false,
        unready: vec![v1::Unready { reason: "draining".to_owned(), detail: "Server draining".to_owned() }],
        refused_upstream: 27,
        sources: vec![v1::Broker { kind: "mqtt".to_owned(), connected: true, ..v1::Broker::default() }],
        delivery_times: Some(v1::DeliveryTimes { bounds_microseconds: vec![28, 29], counts: vec![30, 31, 32] }),
        shards: vec![v1::ShardLoad { busy: lasting(33, 0), inbox: 34, inbox_capacity: 35 }],
    }
}

fn rates(seconds: u32) -> v1::Rates {
    let rate = |n: u32| f64::from(n * 1000 + seconds);
    v1::Rates {
        window: lasting(seconds.into(), 0),
        received: rate(1),
        received_bytes: rate(2),
        accepted: rate(3),
        rejected: rate(4),
        delivered: rate(5),
        dropped: rate(6),
        sent_bytes: rate(7),
        opened: rate(8),
        closed: rate(9),
        refused: rate(10),
    }
}

fn at(seconds: i64, millis: i32) -> Option<prost_types::Timestamp> {
    let nanos = millis * 1_000_000;
    Some(prost_types::Timestamp { seconds, nanos })
}

fn lasting(seconds: i64, millis: i32) -> Option<prost_types::Duration> {
    let nanos = millis * 1_000_000;
    Some(prost_types::Duration { seconds, nanos })
}

/// One that has its key.
fn verifier() -> Arc<Verifier> {
    let config = auth::Config { hs256_secret: Some("x".repeat(32)), ..auth::Config::default() };
    Arc::new(Verifier::start(&config).expect("a key"))
}
