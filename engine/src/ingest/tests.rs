//! Ingest against Debian's mosquitto, which is started by each test on a port of its own.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::{AsyncClient, Event as MqttEvent, Incoming, MqttOptions};
use tempfile::TempDir;
use tokio::time::timeout;

use super::*;
use crate::event::Event;
use crate::inbox::Item;
use crate::index::{self, Place};
use crate::names::TenantId;

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
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let dir = tempfile::tempdir().unwrap();
        // Run by root it would change to a user that may not read its files; run by anyone else it ignores this.
        let log = dir.path().join("log");
        let text = format!(
            "user root\nlistener {port} 127.0.0.1\nlog_dest file {}\n{settings}\n",
            log.display()
        );
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
            while tokio::net::TcpStream::connect(("127.0.0.1", self.port))
                .await
                .is_err()
            {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(DEADLINE, connect)
            .await
            .expect("mosquitto accepts connections");
    }

    fn url(&self) -> String {
        format!("mqtt://127.0.0.1:{}", self.port)
    }

    /// Publishes each message, and returns when the broker has taken them all.
    async fn publish(&self, messages: &[(&str, &[u8])]) {
        let options = MqttOptions::new("device", "127.0.0.1", self.port);
        let (client, mut events) = AsyncClient::new(options, messages.len() + 1);
        for (topic, payload) in messages {
            client
                .publish(*topic, QoS::AtLeastOnce, false, payload.to_vec())
                .await
                .unwrap();
        }
        let mut taken = 0;
        while taken < messages.len() {
            let event = timeout(DEADLINE, events.poll())
                .await
                .expect("the broker answers")
                .unwrap();
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
    let program = [
        "/usr/sbin/mosquitto",
        "/usr/bin/mosquitto",
        "/usr/local/sbin/mosquitto",
    ]
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

struct Bed {
    ingest: Ingest,
    index: Arc<Index>,
    inboxes: Arc<[Inbox]>,
}

impl Bed {
    fn start(config: Config) -> Self {
        let limits = index::Config {
            connections_per_tenant: 0,
            connections: 1000,
        };
        let index = Arc::new(Index::new(&limits));
        let inboxes: Arc<[Inbox]> = (0..2).map(|_| Inbox::new(64)).collect();
        let event = event::Config::default();
        let ingest =
            Ingest::start(config, event, Arc::clone(&index), Arc::clone(&inboxes)).unwrap();
        Self {
            ingest,
            index,
            inboxes,
        }
    }

    async fn on(broker: &Mosquitto) -> Self {
        let bed = Self::start(quick(vec![broker.url()]));
        bed.connected(true).await;
        bed
    }

    async fn connected(&self, wanted: bool) {
        let upstreams = self.ingest.handle();
        let connected = async {
            while upstreams.is_connected() != wanted {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(DEADLINE, connected)
            .await
            .expect("the link changes");
    }

    /// A subscriber on the first shard, once its tenant is confirmed.
    async fn subscriber(&self, tenant: &str) -> Place {
        let place = self.index.enter(&TenantId::parse(tenant).unwrap()).unwrap();
        self.ingest
            .handle()
            .confirmed(place.tenant())
            .await
            .unwrap();
        place.tenant().declare(0);
        place
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
            Item::Event(event) => event,
            Item::UpstreamGap(tenant) => panic!("a gap of {}", tenant.id()),
        }
    }

    async fn next_gap(&self) -> Arc<Tenant> {
        match self.next().await {
            Item::UpstreamGap(tenant) => tenant,
            Item::Event(event) => panic!("{event:?}"),
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

#[tokio::test]
async fn what_is_published_after_the_confirmation_arrives() {
    let broker = Mosquitto::open().await;
    let bed = Bed::on(&broker).await;
    let _place = bed.subscriber("T").await;
    broker
        .publish(&[(TOPIC, b"nonsense"), (TOPIC, br#"{"metrics":{"t":72.10}}"#)])
        .await;
    let event = bed.next_event().await;
    assert_eq!((event.tenant().as_str(), event.device()), ("T", "D"));
    let counts = bed.ingest.handle().metrics();
    assert_eq!(
        (
            counts.received,
            counts.accepted,
            counts.reconnects,
            counts.connected
        ),
        (2, 1, 0, true)
    );
    bed.ingest.stop();
}

#[tokio::test]
async fn sixty_tenants_at_once_are_all_confirmed() {
    let broker = Mosquitto::open().await;
    let bed = Arc::new(Bed::on(&broker).await);
    let subscribers: Vec<_> = (0..60)
        .map(|n| {
            let bed = Arc::clone(&bed);
            tokio::spawn(async move { bed.subscriber(&format!("T{n}")).await })
        })
        .collect();
    let mut places = Vec::new();
    for subscriber in subscribers {
        places.push(
            timeout(DEADLINE, subscriber)
                .await
                .expect("confirmed")
                .unwrap(),
        );
    }
    let topics: Vec<String> = (0..60)
        .map(|n| format!("tenant/T{n}/device/D/telemetry"))
        .collect();
    let messages: Vec<(&str, &[u8])> = topics
        .iter()
        .map(|topic| (topic.as_str(), &b"{}"[..]))
        .collect();
    broker.publish(&messages).await;
    for n in 0..60 {
        assert_eq!(bed.next_event().await.tenant().as_str(), format!("T{n}"));
    }
}

#[tokio::test]
async fn a_broker_that_dies_and_returns_brings_a_gap_and_then_events() {
    let mut broker = Mosquitto::open().await;
    let bed = Bed::on(&broker).await;
    let place = bed.subscriber("T").await;
    broker.publish(&[(TOPIC, br#"{"ts":1}"#)]).await;
    bed.next_event().await;
    broker.kill();
    bed.connected(false).await;
    let refused = bed.ingest.handle().confirmed(place.tenant()).await;
    assert_eq!(refused, Err(Unavailable::NoBroker), "at once");
    broker.restart().await;
    assert!(Arc::ptr_eq(&bed.next_gap().await, place.tenant()));
    bed.ingest.handle().confirmed(place.tenant()).await.unwrap();
    broker.publish(&[(TOPIC, br#"{"ts":2}"#)]).await;
    bed.next_event().await;
    assert_eq!(bed.ingest.handle().metrics().reconnects, 1);
}

#[tokio::test]
async fn an_oversized_message_is_skipped_and_the_next_one_arrives() {
    let broker = Mosquitto::open().await;
    let bed = Bed::on(&broker).await;
    let _place = bed.subscriber("T").await;
    let of_size = |size: usize| format!("{{\"ts\":\"{}\"}}", "x".repeat(size)).into_bytes();
    // Beyond the packet limit; beyond rumqttc's own, which must not count; small.
    broker_publish_each(
        &broker,
        [of_size(300 * 1024), of_size(20 * 1024), of_size(1)],
    )
    .await;
    assert!(bed.next_event().await.json().len() > 20 * 1024);
    assert!(bed.next_event().await.json().len() < 1024);
    let counts = bed.ingest.handle().metrics();
    assert_eq!(
        (counts.received, counts.reconnects),
        (2, 0),
        "the broker skipped it, and the link stayed"
    );
}

async fn broker_publish_each(broker: &Mosquitto, payloads: [Vec<u8>; 3]) {
    // Another program: the client in here has a packet limit of its own.
    for payload in payloads {
        let file = broker.dir.path().join("payload");
        std::fs::write(&file, payload).unwrap();
        let mut publish = Command::new("mosquitto_pub");
        publish
            .args([
                "-h",
                "127.0.0.1",
                "-q",
                "1",
                "-t",
                TOPIC,
                "-p",
                &broker.port.to_string(),
                "-f",
            ])
            .arg(file);
        let published = tokio::task::spawn_blocking(move || publish.status().unwrap())
            .await
            .unwrap();
        assert!(published.success());
    }
}

#[tokio::test]
async fn one_subscription_to_all_serves_every_tenant() {
    let broker = Mosquitto::open().await;
    let config = Config {
        subscribe: Subscribe::All,
        ..quick(vec![broker.url()])
    };
    let bed = Bed::start(config);
    bed.connected(true).await;
    let _places = [bed.subscriber("A").await, bed.subscriber("B").await];
    broker
        .publish(&[
            ("tenant/A/device/D/telemetry", b"{}"),
            ("tenant/B/device/D/telemetry", b"{}"),
        ])
        .await;
    assert_eq!(bed.next_event().await.tenant().as_str(), "A");
    assert_eq!(bed.next_event().await.tenant().as_str(), "B");
}

#[tokio::test]
async fn a_retained_message_is_old_and_does_not_come() {
    let broker = Mosquitto::open().await;
    let options = MqttOptions::new("device", "127.0.0.1", broker.port);
    let (client, mut events) = AsyncClient::new(options, 1);
    client
        .publish(TOPIC, QoS::AtLeastOnce, true, r#"{"ts":"old"}"#)
        .await
        .unwrap();
    while !matches!(
        events.poll().await.unwrap(),
        MqttEvent::Incoming(Incoming::PubAck(_))
    ) {}
    let bed = Bed::on(&broker).await;
    let _place = bed.subscriber("T").await;
    broker.publish(&[(TOPIC, br#"{"ts":"new"}"#)]).await;
    let event = bed.next_event().await;
    assert!(
        String::from_utf8_lossy(event.json()).contains("new"),
        "{event:?}"
    );
}

#[tokio::test]
async fn the_next_broker_is_tried_when_one_cannot_be_reached() {
    let broker = Mosquitto::open().await;
    let nobody = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let bed = Bed::start(quick(vec![format!("mqtt://{nobody}"), broker.url()]));
    bed.connected(true).await;
    bed.subscriber("T").await;
}

#[tokio::test]
async fn credentials_are_sent() {
    let passwords = tempfile::NamedTempFile::new().unwrap();
    let mut tool = Command::new("mosquitto_passwd");
    assert!(
        tool.arg("-b")
            .arg("-c")
            .arg(passwords.path())
            .args(["me", "p:w"])
            .status()
            .unwrap()
            .success()
    );
    let settings = format!("password_file {}", passwords.path().display());
    let broker = Mosquitto::start(&settings).await;
    let stranger = Bed::start(quick(vec![broker.url()]));
    let url = broker.url().replace("mqtt://", "mqtt://me:p%3Aw@");
    let config = Config {
        username: Some("me".to_owned()),
        password: Some("p:w".to_owned()),
        ..quick(vec![broker.url()])
    };
    for known in [quick(vec![url]), config] {
        let bed = Bed::start(known);
        bed.connected(true).await;
        bed.subscriber("T").await;
    }
    assert!(!stranger.ingest.handle().is_connected());
}

#[tokio::test]
async fn ingest_starts_and_stops_without_a_broker() {
    let nobody = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let bed = Bed::start(quick(vec![format!("mqtt://{nobody}")]));
    let place = bed.index.enter(&TenantId::parse("T").unwrap()).unwrap();
    assert_eq!(
        bed.ingest.handle().confirmed(place.tenant()).await,
        Err(Unavailable::NoBroker)
    );
    assert!(!bed.ingest.handle().is_connected());
    bed.ingest.stop();
}

#[tokio::test]
async fn stopping_says_goodbye_to_the_broker() {
    let broker = Mosquitto::open().await;
    let bed = Bed::on(&broker).await;
    bed.subscriber("T").await;
    tokio::task::spawn_blocking(move || bed.ingest.stop())
        .await
        .unwrap();
    let log = broker.dir.path().join("log");
    let told = async {
        loop {
            // A link that just ended would be "closed its connection".
            let log = std::fs::read_to_string(&log).unwrap_or_default();
            if let Some(line) = log
                .lines()
                .find(|line| line.contains("Client floodway-") && !line.contains(" as "))
            {
                return line.to_owned();
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let line = timeout(DEADLINE, told)
        .await
        .expect("the broker notes the end");
    assert!(line.ends_with(" disconnected."), "{line}");
}

#[tokio::test]
async fn stopping_does_not_wait_for_a_full_inbox() {
    let broker = Mosquitto::open().await;
    let bed = Bed::on(&broker).await;
    let place = bed.subscriber("T").await;
    let messages = vec![(TOPIC, &b"{}"[..]); 100];
    broker.publish(&messages).await;
    let full = async {
        while bed.inboxes[0].len() < 64 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(DEADLINE, full).await.expect("the inbox fills up");
    let upstreams = bed.ingest.handle();
    let stopped = tokio::task::spawn_blocking(move || bed.ingest.stop());
    timeout(DEADLINE, stopped).await.expect("it ends").unwrap();
    assert!(!upstreams.is_connected());
    assert_eq!(
        upstreams.confirmed(place.tenant()).await,
        Err(Unavailable::NoBroker)
    );
}

#[test]
fn a_wrong_url_is_an_error_at_once_and_its_password_is_not_repeated() {
    for urls in [vec![], vec!["mqtt://me:secret@".to_owned()]] {
        let index = Arc::new(Index::new(&index::Config::default()));
        let error =
            Ingest::start(quick(urls), event::Config::default(), index, Arc::from([])).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        assert!(!error.to_string().contains("secret"));
    }
}
