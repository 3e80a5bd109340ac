//! A stream of either transport, seen alike: what holds of one holds of the other.

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::{Value, json};

use crate::gateway::Gateway;
use crate::sse::{Message, Sse};
use crate::token::token;
use crate::ws::Ws;
use crate::{SSE_PATH, within};

/// What carries a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// A WebSocket that asks for ids.
    WebSocket,
    /// SSE over HTTP/1.1.
    Sse,
    /// SSE over HTTP/2.
    Http2,
}

impl Transport {
    /// Each of them.
    pub const ALL: [Self; 3] = [Self::WebSocket, Self::Sse, Self::Http2];
}

/// One stream whose events carry ids. Dropping it cuts the connection.
#[derive(Debug)]
pub enum Stream {
    /// Over a WebSocket.
    Ws(Box<Ws>),
    /// Over SSE.
    Sse(Sse),
}

impl Gateway {
    /// Opens a stream from now on and reads `connected`.
    pub async fn stream(&self, transport: Transport, tenant: &str, query: &str) -> Stream {
        self.resumed(transport, tenant, query, "").await
    }

    /// Opens a stream that goes on behind this id, and reads `connected`.
    pub async fn resumed(&self, transport: Transport, tenant: &str, query: &str, id: &str) -> Stream {
        if transport == Transport::WebSocket {
            return Stream::Ws(Box::new(self.ws(tenant, &format!("{query}&last_event_id={id}")).await));
        }
        let client = if transport == Transport::Http2 { h2_client() } else { self.http().clone() };
        let mut request = client.get(self.url(&format!("{SSE_PATH}?{query}"))).bearer_auth(token(tenant).sign());
        if !id.is_empty() {
            request = request.header("last-event-id", id);
        }
        let response = within("an answer", request.send()).await.expect("an answer");
        assert_eq!(response.status(), 200);
        let mut sse = Sse::of(response);
        sse.read_connected().await;
        Stream::Sse(sse)
    }

    /// Opens a stream over a socket with the smallest buffers, and reads `connected`. An empty `id` is from now on.
    pub async fn narrow(&self, transport: Transport, tenant: &str, query: &str, id: &str) -> Stream {
        let query = format!("{query}&last_event_id={id}");
        match transport {
            Transport::WebSocket => Stream::Ws(Box::new(self.ws_narrow(tenant, &query).await)),
            Transport::Sse | Transport::Http2 => Stream::Sse(self.sse_narrow(tenant, &query).await),
        }
    }
}

impl Stream {
    /// The first message.
    pub fn connected(&self) -> &Value {
        match self {
            Self::Ws(ws) => ws.connected(),
            Self::Sse(sse) => sse.connected(),
        }
    }

    /// Where to resume if nothing else arrives.
    pub fn start_id(&self) -> String {
        id_of(self.connected(), "last_event_id")
    }

    /// Reads one message as a WebSocket sends it: an event's id is its last key.
    pub async fn next(&mut self) -> Value {
        match self {
            Self::Ws(ws) => ws.next().await,
            Self::Sse(sse) => sse.next().await.into_json(),
        }
    }

    /// Reads one message that must be `expected`.
    pub async fn expect_json(&mut self, expected: Value) {
        assert_eq!(self.next().await, expected);
    }

    /// Reads one message that must be an event of the stream's own time, not of a snapshot: its number and its id.
    pub async fn next_event(&mut self) -> (u64, String) {
        let event = self.next().await;
        assert_eq!(event["type"], "telemetry", "an event was expected: {event}");
        assert!(event.get("snapshot").is_none(), "{event}");
        let n = event["metrics"]["n"].as_u64().unwrap_or_else(|| panic!("no number: {event}"));
        (n, id_of(&event, "id"))
    }

    /// Reads one event of a snapshot: its text without the mark.
    pub async fn next_snapshot(&mut self) -> String {
        let text = match self {
            Self::Ws(ws) => ws.text().await,
            Self::Sse(sse) => {
                let message = sse.next().await;
                assert_eq!((&message.id, &message.event), (&None, &None), "{}", message.raw);
                message.data.expect("data")
            }
        };
        let event = text.strip_suffix(r#","snapshot":true}"#);
        let event = format!("{}}}", event.unwrap_or_else(|| panic!("no event of a snapshot: {text}")));
        assert!(!event.contains(r#","id":"#), "it carries no id: {text}");
        event
    }

    /// Reads a snapshot of exactly these devices, in any order: the number of each one's last event.
    pub async fn expect_snapshot(&mut self, expected: &[(&str, u64)]) {
        let mut last = BTreeMap::new();
        for _ in expected {
            let event: Value = serde_json::from_str(&self.next_snapshot().await).expect("JSON");
            let device = event["device_id"].as_str().expect("a device").to_owned();
            let before = last.insert(device, event["metrics"]["n"].as_u64().expect("a number"));
            assert_eq!(before, None, "a device comes once: {event}");
        }
        let expected: BTreeMap<String, u64> = expected.iter().map(|(name, n)| ((*name).to_owned(), *n)).collect();
        assert_eq!(last, expected);
    }

    /// Reads events with exactly these numbers, in order, and ids that grow. Returns the last id.
    pub async fn expect_numbers(&mut self, numbers: Range<u64>) -> String {
        let mut last = String::new();
        for n in numbers {
            let (number, id) = self.next_event().await;
            assert_eq!(number, n);
            assert!(grows(&last, &id), "{id} after {last}");
            last = id;
        }
        last
    }

    /// Reads a gap `replay` that counts `missing` events, or does not know.
    pub async fn expect_replay_gap(&mut self, missing: u64) {
        let gap = self.next().await;
        let dropped = &gap["dropped"];
        assert!(dropped.is_null() || *dropped == missing, "{missing} are missing: {gap}");
        assert_eq!(gap, json!({"type": "gap", "reason": "replay", "dropped": dropped}));
    }

    /// The WebSocket.
    ///
    /// # Panics
    /// If it is none.
    pub fn ws(&mut self) -> &mut Ws {
        match self {
            Self::Ws(ws) => ws,
            Self::Sse(sse) => panic!("no WebSocket: {sse:?}"),
        }
    }
}

impl Message {
    /// Its data, with its id as the last key. Its name must be that of the data's type; telemetry has none.
    pub fn into_json(self) -> Value {
        let data = self.data.as_deref().unwrap_or_else(|| panic!("no data: {}", self.raw));
        let mut data: Value = serde_json::from_str(data).unwrap_or_else(|error| panic!("{error}: {}", self.raw));
        let name = self.event.as_deref().unwrap_or("telemetry");
        assert_eq!(data["type"], name, "{}", self.raw);
        if let Some(id) = self.id {
            data["id"] = id.into();
        }
        data
    }
}

/// Whether `next` is a greater id than `last`, or the first one.
pub fn grows(last: &str, next: &str) -> bool {
    let number = |id: &str| id.parse::<u64>().unwrap_or_else(|_| panic!("no decimal number: {id}"));
    last.is_empty() || number(last) < number(next)
}

/// The first message of a stream. Its last key says where to resume.
pub(crate) fn read_connected(text: &str) -> Value {
    let connected: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("not JSON ({error}): {text}"));
    assert_eq!(connected["type"], "connected", "{text}");
    let last = format!(r#","last_event_id":"{}"}}"#, id_of(&connected, "last_event_id"));
    assert!(text.ends_with(&last), "{text}");
    connected
}

/// The id under this key, in decimal digits.
fn id_of(message: &Value, key: &str) -> String {
    let id = message[key].as_str().unwrap_or_else(|| panic!("no id: {message}"));
    assert_eq!(
        id.parse::<u64>().map(|id| id.to_string()).as_deref(),
        Ok(id),
        "no sign and no leading zero: {message}"
    );
    id.to_owned()
}

/// A client of HTTP/2 without TLS.
pub fn h2_client() -> reqwest::Client {
    let client = reqwest::Client::builder().no_proxy().http2_prior_knowledge();
    client.build().expect("a client")
}
