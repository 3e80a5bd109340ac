//! The bucket `floodway_control`: a stream with the last message of each subject (NATS, ADR-8), as `nats kv` makes it.
//!
//! It is read by a consumer as telemetry is: the library's own watch stands still for up to 20 s when a node dies, and never
//! says that an empty bucket was read. Invariants:
//! * The consumer begins with the last value of each key, of which the server says how many there are, and goes on with what
//!   changes. If it left out a message it counts as lost, and everything is to be read again.
//! * The parts of a key are encoded, so no name is a wildcard, or one that NATS does not take.

use std::fmt::Display;
use std::time::Duration;

use async_nats::jetstream::Message;
use async_nats::jetstream::consumer::{self, Consumer, pull};
use async_nats::jetstream::context::ContextBuilder;
use async_nats::{HeaderMap, RequestErrorKind};
use futures_util::{FutureExt, StreamExt};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::{Value, json};

use super::connection::Connection;
use super::error::{NatsError, text};
use super::open::Messages;
use super::stream::{StreamInfo, nanoseconds, replicated};
use crate::control::stores::Change;

/// The bucket's stream, and what its subjects begin with.
const STREAM: &str = "KV_floodway_control";
pub(super) const SUBJECTS: &str = "$KV.floodway_control.";

/// How long it is remembered that a key was deleted, for who is away meanwhile. Needs NATS 2.11; older servers never forget.
pub(super) const MARKER: Duration = Duration::from_secs(3600);

/// How often a consumer without messages says that it is there. Two of them missed, and it counts as lost.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// How long a request for messages holds before it is made again.
const EXPIRES: Duration = Duration::from_secs(5);

/// How long the server keeps a consumer that nobody asks any more.
const INACTIVE: Duration = Duration::from_secs(30);

/// A connection to the bucket.
pub(super) struct Link {
    pub(super) connection: Connection,
    replicas: usize,
    /// Whether messages may have a time to live.
    pub(super) forgets: bool,
    messages: Option<Messages>,
    /// The place in the consumer's own count of the message that is to come.
    next: u64,
}

impl Link {
    /// Finds the bucket, or makes it.
    pub(super) async fn of(connection: Connection) -> Result<Self, NatsError> {
        let replicas = find_or_make(&connection).await?.replicas();
        let info: Value = connection.ask(&format!("STREAM.INFO.{STREAM}"), &Value::Null).await?;
        let forgets = info["config"]["allow_msg_ttl"] == true;
        Ok(Self { connection, replicas, forgets, messages: None, next: 1 })
    }

    /// Asks for the last value of each key, and what comes. Returns how many there are.
    pub(super) async fn watch(&mut self, request_timeout: Duration) -> Result<u64, NatsError> {
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

    /// Waits for a message. May be cancelled.
    pub(super) async fn message(&mut self) -> Result<Heard, NatsError> {
        let Some(messages) = &mut self.messages else {
            return Err(NatsError::Broken("the bucket is not watched".to_owned()));
        };
        let message = messages.next().await;
        heard(message.as_ref(), &mut self.next)
    }

    /// The next message, if it is there already.
    pub(super) fn message_now(&mut self) -> Option<Result<Heard, NatsError>> {
        let message = self.messages.as_mut()?.next().now_or_never()?;
        Some(heard(message.as_ref(), &mut self.next))
    }

    /// Puts this under a key, and returns its number once the stream has it.
    pub(super) async fn publish(&self, key: &str, headers: HeaderMap, value: Vec<u8>) -> Result<u64, NatsError> {
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
pub(super) struct Heard {
    pub(super) change: Option<Change>,
    pub(super) number: u64,
    /// How many are to come.
    pub(super) pending: u64,
}

fn heard<E: Display>(message: Option<&Result<Message, E>>, next: &mut u64) -> Result<Heard, NatsError> {
    let lost = |why: String| NatsError::Broken(format!("the consumer of the bucket was lost: {why}"));
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
