//! Ingest against Debian's mosquitto, which is started by each test on a port of its own.

mod brokers;
mod control;
mod messages;
mod stopping;
mod store;
mod tenants;

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::{AsyncClient, Event as MqttEvent, Incoming, MqttOptions};
use tempfile::TempDir;
use tokio::time::timeout;

use super::*;
use crate::control::Control;
use crate::source::{Ingest, Unavailable};
use floodway_core::event::{self, Event};
use floodway_core::inbox::{Inbox, Item};
use floodway_core::index::{ConnectionPermit, Limits, Tenant};
use floodway_protocol::messages::notice::SourceState;
use floodway_protocol::names::TenantId;

/// For what happens in milliseconds on a machine with nothing else to do.
const DEADLINE: Duration = Duration::from_secs(20);

struct Mosquitto {
    port: u16,
    dir: TempDir,
    process: Child,
}

impl Mosquitto {
    async fn open() -> Self {
        Self::start("allow_anonymous true").await
    }

    async fn start(settings: &str) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let dir = tempfile::tempdir().unwrap();
        // Run by root it would change to a user that may not read its files; run by anyone else it ignores this.
        let log = dir.path().join("log");
        let text = format!("user root\nlistener {port} 127.0.0.1\nlog_dest file {}\n{settings}\n", log.display());
        std::fs::write(dir.path().join("mosquitto.conf"), text).unwrap();
        let process = spawn(dir.path());
        let this = Self { port, dir, process };
        this.accepts().await;
        this
    }

    fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    async fn restart(&mut self) {
        self.process = spawn(self.dir.path());
        self.accepts().await;
    }

    async fn accepts(&self) {
        let connect = async {
            while tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await.is_err() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(DEADLINE, connect).await.expect("mosquitto accepts connections");
    }

    fn url(&self) -> String {
        format!("mqtt://127.0.0.1:{}", self.port)
    }

    /// Publishes each message, and returns when the broker has taken them all.
    async fn publish(&self, messages: &[(&str, &[u8])]) {
        let options = MqttOptions::new("device", "127.0.0.1", self.port);
        let (client, mut events) = AsyncClient::new(options, messages.len() + 1);
        for (topic, payload) in messages {
            client.publish(*topic, QoS::AtLeastOnce, false, payload.to_vec()).await.unwrap();
        }
        let mut taken = 0;
        while taken < messages.len() {
            let event = timeout(DEADLINE, events.poll()).await.expect("the broker answers").unwrap();
            taken += usize::from(matches!(event, MqttEvent::Incoming(Incoming::PubAck(_))));
        }
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn spawn(dir: &Path) -> Child {
    let program = ["/usr/sbin/mosquitto", "/usr/bin/mosquitto", "/usr/local/sbin/mosquitto"]
        .into_iter()
        .find(|path| Path::new(path).exists())
        .expect("mosquitto is installed");
    let mut command = Command::new(program);
    command
        .arg("-c")
        .arg(dir.join("mosquitto.conf"))
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.spawn().expect("mosquitto starts")
}

fn index() -> Arc<Index> {
    Arc::new(Index::new(1000, Limits { connections: 0, ..Limits::default() }))
}

struct Bed {
    ingest: Ingest,
    index: Arc<Index>,
    inboxes: Arc<[Inbox]>,
}

impl Bed {
    fn start(config: Config) -> Self {
        let index = index();
        let source = Mqtt::new(config, Arc::clone(&index), None).unwrap();
        Self::of(source, index, None)
    }

    fn of(source: Mqtt, index: Arc<Index>, control: Option<Control>) -> Self {
        let inboxes: Arc<[Inbox]> = (0..2).map(|_| Inbox::new(64)).collect();
        let event = event::Config::default();
        let sources: Vec<Box<dyn Source>> = vec![Box::new(source)];
        let (tenants, into) = (Arc::clone(&index), Arc::clone(&inboxes));
        let ingest = Ingest::start(sources, event, tenants, into, control).unwrap();
        Self { ingest, index, inboxes }
    }

    async fn on(broker: &Mosquitto) -> Self {
        let bed = Self::start(quick(vec![broker.url()]));
        bed.connected(true).await;
        bed
    }

    async fn connected(&self, wanted: bool) {
        let ingest = self.ingest.handle();
        let connected = async {
            while ingest.is_connected() != wanted {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(DEADLINE, connected).await.expect("the link changes");
    }

    /// A subscriber on the first shard, once its tenant is confirmed.
    async fn subscriber(&self, tenant: &str) -> ConnectionPermit {
        let permit = self.index.enter(&TenantId::parse(tenant).unwrap()).unwrap();
        self.ingest.handle().confirmed(permit.tenant()).await.unwrap();
        permit.tenant().wake_filter().set(0, None, true);
        permit.tenant().declare(0);
        permit
    }

    async fn next(&self) -> Item {
        let inbox = &self.inboxes[0];
        let next = async {
            loop {
                if let Some(item) = inbox.take() {
                    inbox.made_room();
                    return item;
                }
                inbox.filled().await;
            }
        };
        timeout(DEADLINE, next).await.expect("something comes")
    }

    async fn next_event(&self) -> Arc<Event> {
        match self.next().await {
            Item::Event(event, _) => event,
            other => panic!("{other:?}"),
        }
    }

    async fn next_gap(&self) -> Arc<Tenant> {
        match self.next().await {
            Item::UpstreamGap(tenant, _) => tenant,
            other => panic!("{other:?}"),
        }
    }

    async fn next_state(&self) -> SourceState {
        match self.next().await {
            Item::Upstream(source, _) => source.state,
            other => panic!("{other:?}"),
        }
    }
}

fn quick(urls: Vec<String>) -> Config {
    Config {
        urls,
        backoff_max: Duration::from_millis(200),
        subscribe_timeout: DEADLINE,
        ..Config::default()
    }
}

const TOPIC: &str = "tenant/T/device/D/telemetry";
