//! A key-value bucket as the store of limits and groups: `floodway_control`, which `nats kv` shows too.
//!
//! A bucket is a stream with the last message of each subject (NATS, ADR-8). It is read by a consumer as telemetry is: the
//! library's own watch stands still for up to 20 s when a node dies, and never says that an empty bucket was read. Invariants:
//! * The consumer begins with the last value of each key, of which the server says how many there are, and goes on with what
//!   changes. If it left out a message it counts as lost, and everything is read again.
//! * A value is told unless a newer one of its key was, or was written: numbers of the stream say which is newer.
//! * The parts of a key are encoded, so no name is a wildcard, or one that NATS does not take.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use async_nats::jetstream::Message;
use async_nats::jetstream::consumer::{self, Consumer, pull};
use async_nats::jetstream::context::ContextBuilder;
use async_nats::{HeaderMap, RequestErrorKind};
use futures_util::{FutureExt, StreamExt};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::{Value, json};

use super::Nats;
use super::config::Config;
use super::connection::Connection;
use super::error::{NatsError, text};
use super::open::Messages;
use super::stream::{StreamInfo, nanoseconds, replicated};
use crate::control::stores::{Asked, Change, KeyedStore, StoreError};
use crate::control::{self, Follower, Keeper};

/// The bucket's stream, and what its subjects begin with.
const STREAM: &str = "KV_floodway_control";
pub(super) const SUBJECTS: &str = "$KV.floodway_control.";

/// How long it is remembered that a key was deleted, for who is away meanwhile. Needs NATS 2.11; older servers never forget.
const MARKER: Duration = Duration::from_secs(3600);

/// How often a consumer without messages says that it is there. Two of them missed, and it counts as lost.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// How long a request for messages holds before it is made again.
const EXPIRES: Duration = Duration::from_secs(5);

/// How long the server keeps a consumer that nobody asks any more.
const INACTIVE: Duration = Duration::from_secs(30);

/// Of a message, besides subject and value.
const HEADER_BYTES: usize = 256;

const SETTING: &str = "max_payload of the NATS server";

/// A keeper of the documents in the bucket `floodway_control` of the servers in `config`.
///
/// # Errors
/// `InvalidInput` if `config` has no URL or a wrong one.
pub fn keeper(config: Config, control: &control::Config, follower: Follower) -> io::Result<Keeper> {
    Ok(Keeper::new(Box::new(Bucket::new(config)?), control, follower))
}

/// The bucket, over one server at a time.
struct Bucket {
    nats: Nats,
    /// The server that is connected, or tried next.
    number: usize,
    link: Option<Link>,
    /// The number of the newest message of each key that was told, or written.
    told: BTreeMap<String, u64>,
}

struct Link {
    connection: Connection,
    replicas: usize,
    /// Whether messages may have a time to live.
    forgets: bool,
    messages: Option<Messages>,
    /// The place in the consumer's own count of the message that is to come.
    next: u64,
}

impl Link {
    /// Asks for the last value of each key, and what comes. Returns how many there are.
    async fn watch(&mut self, request_timeout: Duration) -> Result<u64, NatsError> {
        let name = format!("floodway-{:016x}", fastrand::u64(..));
        let config = json!({
            "name": name,
            "description": "limits and groups, as a floodway gateway follows them",
            "deliver_policy": "last_per_subject",
            "filter_subject": format!("{SUBJECTS}>"),
            "ack_policy": "none",
            "replay_policy": "instant",
            "mem_storage": true,
            "num_replicas": self.replicas,
            "inactive_threshold": nanoseconds(INACTIVE),
        });
        let body = json!({"stream_name": STREAM, "action": "create", "config": config});
        let call = format!("CONSUMER.CREATE.{STREAM}.{name}");
        let info: consumer::Info = self.connection.ask(&call, &body).await?;
        let pending = info.num_pending;
        let context = ContextBuilder::new().timeout(request_timeout).build(self.connection.client.clone());
        let consumer = Consumer::new(pull::Config::default(), info, context);
        let messages = consumer.stream().heartbeat(HEARTBEAT).expires(EXPIRES).messages();
        self.messages = Some(messages.await.map_err(|error| NatsError::Broken(text(&error.to_string())))?);
        self.next = 1;
        Ok(pending)
    }

    async fn message(&mut self) -> Result<Heard, StoreError> {
        let Some(messages) = &mut self.messages else {
            return Err(StoreError::Lost("it is not watched".to_owned()));
        };
        let message = messages.next().await;
        heard(message.as_ref(), &mut self.next)
    }

    /// The next message, if it is there already.
    fn message_now(&mut self) -> Option<Result<Heard, StoreError>> {
        let message = self.messages.as_mut()?.next().now_or_never()?;
        Some(heard(message.as_ref(), &mut self.next))
    }

    async fn publish(&self, key: &str, headers: HeaderMap, value: Vec<u8>) -> Result<u64, NatsError> {
        let (subject, what) = (subject(key), "a write to the bucket floodway_control");
        let request = self.connection.client.request_with_headers(subject, headers, value.into());
        let answer = self.connection.bounded(what, request).await?.map_err(|error| match error.kind() {
            RequestErrorKind::NoResponders => NatsError::NoJetStream(what.to_owned()),
            _ => NatsError::Broken(text(&error.to_string())),
        })?;
        let answer: Value = serde_json::from_slice(&answer.payload).unwrap_or_default();
        match (answer["seq"].as_u64(), answer["error"]["description"].as_str()) {
            (Some(number), None) => Ok(number),
            (_, refusal) => Err(NatsError::Refused {
                call: what.to_owned(),
                code: answer["error"]["err_code"].as_u64().unwrap_or_default(),
                text: text(refusal.unwrap_or("the answer can't be read")),
            }),
        }
    }
}

/// One message of the bucket; nothing of a subject that is no key of ours.
struct Heard {
    change: Option<Change>,
    number: u64,
    pending: u64,
}

fn heard<E: std::fmt::Display>(message: Option<&Result<Message, E>>, next: &mut u64) -> Result<Heard, StoreError> {
    let lost = |why: String| StoreError::Lost(format!("the consumer of the bucket was lost: {why}"));
    let message = match message {
        Some(Ok(message)) => message,
        Some(Err(error)) => return Err(lost(text(&error.to_string()))),
        None => return Err(lost("it ended".to_owned())),
    };
    let info = message.info().map_err(|error| lost(text(&error.to_string())))?;
    // What was on its way over a connection that broke counts as delivered.
    if info.consumer_sequence != std::mem::replace(next, info.consumer_sequence + 1) {
        return Err(lost("it left out a message".to_owned()));
    }
    let has = |name: &str| message.headers.as_ref().is_some_and(|headers| headers.get(name).is_some());
    let is_gone = has("KV-Operation") || has("Nats-Marker-Reason");
    let value = (!is_gone).then(|| message.payload.to_vec());
    let change = key_of(&message.subject).map(|key| Change { key, value });
    Ok(Heard { change, number: info.stream_sequence, pending: info.pending })
}

impl Bucket {
    fn new(config: Config) -> io::Result<Self> {
        Ok(Self { nats: Nats::new(config)?, number: 0, link: None, told: BTreeMap::new() })
    }

    async fn open(&self) -> Result<Link, NatsError> {
        let Nats { config, servers, .. } = &self.nats;
        let connection = Connection::open(config, servers, self.number, self.nats.tls_if_any()?).await?;
        let replicas = find_or_make(&connection).await?.replicas();
        let info: Value = connection.ask(&format!("STREAM.INFO.{STREAM}"), &Value::Null).await?;
        Ok(Link {
            connection,
            replicas,
            forgets: info["config"]["allow_msg_ttl"] == true,
            messages: None,
            next: 1,
        })
    }

    fn link(&mut self) -> Result<&mut Link, StoreError> {
        self.link.as_mut().ok_or_else(|| StoreError::Lost("it is not connected".to_owned()))
    }

    async fn all(&mut self) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        let patience = self.nats.config.request_timeout;
        let mut pending = self.link()?.watch(patience).await.map_err(failed)?;
        self.told.clear();
        let mut all = BTreeMap::new();
        while pending > 0 {
            let heard = self.link()?.message().await?;
            pending = heard.pending;
            match self.news(heard) {
                Some(Change { key, value: Some(value) }) => _ = all.insert(key, value),
                Some(Change { key, value: None }) => _ = all.remove(&key),
                None => {}
            }
        }
        Ok(all.into_iter().collect())
    }

    /// What was heard, unless something newer is known.
    fn news(&mut self, heard: Heard) -> Option<Change> {
        let change = heard.change?;
        let told = self.told.get(&change.key).copied().unwrap_or_default();
        if change.value.is_none() && told <= heard.number {
            // Nothing older than what the consumer has brought will come.
            self.told.remove(&change.key);
        } else if told < heard.number {
            self.told.insert(change.key.clone(), heard.number);
        }
        (told < heard.number).then_some(change)
    }

    async fn heard(&mut self) -> Result<Vec<Change>, StoreError> {
        loop {
            let mut changes = Vec::new();
            let mut heard = self.link()?.message().await?;
            loop {
                changes.extend(self.news(heard));
                match self.link()?.message_now() {
                    Some(more) => heard = more?,
                    None => break,
                }
            }
            if !changes.is_empty() {
                return Ok(changes);
            }
        }
    }

    async fn publish(
        &mut self,
        key: &str,
        mut headers: HeaderMap,
        lives: Option<Duration>,
        value: Vec<u8>,
    ) -> Result<(), StoreError> {
        let link = self.link()?;
        if let Some(lives) = lives.filter(|_| link.forgets) {
            // In whole seconds (NATS, ADR-43).
            headers.insert("Nats-TTL", format!("{}s", lives.as_secs().max(1)));
        }
        let number = link.publish(key, headers, value).await.map_err(failed)?;
        self.told.insert(key.to_owned(), number);
        Ok(())
    }
}

impl KeyedStore for Bucket {
    fn name(&self) -> String {
        format!("bucket floodway_control of {}", super::shown(&self.nats.servers[self.number]))
    }

    fn bound(&self) -> (usize, &'static str) {
        let payload = self.link.as_ref().map_or(0, |link| link.connection.client.max_payload());
        (payload.saturating_sub(HEADER_BYTES), SETTING)
    }

    fn connect(&mut self) -> Asked<'_, ()> {
        Box::pin(async {
            self.link = None;
            let tried = self.open().await;
            if tried.is_err() {
                self.number = (self.number + 1) % self.nats.servers.len();
            }
            self.link = Some(tried.map_err(failed)?);
            Ok(())
        })
    }

    fn list(&mut self) -> Asked<'_, Vec<(String, Vec<u8>)>> {
        Box::pin(self.all())
    }

    fn put<'a>(&'a mut self, key: &'a str, value: &'a [u8], expiry: Option<Duration>) -> Asked<'a, ()> {
        Box::pin(self.publish(key, HeaderMap::new(), expiry, value.to_vec()))
    }

    fn delete<'a>(&'a mut self, key: &'a str) -> Asked<'a, ()> {
        let mut headers = HeaderMap::new();
        headers.insert("KV-Operation", "DEL");
        Box::pin(self.publish(key, headers, Some(MARKER), Vec::new()))
    }

    fn changes(&mut self) -> Asked<'_, Vec<Change>> {
        Box::pin(self.heard())
    }
}

/// Finds the bucket, or makes it, with three replicas where there are as many nodes.
async fn find_or_make(connection: &Connection) -> Result<StreamInfo, NatsError> {
    match StreamInfo::ask(connection, STREAM).await {
        Err(NatsError::Gone(_)) => {}
        found => return found,
    }
    let config = json!({
        "name": STREAM,
        "subjects": [format!("{SUBJECTS}>")],
        "storage": "file",
        "retention": "limits",
        "discard": "new",
        "max_msgs_per_subject": 1,
        "allow_rollup_hdrs": true,
        "deny_delete": true,
        "allow_direct": true,
        "allow_msg_ttl": true,
        "subject_delete_marker_ttl": nanoseconds(MARKER),
    });
    match replicated(connection, STREAM, config).await {
        // Another gateway may have been faster.
        Err(error) => StreamInfo::ask(connection, STREAM).await.map_err(|_| error),
        made => made,
    }
}

/// What a part of a key may hold as it is.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_');

/// The subject of a key: `groups/a b/G` is `groups.a=20b.G`.
pub(super) fn subject(key: &str) -> String {
    let parts = key.split('/').map(|part| utf8_percent_encode(part, PLAIN).to_string().replace('%', "="));
    SUBJECTS.to_owned() + &parts.collect::<Vec<_>>().join(".")
}

/// The key with this subject.
pub(super) fn key_of(subject: &str) -> Option<String> {
    let parts = subject.strip_prefix(SUBJECTS)?.split('.');
    let decode = |part: &str| {
        let escaped = part.replace('=', "%");
        percent_decode_str(&escaped).decode_utf8().ok().map(|part| part.into_owned())
    };
    let parts: Option<Vec<String>> = parts.map(decode).collect();
    Some(parts?.join("/"))
}

/// What JetStream refuses, or the server forbids, is a refusal.
fn failed(error: NatsError) -> StoreError {
    let words = error.to_string();
    match error {
        NatsError::Refused { .. } | NatsError::Denied(_) => StoreError::Refused(words),
        _ => StoreError::Lost(words),
    }
}
