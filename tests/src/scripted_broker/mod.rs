//! An MQTT 5 broker that misbehaves as a test tells it to: for what mosquitto can't be made to do.
//!
//! It grants, answers and delivers like a broker (retained messages included) until a rule says otherwise. Rules may be
//! changed while it runs, and hold from the next packet on. Invariant: whatever it sends that a rule did not ask for is
//! correct MQTT 5; all connections end when its value is dropped.

mod connection;
mod packets;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rumqttc::v5::mqttbytes::matches;
use rumqttc::v5::mqttbytes::v5::Filter;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;

use crate::publisher::topic;

/// How the broker answers a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// As a broker does.
    Good,
    /// With these codes: one for each filter of a SUBSCRIBE or UNSUBSCRIBE, the first one for a PUBLISH.
    Codes(Vec<u8>),
    /// As a broker does, but with a packet id that nobody waits for.
    WrongId,
    /// As a broker does; but by the end of the connection if its last SUBSCRIBE came within this time before.
    Paced(Duration),
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
    /// When it subscribed last.
    subscribed: Arc<Mutex<Option<Instant>>>,
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
        let acceptor = tokio::spawn(connection::accept(listener, Arc::clone(&shared))).abort_handle();
        Self { port, shared, acceptor }
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
            self.publish(&topic(tenant, device), format!(r#"{{"metrics":{{"n":{n}}}}}"#));
        }
    }

    /// Delivers a message to every client that has a filter for it, with QoS 0.
    pub fn publish(&self, topic: &str, payload: impl AsRef<[u8]>) {
        self.shared.deliver(topic, payload.as_ref());
    }

    /// Sends a message to every client, whatever it has subscribed to.
    pub fn push(&self, topic: &str, payload: impl AsRef<[u8]>) {
        self.send(&packets::published(topic, payload.as_ref(), false));
    }

    /// Sends a message of QoS 1 with this packet id to every client, perhaps marked as sent before.
    pub fn push_numbered(&self, id: u16, dup: bool, topic: &str, payload: impl AsRef<[u8]>) {
        self.send(&packets::numbered(id, dup, topic, payload.as_ref()));
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
        self.shared.seen.borrow().iter().filter(|seen| wanted(seen)).count()
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
                client.send(packets::published(topic, payload, false));
            }
        }
    }
}

impl Client {
    /// A SUBSCRIBE that is to be answered so has come.
    fn paced(&self, answer: Answer) -> Answer {
        let now = Instant::now();
        let last = self.subscribed.lock().expect("nobody panics").replace(now);
        match (answer, last) {
            (Answer::Paced(time), Some(last)) if now < last + time => Answer::Disconnect(0x96),
            (Answer::Paced(_), _) => Answer::Good,
            (other, _) => other,
        }
    }

    fn send(&self, bytes: Vec<u8>) {
        // An error says that the connection has ended.
        let _ = self.out.send(Out::Bytes(bytes));
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
        ws.expect_outage().await;
        broker.count("T1", "A", 3..4);
        ws.expect_numbers(3..4).await;
        assert_eq!(broker.count_seen(|seen| matches!(seen, Seen::Connect(_))), 2);
    }

    #[tokio::test]
    async fn it_serves_until_a_rule_says_otherwise() {
        let broker = ScriptedBroker::start().await;
        let mut publisher = Publisher::connect(broker.port).await;
        publisher.count("T1", "A", 0..3).await;
        broker.on_publish(|topic| if topic.contains("/B/") { Answer::Disconnect(0x87) } else { Answer::Good });
        publisher.count("T1", "A", 3..4).await;
        publisher.send("tenant/T1/device/B/telemetry", "{}").await;
        publisher.gone_or_settled().await;
        wait_until("the client has gone", async || broker.seen().last() == Some(&Seen::Gone)).await;
        assert_eq!(broker.count_seen(|seen| matches!(seen, Seen::Publish(..))), 5);
    }
}
