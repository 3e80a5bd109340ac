//! An MQTT 5 broker that misbehaves as a test tells it to: for what mosquitto can't be made to do.
//!
//! It grants, answers and delivers like a broker (retained messages included) until a rule says otherwise. Rules may be
//! changed while it runs, and hold from the next packet on. Invariant: whatever it sends that a rule did not ask for is
//! correct MQTT 5; all connections end when its value is dropped.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::{BufMut, BytesMut};
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Filter, Packet, Publish, RetainForwardRule};
use rumqttc::v5::mqttbytes::{Error as CodecError, matches};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;

use crate::publisher::topic;

/// A CONNACK that lets the client in (MQTT 5, 3.2).
const WELCOME: &[u8] = &[0x20, 3, 0, 0, 0];

/// How long a client may take to close a connection that the broker has ended.
const LEAVE: Duration = Duration::from_secs(1);

/// How the broker answers a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// As a broker does.
    Good,
    /// With these codes: one for each filter of a SUBSCRIBE or UNSUBSCRIBE, the first one for a PUBLISH.
    Codes(Vec<u8>),
    /// As a broker does, but with a packet id that nobody waits for.
    WrongId,
    /// Not at all.
    Silence,
    /// By a DISCONNECT with this reason code (MQTT 5, 3.14.2.1), and the end of the connection.
    Disconnect(u8),
    /// By the end of the connection, without a word.
    Cut,
    /// With these bytes.
    Bytes(Vec<u8>),
}

/// What a client did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It opened a connection, as this client id.
    Connect(String),
    /// It asked for these filters in one packet.
    Subscribe(Vec<String>),
    /// It gave these filters up.
    Unsubscribe(Vec<String>),
    /// It published to this topic, so many bytes.
    Publish(String, usize),
    /// It acknowledged a message.
    Acknowledged(u16),
    /// It sent a PINGREQ.
    Ping,
    /// It said goodbye, with these bytes of a DISCONNECT.
    Disconnect,
    /// Its connection ended.
    Gone,
}

type Rule<T> = Box<dyn FnMut(&T) -> Answer + Send>;

struct Rules {
    connect: Rule<str>,
    subscribe: Rule<[String]>,
    unsubscribe: Rule<[String]>,
    publish: Rule<str>,
    ping: Rule<()>,
}

/// A running broker on a loopback port.
pub struct ScriptedBroker {
    port: u16,
    shared: Arc<Shared>,
    acceptor: AbortHandle,
}

struct Shared {
    rules: Mutex<Rules>,
    clients: Mutex<Vec<Client>>,
    retained: Mutex<BTreeMap<String, Vec<u8>>>,
    seen: watch::Sender<Vec<Seen>>,
}

/// One connection. It is gone once its writer is.
#[derive(Clone)]
struct Client {
    out: mpsc::UnboundedSender<Out>,
    filters: Arc<Mutex<Vec<Filter>>>,
}

enum Out {
    Bytes(Vec<u8>),
    End,
}

impl ScriptedBroker {
    /// Starts one that behaves.
    ///
    /// # Panics
    /// If no port is free.
    pub async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let port = listener.local_addr().expect("a bound listener").port();
        let rules = Rules {
            connect: Box::new(|_| Answer::Good),
            subscribe: Box::new(|_| Answer::Good),
            unsubscribe: Box::new(|_| Answer::Good),
            publish: Box::new(|_| Answer::Good),
            ping: Box::new(|()| Answer::Good),
        };
        let shared = Arc::new(Shared {
            rules: Mutex::new(rules),
            clients: Mutex::default(),
            retained: Mutex::default(),
            seen: watch::Sender::default(),
        });
        let acceptor = tokio::spawn(accept(listener, Arc::clone(&shared))).abort_handle();
        Self {
            port,
            shared,
            acceptor,
        }
    }

    /// Its address as a setting.
    pub fn url(&self) -> String {
        format!("mqtt://127.0.0.1:{}", self.port)
    }

    /// Answers a CONNECT of this client id by this rule.
    pub fn on_connect(&self, rule: impl FnMut(&str) -> Answer + Send + 'static) {
        self.rules().connect = Box::new(rule);
    }

    /// Answers a SUBSCRIBE for these filters by this rule.
    pub fn on_subscribe(&self, rule: impl FnMut(&[String]) -> Answer + Send + 'static) {
        self.rules().subscribe = Box::new(rule);
    }

    /// Answers an UNSUBSCRIBE of these filters by this rule.
    pub fn on_unsubscribe(&self, rule: impl FnMut(&[String]) -> Answer + Send + 'static) {
        self.rules().unsubscribe = Box::new(rule);
    }

    /// Answers a PUBLISH to this topic by this rule. What is not answered well is not delivered either.
    pub fn on_publish(&self, rule: impl FnMut(&str) -> Answer + Send + 'static) {
        self.rules().publish = Box::new(rule);
    }

    /// Answers a PINGREQ by this rule.
    pub fn on_ping(&self, mut rule: impl FnMut() -> Answer + Send + 'static) {
        self.rules().ping = Box::new(move |()| rule());
    }

    /// Publishes `{"metrics":{"n":n}}` of a device of a tenant, for each number.
    pub fn count(&self, tenant: &str, device: &str, numbers: std::ops::Range<u64>) {
        for n in numbers {
            self.publish(
                &topic(tenant, device),
                &format!(r#"{{"metrics":{{"n":{n}}}}}"#),
            );
        }
    }

    /// Delivers a message to every client that has a filter for it, with QoS 0.
    pub fn publish(&self, topic: &str, payload: impl AsRef<[u8]>) {
        self.shared.deliver(topic, payload.as_ref());
    }

    /// Sends bytes to every client, whatever they are.
    pub fn send(&self, bytes: &[u8]) {
        for client in self.shared.clients() {
            client.send(bytes.to_vec());
        }
    }

    /// Ends every connection. New ones are welcome.
    pub fn cut(&self) {
        for client in self.shared.clients() {
            let _ = client.out.send(Out::End);
        }
    }

    /// What clients did so far, in order.
    pub fn seen(&self) -> Vec<Seen> {
        self.shared.seen.borrow().clone()
    }

    /// How often clients did what `wanted` looks for.
    pub fn count_seen(&self, wanted: impl Fn(&Seen) -> bool) -> usize {
        self.shared
            .seen
            .borrow()
            .iter()
            .filter(|seen| wanted(seen))
            .count()
    }

    fn rules(&self) -> std::sync::MutexGuard<'_, Rules> {
        self.shared.rules.lock().expect("no rule panics")
    }
}

impl Drop for ScriptedBroker {
    fn drop(&mut self) {
        self.acceptor.abort();
        self.cut();
    }
}

impl Shared {
    fn clients(&self) -> Vec<Client> {
        let mut clients = self.clients.lock().expect("nobody panics");
        clients.retain(|client| !client.out.is_closed());
        clients.clone()
    }

    fn note(&self, seen: Seen) {
        self.seen.send_modify(|all| all.push(seen));
    }

    fn answer<T: ?Sized>(&self, rule: impl FnOnce(&mut Rules) -> &mut Rule<T>, to: &T) -> Answer {
        rule(&mut self.rules.lock().expect("no rule panics"))(to)
    }

    fn deliver(&self, topic: &str, payload: &[u8]) {
        for client in self.clients() {
            let filters = client.filters.lock().expect("nobody panics");
            if filters.iter().any(|filter| matches(topic, &filter.path)) {
                client.send(published(topic, payload, false));
            }
        }
    }
}

impl Client {
    fn send(&self, bytes: Vec<u8>) {
        // An error says that the connection has ended.
        let _ = self.out.send(Out::Bytes(bytes));
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((socket, _)) = listener.accept().await {
        tokio::spawn(serve(socket, Arc::clone(&shared)));
    }
}

async fn serve(socket: TcpStream, shared: Arc<Shared>) {
    let (input, output) = socket.into_split();
    let (out, waiting) = mpsc::unbounded_channel();
    let client = Client {
        out,
        filters: Arc::default(),
    };
    tokio::select! {
        () = write(output, waiting) => {}
        () = read(input, &client, &shared) => {}
    }
    shared.note(Seen::Gone);
}

async fn write(mut output: OwnedWriteHalf, mut waiting: mpsc::UnboundedReceiver<Out>) {
    while let Some(Out::Bytes(bytes)) = waiting.recv().await {
        if output.write_all(&bytes).await.is_err() {
            return;
        }
    }
    // A socket that is closed with bytes unread takes back what it sent last: the client is to see it, and to close first.
    let _ = output.shutdown().await;
    tokio::time::sleep(LEAVE).await;
}

/// Reads packets until there are no more. What is answered by the end of the connection is the writer's to end, after
/// all that was sent before.
async fn read(mut input: OwnedReadHalf, client: &Client, shared: &Shared) {
    let mut buffer = BytesMut::new();
    loop {
        match Packet::read(&mut buffer, None) {
            Ok(packet) => handle(packet, client, shared),
            Err(CodecError::InsufficientBytes(_)) => {
                if !matches!(input.read_buf(&mut buffer).await, Ok(read) if read > 0) {
                    return;
                }
            }
            // A DISCONNECT with no reason code has no payload, which the codec takes for an error.
            Err(_) => return shared.note(Seen::Disconnect),
        }
    }
}

fn handle(packet: Packet, client: &Client, shared: &Shared) {
    match packet {
        Packet::Connect(connect, _, _) => {
            shared.note(Seen::Connect(connect.client_id.clone()));
            let answer = shared.answer(|rules| &mut rules.connect, connect.client_id.as_str());
            if answer == Answer::Good {
                shared
                    .clients
                    .lock()
                    .expect("nobody panics")
                    .push(client.clone());
            }
            reply(client, answer, 0, |_, codes| match codes {
                Some(codes) => vec![0x20, 3, 0, codes[0], 0],
                None => WELCOME.to_vec(),
            });
        }
        Packet::Subscribe(subscribe) => {
            let paths: Vec<String> = subscribe.filters.iter().map(|it| it.path.clone()).collect();
            shared.note(Seen::Subscribe(paths.clone()));
            let answer = shared.answer(|rules| &mut rules.subscribe, paths.as_slice());
            let granted: Vec<Filter> = match &answer {
                Answer::Good | Answer::WrongId => subscribe.filters.clone(),
                Answer::Codes(codes) => subscribe
                    .filters
                    .iter()
                    .zip(codes)
                    .filter(|(_, code)| **code < 0x80)
                    .map(|(filter, _)| filter.clone())
                    .collect(),
                _ => Vec::new(),
            };
            client
                .filters
                .lock()
                .expect("nobody panics")
                .extend(granted.clone());
            reply(client, answer, subscribe.pkid, |id, codes| {
                let codes = codes.map_or(vec![0; paths.len()], <[u8]>::to_vec);
                acknowledged(0x90, id, &codes)
            });
            for (topic, payload) in shared.retained.lock().expect("nobody panics").iter() {
                let wants = |filter: &&Filter| {
                    filter.retain_forward_rule != RetainForwardRule::Never
                        && matches(topic, &filter.path)
                };
                if granted.iter().any(|filter| wants(&filter)) {
                    client.send(published(topic, payload, true));
                }
            }
        }
        Packet::Unsubscribe(unsubscribe) => {
            shared.note(Seen::Unsubscribe(unsubscribe.filters.clone()));
            let answer = shared.answer(
                |rules| &mut rules.unsubscribe,
                unsubscribe.filters.as_slice(),
            );
            let mut filters = client.filters.lock().expect("nobody panics");
            filters.retain(|filter| !unsubscribe.filters.contains(&filter.path));
            reply(client, answer, unsubscribe.pkid, |id, codes| {
                let codes = codes.map_or(vec![0; unsubscribe.filters.len()], <[u8]>::to_vec);
                acknowledged(0xb0, id, &codes)
            });
        }
        Packet::Publish(publish) => {
            let topic = String::from_utf8_lossy(&publish.topic).into_owned();
            shared.note(Seen::Publish(topic.clone(), publish.payload.len()));
            let answer = shared.answer(|rules| &mut rules.publish, topic.as_str());
            if answer == Answer::Good {
                keep_and_deliver(&topic, &publish, shared);
            }
            if publish.qos != QoS::AtMostOnce || !matches!(answer, Answer::Good | Answer::Codes(_))
            {
                reply(client, answer, publish.pkid, |id, codes| {
                    let code = codes.map_or(0, |codes| codes[0]);
                    let id = id.to_be_bytes();
                    vec![0x40, 4, id[0], id[1], code, 0]
                });
            }
        }
        Packet::PubAck(ack) => shared.note(Seen::Acknowledged(ack.pkid)),
        Packet::PingReq(_) => {
            shared.note(Seen::Ping);
            let answer = shared.answer(|rules| &mut rules.ping, &());
            reply(client, answer, 0, |_, _| vec![0xd0, 0]);
        }
        Packet::Disconnect(_) => {
            shared.note(Seen::Disconnect);
            let _ = client.out.send(Out::End);
        }
        other => panic!("a client sent {other:?}"),
    }
}

fn keep_and_deliver(topic: &str, publish: &Publish, shared: &Shared) {
    if publish.retain {
        let mut retained = shared.retained.lock().expect("nobody panics");
        if publish.payload.is_empty() {
            retained.remove(topic);
        } else {
            retained.insert(topic.to_owned(), publish.payload.to_vec());
        }
    }
    shared.deliver(topic, &publish.payload);
}

/// Sends the answer. `good` makes a proper one, of a packet id and perhaps of codes.
fn reply(client: &Client, answer: Answer, id: u16, good: impl Fn(u16, Option<&[u8]>) -> Vec<u8>) {
    match answer {
        Answer::Good => client.send(good(id, None)),
        Answer::Codes(codes) => client.send(good(id, Some(&codes))),
        Answer::WrongId => client.send(good(id.wrapping_add(1000), None)),
        Answer::Silence => {}
        Answer::Bytes(bytes) => client.send(bytes),
        Answer::Disconnect(code) => {
            client.send(vec![0xe0, 2, code, 0]);
            let _ = client.out.send(Out::End);
        }
        Answer::Cut => {
            let _ = client.out.send(Out::End);
        }
    }
}

/// A SUBACK or UNSUBACK (MQTT 5, 3.9 and 3.11).
fn acknowledged(kind: u8, id: u16, codes: &[u8]) -> Vec<u8> {
    let mut body = id.to_be_bytes().to_vec();
    body.push(0);
    body.extend_from_slice(codes);
    let mut packet = BytesMut::new();
    packet.put_u8(kind);
    put_length(&mut packet, body.len());
    packet.extend_from_slice(&body);
    packet.to_vec()
}

/// A PUBLISH with QoS 0 (MQTT 5, 3.3).
fn published(topic: &str, payload: &[u8], retain: bool) -> Vec<u8> {
    let mut publish = Publish::new(topic, QoS::AtMostOnce, payload.to_vec(), None);
    publish.retain = retain;
    let mut bytes = BytesMut::new();
    publish.write(&mut bytes).expect("a topic and a payload");
    bytes.to_vec()
}

/// A variable byte integer (MQTT 5, 1.5.5).
fn put_length(packet: &mut BytesMut, mut length: usize) {
    loop {
        let digit = (length % 128) as u8;
        length /= 128;
        packet.put_u8(if length > 0 { digit | 0x80 } else { digit });
        if length == 0 {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Gateway;
    use crate::publisher::Publisher;
    use crate::wait::wait_until;

    #[tokio::test]
    async fn a_gateway_takes_it_for_a_broker() {
        let broker = ScriptedBroker::start().await;
        let gateway = Gateway::start_at(&broker.url()).await;
        let mut ws = gateway.ws("T1", "").await;
        broker.count("T1", "A", 0..3);
        ws.expect_numbers(0..3).await;
        broker.cut();
        ws.expect_json(serde_json::json!({"type": "gap", "reason": "upstream", "dropped": null}))
            .await;
        broker.count("T1", "A", 3..4);
        ws.expect_numbers(3..4).await;
        assert_eq!(
            broker.count_seen(|seen| matches!(seen, Seen::Connect(_))),
            2
        );
    }

    #[tokio::test]
    async fn it_serves_until_a_rule_says_otherwise() {
        let broker = ScriptedBroker::start().await;
        let mut publisher = Publisher::connect(broker.port).await;
        publisher.count("T1", "A", 0..3).await;
        broker.on_publish(|topic| {
            if topic.contains("/B/") {
                Answer::Disconnect(0x87)
            } else {
                Answer::Good
            }
        });
        publisher.count("T1", "A", 3..4).await;
        publisher.send("tenant/T1/device/B/telemetry", "{}").await;
        publisher.gone_or_settled().await;
        wait_until("the client has gone", async || {
            broker.seen().last() == Some(&Seen::Gone)
        })
        .await;
        assert_eq!(
            broker.count_seen(|seen| matches!(seen, Seen::Publish(..))),
            5
        );
    }
}
