//! The floor, from its flags to the bytes on its sockets: with Debian's mosquitto before it and raw sockets behind it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v4::{Connect, Packet, Publish};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// More than any packet here has.
const PACKET_BYTES_MAX: usize = 1024 * 1024;

/// A program that is ended with the test.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A mosquitto on a loopback port.
struct Broker {
    _program: Program,
    _folder: tempfile::TempDir,
    address: SocketAddr,
}

impl Broker {
    /// A port that was free may be taken before mosquitto has it: then it ends, and another one is tried.
    fn start() -> Self {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            let free = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = free.local_addr().unwrap();
            drop(free);
            if let Some(broker) = Self::start_at(address, deadline) {
                return broker;
            }
        }
        panic!("mosquitto does not come up");
    }

    fn start_at(address: SocketAddr, deadline: Instant) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("mosquitto.conf");
        let listener = format!("listener {} 127.0.0.1", address.port());
        let queue = "max_queued_messages 0\npersistence false\nlog_dest none";
        std::fs::write(&file, format!("{listener}\nallow_anonymous true\n{queue}\n")).unwrap();
        let mut program = Program(
            Command::new("/usr/sbin/mosquitto")
                .arg("-c")
                .arg(&file)
                .stderr(Stdio::null())
                .spawn()
                .expect("mosquitto is installed"),
        );
        while Instant::now() < deadline && program.0.try_wait().unwrap().is_none() {
            if TcpStream::connect(address).is_ok() {
                return Some(Self { _program: program, _folder: folder, address });
            }
            std::thread::yield_now();
        }
        None
    }

    fn publisher(&self) -> Publisher {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut connect = Connect::new("publisher");
        connect.keep_alive = 0;
        send(&mut stream, &Packet::Connect(connect));
        // The broker's CONNACK has four bytes (MQTT 3.1.1, 3.2).
        let mut ack = [0; 4];
        stream.read_exact(&mut ack).unwrap();
        assert_eq!(ack, [0x20, 2, 0, 0]);
        Publisher { stream, published: 0 }
    }
}

fn send(stream: &mut TcpStream, packet: &Packet) {
    let mut bytes = BytesMut::new();
    packet.write(&mut bytes, PACKET_BYTES_MAX).unwrap();
    stream.write_all(&bytes).unwrap();
}

struct Publisher {
    stream: TcpStream,
    published: u64,
}

impl Publisher {
    /// Publishes an event, and returns what subscribers are to read of it.
    fn publish(&mut self) -> String {
        self.publish_long(0)
    }

    /// The same, `bytes` longer.
    fn publish_long(&mut self, bytes: usize) -> String {
        self.published += 1;
        let more = "0".repeat(bytes);
        let metrics =
            format!(r#"{{"temperature":72.5{more},"humidity":45,"d":0,"n":{},"at":123456789012}}"#, self.published);
        let payload = format!(r#"{{"ts":"2026-02-16T12:00:00Z","site_id":"SITE-1","metrics":{metrics}}}"#);
        let topic = "tenant/T/device/d0/telemetry";
        let publish = Publish::new(topic, QoS::AtMostOnce, payload);
        send(&mut self.stream, &Packet::Publish(publish));
        format!(
            r#"{{"type":"telemetry","device_id":"d0","tenant_id":"T","metrics":{metrics},"timestamp":"2026-02-16T12:00:00Z","topic":"{topic}"}}"#
        )
    }
}

struct Floor {
    program: Program,
    address: SocketAddr,
}

impl Floor {
    fn start(broker: &Broker, flags: &[&str]) -> Self {
        let mut program = Program(
            Command::new(env!("CARGO_BIN_EXE_floor"))
                .args(["--listen", "127.0.0.1:0", "--tenant", "T"])
                .args(["--source", &format!("mqtt://{}", broker.address)])
                .args(flags)
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap(),
        );
        let mut said = String::new();
        let mut stderr = BufReader::new(program.0.stderr.take().unwrap());
        stderr.read_line(&mut said).unwrap();
        let address = said.trim().strip_prefix("floor: listens on ");
        let address = address.unwrap_or_else(|| panic!("{said}")).parse().unwrap();
        // Whatever else it says is for whoever reads the test's output.
        std::thread::spawn(move || std::io::copy(&mut stderr, &mut std::io::stderr()));
        let mut ready = String::new();
        let stdout = program.0.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut ready).unwrap();
        assert_eq!(ready, "ready\n");
        Self { program, address }
    }

    fn subscriber(&self) -> Subscriber {
        Self::subscribe(TcpStream::connect(self.address).unwrap())
    }

    /// One whose socket takes next to nothing before it is read.
    fn narrow_subscriber(&self) -> Subscriber {
        use rustix::net::{AddressFamily, SocketType, connect, socket, sockopt};
        let socket = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
        sockopt::set_socket_recv_buffer_size(&socket, 4096).unwrap();
        connect(&socket, &self.address).unwrap();
        Self::subscribe(socket.into())
    }

    fn subscribe(mut stream: TcpStream) -> Subscriber {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        // In two parts, as a slow network would bring it.
        stream.write_all(b"GET /any?token=x HTTP/1.1\r\nHost: h\r\n").unwrap();
        stream
            .write_all(b"Upgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
            .unwrap();
        let mut subscriber = Subscriber(BufReader::new(stream));
        let status = subscriber.line();
        assert!(status.starts_with("HTTP/1.1 "), "{status}");
        while !subscriber.line().is_empty() {}
        subscriber
    }
}

struct Subscriber(BufReader<TcpStream>);

impl Subscriber {
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line.strip_suffix("\r\n").expect("a whole line").to_owned()
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.0.read_exact(&mut bytes).unwrap();
        bytes
    }

    /// Reads exactly the frame of this event.
    fn expect_frame(&mut self, json: &str) {
        let length = u16::try_from(json.len()).unwrap().to_be_bytes();
        let frame = [&[0x81, 126], &length[..], json.as_bytes()].concat();
        assert_eq!(text(&self.bytes(frame.len())), text(&frame));
    }

    /// Reads exactly the chunk of this event, and returns its id.
    fn expect_chunk(&mut self, json: &str) -> u64 {
        let size = usize::from_str_radix(&self.line(), 16).unwrap();
        let message = self.bytes(size);
        let (id, data) = text(&message)
            .split_once('\n')
            .map(|(id, data)| (id.to_owned(), data.to_owned()))
            .unwrap();
        assert_eq!(data, format!("data: {json}\n\n"));
        assert_eq!(self.line(), "");
        id.strip_prefix("id: ").expect("an id").parse().unwrap()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Every engine, one by one and in batches.
const WAYS: [&[&str]; 4] = [
    &["--engine", "write"],
    &["--engine", "write", "--batch", "64"],
    &["--engine", "uring"],
    &["--engine", "uring", "--batch", "64"],
];

/// So few that all of them fit into the socket of someone who does not read yet: the floor waits for who is full.
const EVENTS: usize = 100;

#[test]
fn every_websocket_gets_every_frame() {
    let broker = Broker::start();
    for way in WAYS {
        let floor = Floor::start(&broker, way);
        let mut publisher = broker.publisher();
        let mut subscribers: Vec<Subscriber> = (0..5).map(|_| floor.subscriber()).collect();
        let events: Vec<String> = (0..EVENTS).map(|_| publisher.publish()).collect();
        for subscriber in &mut subscribers {
            for event in &events {
                subscriber.expect_frame(event);
            }
        }
    }
}

#[test]
fn every_event_stream_gets_every_chunk_under_the_same_ids() {
    let broker = Broker::start();
    for way in WAYS {
        let floor = Floor::start(&broker, &[way, &["--transport", "sse"]].concat());
        let mut publisher = broker.publisher();
        let mut subscribers: Vec<Subscriber> = (0..5).map(|_| floor.subscriber()).collect();
        let events: Vec<String> = (0..EVENTS).map(|_| publisher.publish()).collect();
        let ids: Vec<Vec<u64>> = subscribers
            .iter_mut()
            .map(|subscriber| events.iter().map(|event| subscriber.expect_chunk(event)).collect())
            .collect();
        let first: Vec<u64> = (ids[0][0]..).take(events.len()).collect();
        assert!(ids.iter().all(|seen| *seen == first));
    }
}

#[test]
fn whoever_leaves_in_the_middle_harms_nobody() {
    let broker = Broker::start();
    for way in WAYS {
        let floor = Floor::start(&broker, way);
        let mut publisher = broker.publisher();
        let mut first = floor.subscriber();
        let leaver = floor.subscriber();
        let mut last = floor.subscriber();
        let mut publish = |subscribers: &mut [&mut Subscriber]| {
            for _ in 0..100 {
                let event = publisher.publish();
                for subscriber in &mut *subscribers {
                    subscriber.expect_frame(&event);
                }
            }
        };
        publish(&mut [&mut first, &mut last]);
        // It has read nothing, so its connection is reset; the next one has its descriptor.
        drop(leaver);
        publish(&mut [&mut first, &mut last]);
        let mut next = floor.subscriber();
        publish(&mut [&mut first, &mut next, &mut last]);
    }
}

#[test]
fn what_a_socket_does_not_take_at_once_is_sent_later() {
    let broker = Broker::start();
    for way in WAYS {
        let floor = Floor::start(&broker, way);
        let mut publisher = broker.publisher();
        let narrow = floor.narrow_subscriber();
        let wide = floor.subscriber();
        // Longer than what a socket takes unsent, so that every write is short.
        let events: Vec<String> = (0..100).map(|_| publisher.publish_long(60_000)).collect();
        std::thread::scope(|scope| {
            for mut subscriber in [narrow, wide] {
                let events = &events;
                scope.spawn(move || events.iter().for_each(|event| subscriber.expect_frame(event)));
            }
        });
    }
}

#[test]
fn whoever_takes_nothing_is_closed_and_the_others_go_on() {
    let broker = Broker::start();
    let floor = Floor::start(&broker, &[]);
    let mut publisher = broker.publisher();
    let mut stuck = floor.narrow_subscriber();
    let mut other = floor.subscriber();
    for _ in 0..20 {
        let event = publisher.publish_long(60_000);
        other.expect_frame(&event);
    }
    // What was sent before comes, and then the end, long before all of it.
    let mut read = Vec::new();
    match stuck.0.read_to_end(&mut read) {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
    }
    assert!(read.len() < 20 * 60_000, "{}", read.len());
}

#[test]
fn a_floor_without_its_broker_ends() {
    let broker = Broker::start();
    let mut floor = Floor::start(&broker, &[]);
    drop(broker);
    assert_eq!(floor.program.0.wait().unwrap().code(), Some(1));
}
