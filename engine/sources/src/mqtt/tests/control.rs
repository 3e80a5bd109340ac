//! Control documents over a real broker: what one gateway writes, the other reads.

use std::sync::atomic::Ordering;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::control::{self, Status, SyncState, WriteError};
use floodway_core::index::OwnLimits;
use floodway_protocol::names::{DeviceId, GroupId};

/// Ingest with control.
struct Steered {
    bed: Bed,
    control: Control,
}

impl Steered {
    fn start(config: Config, node: &str) -> Self {
        let settings = control::Config {
            write_timeout: DEADLINE,
            fleet: Duration::from_secs(1),
            ..control::Config::default()
        };
        let index = index();
        let (control, follower) = control::new(&settings, node, Arc::clone(&index));
        let source = Mqtt::new(config, Arc::clone(&index), Some(follower)).unwrap();
        let bed = Bed::of(source, index, Some(control.clone()));
        Self { bed, control }
    }

    async fn on(broker: &Mosquitto, node: &str) -> Self {
        let steered = Self::start(quick(vec![broker.url()]), node);
        steered.bed.connected(true).await;
        steered
    }

    async fn until(&self, what: &str, condition: impl Fn(&Control) -> bool) {
        let come = async {
            while !condition(&self.control) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(DEADLINE, come).await.expect(what);
    }

    async fn stop(self) {
        tokio::task::spawn_blocking(move || self.bed.ingest.stop()).await.unwrap();
    }
}

fn tenant() -> TenantId {
    TenantId::parse("T").unwrap()
}

fn group(name: &str) -> GroupId {
    GroupId::parse(name).unwrap()
}

fn devices(control: &Control, name: &str) -> Vec<String> {
    let group = control.group(&tenant(), &group(name));
    group.map_or_else(Vec::new, |group| group.devices().iter().map(DeviceId::to_string).collect())
}

#[tokio::test]
async fn what_one_writes_the_other_reads_and_so_does_who_comes_later() {
    let broker = Mosquitto::open().await;
    let (a, b) = (Steered::on(&broker, "a").await, Steered::on(&broker, "b").await);
    assert_eq!(a.control.sync_state(), SyncState::Following, "before anybody is let in");
    let put = a.control.put_group(&tenant(), &group("G"), ["B", "A"]).await;
    assert_eq!((put, devices(&a.control, "G")), (Ok(()), vec!["A".to_owned(), "B".to_owned()]));
    b.until("it reaches the other", |control| devices(control, "G") == ["A", "B"]).await;
    let limits = OwnLimits { queue_size: std::num::NonZeroUsize::new(7), ..OwnLimits::default() };
    b.control.set_limits(None, limits).await.unwrap();
    let late = Steered::on(&broker, "late").await;
    assert_eq!(devices(&late.control, "G"), ["A", "B"]);
    assert_eq!(late.control.limits(None), Some(limits));
    late.control.delete_group(&tenant(), &group("G")).await.unwrap();
    late.control.clear_limits(None).await.unwrap();
    assert_eq!(late.control.clear_limits(None).await, Err(WriteError::NotFound));
    for steered in [&a, &b] {
        steered
            .until("it is gone", |control| devices(control, "G").is_empty() && control.limits(None).is_none())
            .await;
    }
}

#[tokio::test]
async fn many_writes_at_once_are_all_done_beside_subscriptions() {
    let broker = Mosquitto::open().await;
    let a = Steered::on(&broker, "a").await;
    let writers: Vec<_> = (0..200)
        .map(|n| {
            let control = a.control.clone();
            let write = async move {
                let name = group(&n.to_string());
                control.put_group(&tenant(), &name, ["A"]).await
            };
            tokio::spawn(write)
        })
        .collect();
    let _permit = a.bed.subscriber("T").await;
    for writer in writers {
        writer.await.unwrap().unwrap();
    }
    assert_eq!(a.control.groups(&tenant()).by_name().len(), 200);
}

#[tokio::test]
async fn all_of_many_retained_documents_are_read() {
    let broker = Mosquitto::open().await;
    let topics: Vec<String> = (0..5000).map(|n| format!("floodway/control/v1/groups/T{}/G{n}", n % 50)).collect();
    let options = MqttOptions::new("writer", "127.0.0.1", broker.port);
    let (client, mut events) = AsyncClient::new(options, topics.len());
    for topic in &topics {
        let payload = r#"{"devices":["A"]}"#;
        client.try_publish(topic, QoS::AtLeastOnce, true, payload).unwrap();
    }
    let mut taken = 0;
    while taken < topics.len() {
        let event = events.poll().await.unwrap();
        taken += usize::from(matches!(event, MqttEvent::Incoming(Incoming::PubAck(_))));
    }
    let a = Steered::on(&broker, "a").await;
    assert_eq!(a.control.documents().group_count(), 5000);
}

#[tokio::test]
async fn a_broker_that_is_away_fails_writes_and_what_was_written_comes_back_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let settings = format!(
        "allow_anonymous true\npersistence true\npersistence_location {}/\nautosave_on_changes true\nautosave_interval 1",
        folder.path().display()
    );
    let mut broker = Mosquitto::start(&settings).await;
    let a = Steered::on(&broker, "a").await;
    a.control.put_group(&tenant(), &group("G"), ["A"]).await.unwrap();
    let database = folder.path().join("mosquitto.db");
    a.until("it is on the disk", |_| {
        std::fs::read(&database).is_ok_and(|file| file.windows(10).any(|part| part == b"groups/T/G"))
    })
    .await;
    broker.kill();
    a.until("the loss is seen", |control| control.sync_state() == SyncState::Away).await;
    let away = a.control.put_group(&tenant(), &group("H"), ["A"]).await;
    assert_eq!(away, Err(WriteError::Unavailable("the control store is not connected".to_owned())));
    assert_eq!(devices(&a.control, "G"), ["A"], "what was read holds");
    broker.restart().await;
    a.until("it is read again", |control| control.sync_state() == SyncState::Following).await;
    assert_eq!((devices(&a.control, "G"), devices(&a.control, "H")), (vec!["A".to_owned()], vec![]));
    a.stop().await;
    let again = Steered::on(&broker, "again").await;
    assert_eq!(devices(&again.control, "G"), ["A"]);
}

#[tokio::test]
async fn without_permission_to_write_documents_are_read_and_writes_say_why() {
    let folder = tempfile::tempdir().unwrap();
    let rules = folder.path().join("acl");
    let text = "topic readwrite tenant/#\ntopic read floodway/control/#\nuser boss\ntopic readwrite #\n";
    std::fs::write(&rules, text).unwrap();
    let broker = Mosquitto::start(&format!("allow_anonymous true\nacl_file {}", rules.display())).await;
    let as_boss = Config { username: Some("boss".to_owned()), ..quick(vec![broker.url()]) };
    let boss = Steered::start(as_boss, "boss");
    boss.bed.connected(true).await;
    boss.control.put_group(&tenant(), &group("G"), ["A"]).await.unwrap();
    let reader = Steered::on(&broker, "reader").await;
    assert_eq!(devices(&reader.control, "G"), ["A"]);
    assert!(matches!(reader.control.sync_state(), SyncState::Partial(_)));
    let refused = reader.control.put_group(&tenant(), &group("H"), ["A"]).await;
    let Err(WriteError::Unavailable(reason)) = refused else {
        panic!("{refused:?}");
    };
    assert!(reason.contains("NotAuthorized"), "{reason}");
    boss.control.delete_group(&tenant(), &group("G")).await.unwrap();
    reader.until("it is followed", |control| devices(control, "G").is_empty()).await;
    reader.bed.subscriber("T").await;
}

#[tokio::test]
async fn gateways_see_each_other_come_and_go() {
    let broker = Mosquitto::open().await;
    let (a, b) = (Steered::on(&broker, "a").await, Steered::on(&broker, "b").await);
    let status = |websocket| Status { websocket, ..Status::default() };
    a.control.announce(status(1));
    b.control.announce(status(2));
    let sees = |control: &Control, node: &str, websocket: u64| {
        let fleet = control.fleet();
        let is_it = |member: &control::Member| member.node == node && member.status.websocket == websocket;
        fleet.len() == 1 && is_it(&fleet[0])
    };
    a.until("b is seen", |control| sees(control, "b", 2)).await;
    b.until("a is seen", |control| sees(control, "a", 1)).await;
    a.control.announce(status(3));
    b.until("a's news are seen", |control| sees(control, "a", 3)).await;
    a.stop().await;
    b.until("a's end is seen", |control| control.fleet().is_empty()).await;
}

/// A broker that keeps no retained messages: it refuses a last will that is one, and says so to who has none (MQTT 5.0,
/// 3.2.2.2 and 3.2.2.3.5). It answers nothing else, and counts whom it refused.
async fn forgetful(listener: tokio::net::TcpListener, refused: Arc<std::sync::atomic::AtomicU32>) {
    const WILL: u8 = 0x04;
    let mut held = Vec::new();
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        // Type and length, the protocol's name and version, then the flags.
        let mut connect = [0; 2 + 6 + 1 + 1];
        stream.read_exact(&mut connect).await.unwrap();
        // Unread bytes would turn the end into a reset, and take the answer with it.
        let mut rest = vec![0; usize::from(connect[1]) - (6 + 1 + 1)];
        stream.read_exact(&mut rest).await.unwrap();
        let flags = connect[2 + 6 + 1];
        if flags & WILL == 0 {
            stream.write_all(&[0x20, 5, 0, 0, 2, 0x25, 0]).await.unwrap();
            held.push(stream);
        } else {
            refused.fetch_add(1, Ordering::Relaxed);
            stream.write_all(&[0x20, 3, 0, 0x9a, 0]).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_broker_that_keeps_nothing_and_refuses_the_will_is_served_without() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("mqtt://{}", listener.local_addr().unwrap());
    let refused = Arc::default();
    let broker = tokio::spawn(forgetful(listener, Arc::clone(&refused)));
    let steered = Steered::start(quick(vec![url]), "a");
    steered.bed.connected(true).await;
    assert_eq!(refused.load(Ordering::Relaxed), 1);
    assert!(matches!(steered.control.sync_state(), SyncState::Partial(why) if why.contains("retained")));
    broker.abort();
}
