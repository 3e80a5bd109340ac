//! A tiny server to be measured: a broker for one publisher, and streams that are told what it publishes. It can be
//! made to treat its first subscriber badly.

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::BytesMut;
use rumqttc::mqttbytes::v4::{ConnAck, ConnectReturnCode, Packet, PubAck, Publish};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// What the first subscriber suffers at the fifth event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mischief {
    None,
    LeaveOut,
    Double,
    /// The fifth comes after the sixth.
    Swap,
    /// A gap is told where the event is missing.
    Gap,
    HangUp,
    /// All subscribers are hung up on.
    HangUpOnAll,
    /// The publisher is hung up on, at once.
    NoBroker,
    /// The publisher is hung up on after the fifth event.
    BrokerGone,
}

const FIFTH: usize = 5;

/// A server that runs until the test ends.
pub(crate) struct Fake {
    pub(crate) streams: SocketAddr,
    pub(crate) broker: SocketAddr,
}

/// One subscriber's stream.
struct Stream {
    socket: TcpStream,
    sse: bool,
}

struct Shared {
    mischief: Mischief,
    streams: Mutex<Vec<Stream>>,
}

impl Fake {
    pub(crate) fn start(mischief: Mischief) -> Fake {
        let bind = || TcpListener::bind("127.0.0.1:0").expect("a free port");
        let (streams, broker) = (bind(), bind());
        let fake = Fake {
            streams: streams.local_addr().expect("bound"),
            broker: broker.local_addr().expect("bound"),
        };
        let shared = Arc::new(Shared { mischief, streams: Mutex::default() });
        let accepting = shared.clone();
        thread::spawn(move || {
            for socket in streams.incoming() {
                accepting.accept(socket.expect("a connection"));
            }
        });
        thread::spawn(move || shared.publisher(broker.accept().expect("the publisher").0));
        fake
    }
}

impl Shared {
    /// Answers the request, and says that the stream is live.
    fn accept(&self, mut socket: TcpStream) {
        let mut lines = BufReader::new(&socket).lines().map(|line| line.expect("a line"));
        let head: Vec<String> = lines.by_ref().take_while(|line| !line.is_empty()).collect();
        let key = head.iter().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "));
        let sse = key.is_none();
        let answer = match key {
            Some(key) => format!(
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {}\r\n\r\n",
                accept(key),
            ),
            None => "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n".into(),
        };
        socket.write_all(answer.as_bytes()).expect("a subscriber that takes it");
        let mut stream = Stream { socket, sse };
        // Whoever is told so is among those who get the next event.
        let mut streams = self.streams.lock().expect("no panic");
        stream.say(r#"{"type":"connected","tenant_id":"T"}"#);
        streams.push(stream);
    }

    /// Takes in what is published.
    fn publisher(&self, mut socket: TcpStream) {
        let (mut bytes, mut out) = (BytesMut::new(), BytesMut::new());
        let mut events: Vec<String> = Vec::new();
        let mut buffer = [0; 16 << 10];
        while let Ok(length @ 1..) = socket.read(&mut buffer) {
            bytes.extend_from_slice(&buffer[..length]);
            while let Ok(packet) = Packet::read(&mut bytes, 1 << 20) {
                match packet {
                    Packet::Connect(_) => {
                        ConnAck::new(ConnectReturnCode::Success, false).write(&mut out).expect("room");
                    }
                    Packet::Publish(publish) => {
                        if publish.pkid != 0 {
                            PubAck::new(publish.pkid).write(&mut out).expect("room");
                        }
                        events.push(event(&publish));
                        self.fan_out(&events);
                        if self.mischief == Mischief::BrokerGone && events.len() == FIFTH {
                            return;
                        }
                    }
                    other => panic!("a publisher does not say {other:?}"),
                }
            }
            if socket.write_all(&out).is_err() {
                return;
            }
            if self.mischief == Mischief::NoBroker {
                return;
            }
            out.clear();
        }
    }

    /// Tells everyone the newest event.
    fn fan_out(&self, events: &[String]) {
        let mut streams = self.streams.lock().expect("no panic");
        for (at, stream) in streams.iter_mut().enumerate() {
            let mischief = if at == 0 || self.mischief == Mischief::HangUpOnAll {
                self.mischief
            } else {
                Mischief::None
            };
            stream.tell(events, mischief);
        }
    }
}

impl Stream {
    fn tell(&mut self, events: &[String], mischief: Mischief) {
        let newest = &events[events.len() - 1];
        match (mischief, events.len()) {
            (Mischief::LeaveOut | Mischief::Swap, FIFTH) => {}
            (Mischief::Gap, FIFTH) => self.say(r#"{"type":"gap","reason":"overflow","dropped":1}"#),
            (Mischief::Double, FIFTH) => {
                self.say(newest);
                self.say(newest);
            }
            (Mischief::Swap, 6) => {
                self.say(newest);
                self.say(&events[FIFTH - 1]);
            }
            (Mischief::HangUp | Mischief::HangUpOnAll, FIFTH) => {
                self.socket.shutdown(std::net::Shutdown::Both).expect("an open stream");
            }
            _ => self.say(newest),
        }
    }

    /// Writes one message; a subscriber that is gone is no affair of ours.
    fn say(&mut self, text: &str) {
        let message = if self.sse {
            let message = format!("id: 1\ndata: {text}\n\n");
            format!("{:x}\r\n{message}\r\n", message.len()).into_bytes()
        } else {
            let length = u16::try_from(text.len()).expect("a short event").to_be_bytes();
            let header = match text.len() {
                short @ ..126 => vec![0x81, short as u8],
                _ => vec![0x81, 126, length[0], length[1]],
            };
            [&header, text.as_bytes()].concat()
        };
        self.socket.write_all(&message).ok();
    }
}

/// The event that subscribers see of a message.
fn event(publish: &Publish) -> String {
    let payload = std::str::from_utf8(&publish.payload).expect("JSON");
    format!(r#"{{"type":"telemetry","topic":"{}","payload":{payload}}}"#, publish.topic)
}

fn accept(key: &str) -> String {
    let text = format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    BASE64.encode(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes()))
}
