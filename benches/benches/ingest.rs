//! How many events a second do one or two connections to a broker bring from their sockets into a shard's inbox?
//!
//! `nobody`: the tenants are subscribed, and nobody listens (each event is parsed and kept for who comes back). `one`: each
//! event goes to a shard with one subscriber. Payloads of 113 bytes, QoS 0, over TCP on loopback. What counts is the time of
//! the thread `ingest` on its core, printed at the end: the broker's side, a thread for each connection that writes what it
//! has ready, and the shard's, which only takes events out, run elsewhere, and on a small machine share its cores.

use std::cell::Cell;
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use floodway_core::event;
use floodway_core::inbox::Inbox;
use floodway_core::index::{ConnectionPermit, Index, Limits};
use floodway_protocol::names::TenantId;
use floodway_sources::mqtt::{Config, Mqtt};
use floodway_sources::source::{Ingest, IngestHandle, Source};
use tokio::runtime;

/// Events of one measured round.
const BATCH: u64 = 20_000;
/// Devices that publish in turn.
const DEVICES: u64 = 100;
const PAYLOAD: &[u8; 113] =
    br#"{"ts":"2026-02-16T12:00:00Z","metrics":{"temperature":72.10,"humidity":45,"rpm":1480,"pressure":1013.25,"a":1.5}}"#;

/// A broker that grants everything and publishes on demand.
struct Broker {
    url: String,
    /// Publishes so many rounds, shared by the connections.
    rounds: Vec<Sender<u64>>,
}

impl Broker {
    /// Waits for so many connections, each of which asks for one tenant.
    fn start(connections: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("mqtt://{}", listener.local_addr().expect("an address"));
        let (rounds, asked): (Vec<_>, Vec<_>) = (0..connections).map(|_| channel::<u64>()).unzip();
        thread::spawn(move || {
            for asked in asked {
                let (socket, _) = listener.accept().expect("a client");
                thread::spawn(move || serve(socket, asked, BATCH / connections));
            }
        });
        Self { url, rounds }
    }
}

/// Grants what a client asks for, and publishes so many events for each round that is `asked` for.
fn serve(mut socket: TcpStream, asked: Receiver<u64>, events: u64) {
    packet(&mut socket);
    socket.write_all(b"\x20\x03\x00\x00\x00").expect("CONNACK");
    let subscribe = packet(&mut socket);
    socket.write_all(&[0x90, 4, subscribe[0], subscribe[1], 0, 0]).expect("SUBACK");
    // Packet id, no properties, the filter's length, the filter (MQTT 5.0, 3.8).
    let filter = std::str::from_utf8(&subscribe[5..]).expect("a filter");
    let tenant = filter.split('/').nth(1).expect("a tenant");
    let batch: Vec<u8> = (0..events).flat_map(|n| publish(tenant, n % DEVICES)).collect();
    for rounds in asked {
        (0..rounds).for_each(|_| socket.write_all(&batch).expect("it is read"));
    }
}

/// What follows the fixed header of the next packet (MQTT 5.0, 2.1).
fn packet(socket: &mut TcpStream) -> Vec<u8> {
    let mut byte = || {
        let mut byte = [0];
        socket.read_exact(&mut byte).expect("a packet");
        byte[0]
    };
    byte();
    let (mut length, mut shift) = (0, 0);
    loop {
        let digit = byte();
        length |= usize::from(digit & 0x7f) << shift;
        shift += 7;
        if digit & 0x80 == 0 {
            break;
        }
    }
    let mut body = vec![0; length];
    socket.read_exact(&mut body).expect("a packet");
    body
}

/// A PUBLISH of QoS 0 (MQTT 5.0, 3.3).
fn publish(tenant: &str, device: u64) -> Vec<u8> {
    let topic = format!("tenant/{tenant}/device/DEV-{device:03}/telemetry");
    let length = 2 + topic.len() + 1 + PAYLOAD.len();
    let mut bytes = vec![0x30, (length & 0x7f) as u8 | 0x80, (length >> 7) as u8, 0, topic.len() as u8];
    bytes.extend_from_slice(topic.as_bytes());
    bytes.push(0);
    bytes.extend_from_slice(PAYLOAD);
    bytes
}

/// A gateway's ingest with a tenant for each connection, whose events are taken out of the inbox of their shard.
struct Bed {
    broker: Broker,
    /// Its sources stop when it is dropped.
    _running: Ingest,
    ingest: IngestHandle,
    permits: Vec<ConnectionPermit>,
}

impl Bed {
    fn start(connections: u8) -> Self {
        let broker = Broker::start(connections.into());
        let index = Arc::new(Index::new(connections.into(), Limits { connections: 0, ..Limits::default() }));
        let inboxes: Arc<[Inbox]> = Arc::new([Inbox::new(4096)]);
        let config = Config {
            urls: vec![broker.url.clone()],
            keep_alive: Duration::from_secs(3600),
            connections,
            ..Config::default()
        };
        let sources = Mqtt::split(&config, &index, None).expect("a URL");
        let sources = sources.into_iter().map(|mqtt| Box::new(mqtt) as Box<dyn Source>).collect();
        let inbox = Arc::clone(&inboxes);
        let ingest = Ingest::start(sources, event::Config::default(), Arc::clone(&index), inboxes, None);
        let running = ingest.expect("a thread");
        let ingest = running.handle();
        thread::spawn(move || {
            let runtime = runtime::Builder::new_current_thread().build().expect("a runtime");
            runtime.block_on(async {
                loop {
                    inbox[0].filled().await;
                    while inbox[0].take().is_some() {
                        inbox[0].made_room();
                    }
                }
            });
        });
        // Names that differ in their last bit go to different ones of two connections.
        let names = (1..=connections).map(|n| TenantId::parse(&format!("TENANT{n}")).expect("a name"));
        let permits: Vec<_> = names.map(|name| index.enter(&name).expect("a place")).collect();
        let runtime = runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        for permit in &permits {
            runtime.block_on(ingest.confirmed(permit.tenant())).expect("it is granted");
        }
        Self { broker, _running: running, ingest, permits }
    }

    fn subscribe(&self) {
        for permit in &self.permits {
            permit.tenant().wake_filter().set(0, None, true);
            permit.tenant().declare(0);
        }
    }

    /// Publishes so many rounds, and waits until each event was taken.
    fn run(&self, rounds: u64) -> Duration {
        let awaited = self.ingest.metrics().accepted + rounds * BATCH;
        let start = Instant::now();
        for connection in &self.broker.rounds {
            connection.send(rounds).expect("the broker runs");
        }
        while self.ingest.metrics().accepted < awaited {
            thread::sleep(Duration::from_micros(200));
        }
        start.elapsed()
    }
}

/// How long the thread `ingest` has run on a core.
fn busy() -> Duration {
    let tasks = fs::read_dir("/proc/self/task").expect("Linux");
    let folders = tasks.map(|task| task.expect("a task").path());
    let ingest = folders.filter(|folder| fs::read_to_string(folder.join("comm")).is_ok_and(|name| name == "ingest\n"));
    let nanos = ingest.map(|folder| {
        let stat = fs::read_to_string(folder.join("schedstat")).expect("the scheduler's figures");
        stat.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or(0)
    });
    Duration::from_nanos(nanos.sum())
}

fn ingest(c: &mut Criterion) {
    let mut figures = Vec::new();
    for connections in [1, 2] {
        let mut group = c.benchmark_group(format!("ingest/{connections}"));
        group.throughput(Throughput::Elements(BATCH)).sample_size(20);
        let bed = Bed::start(connections);
        for who in ["nobody", "one"] {
            if who == "one" {
                bed.subscribe();
            }
            let (events, before) = (Cell::new(0), busy());
            group.bench_function(who, |bench| {
                bench.iter_custom(|rounds| {
                    events.set(events.get() + rounds * BATCH);
                    bed.run(rounds)
                });
            });
            let spent = (busy() - before).as_secs_f64();
            figures.push((connections, who, events.get() as f64 / spent));
        }
        group.finish();
        let counts = bed.ingest.metrics();
        assert_eq!(counts.received, counts.accepted);
    }
    for (connections, who, rate) in figures {
        println!("ingest/{connections}/{who}: {rate:.0} events a second and core");
    }
}

criterion_group!(benches, ingest);
criterion_main!(benches);
