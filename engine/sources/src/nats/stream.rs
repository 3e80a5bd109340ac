//! The stream that is read: what it is like, and how it is made where there is none.
//!
//! Invariant: a stream that exists is never changed. A consumer of NATS's MQTT store is made only for a stream that is sourced
//! by it, since what no such stream takes from the store would stay there.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::config::{Capture, Config};
use super::connection::Connection;
use super::error::NatsError;
use super::subject::{MQTT_STORE, Templates};

/// NATS's own store of what MQTT devices publish with QoS 1 and 2.
const STORE: &str = "$MQTT_msgs";

/// The first version of the server in which a stream can be sourced by a consumer that stays.
const SOURCED_SINCE: (i64, i64, i64) = (2, 14, 0);

/// Copies of the stream where the cluster is large enough.
const REPLICAS: [usize; 2] = [3, 1];

/// Codes of JetStream.
const STREAM_NOT_FOUND: u64 = 10_059;
const STREAM_EXISTS: u64 = 10_058;
const NOT_CLUSTERED: u64 = 10_074;
const NO_PEERS: u64 = 10_005;

/// A stream as the server describes it.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct StreamInfo {
    config: StreamConfig,
    /// When it was made: another one of the same name was made at another time.
    pub(super) created: String,
    pub(super) state: StreamState,
}

#[derive(Clone, Debug, Deserialize)]
struct StreamConfig {
    #[serde(default)]
    subjects: Vec<String>,
    #[serde(default)]
    sources: Vec<Origin>,
    mirror: Option<Origin>,
    #[serde(default)]
    retention: String,
    #[serde(default)]
    allow_direct: bool,
    #[serde(default)]
    num_replicas: usize,
}

/// Another stream from which one takes its messages.
#[derive(Clone, Debug, Deserialize)]
struct Origin {
    name: String,
    consumer: Option<OriginConsumer>,
}

#[derive(Clone, Debug, Deserialize)]
struct OriginConsumer {
    name: String,
}

/// Which numbers a stream holds. `first_seq` is one above `last_seq` if it is empty, or both are 0.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) struct StreamState {
    pub(super) first_seq: u64,
    pub(super) last_seq: u64,
}

impl StreamInfo {
    /// That of the stream `name`, from its leader.
    pub(super) async fn ask(connection: &Connection, name: &str) -> Result<Self, NatsError> {
        let info = connection.ask(&format!("STREAM.INFO.{name}"), &Value::Null).await;
        info.map_err(|error| match error {
            NatsError::Refused { code: STREAM_NOT_FOUND, .. } => NatsError::Gone(name.to_owned()),
            other => other,
        })
    }

    /// How many copies it has, and so may its consumers.
    pub(super) fn replicas(&self) -> usize {
        self.config.num_replicas.max(1)
    }

    /// What stands before a topic's subject in it: nothing, or the prefix of NATS's MQTT store, or either.
    pub(super) fn prefixes(&self) -> Vec<&'static str> {
        let config = &self.config;
        let origins: Vec<&Origin> = config.sources.iter().chain(&config.mirror).collect();
        let is_of_store = |origin: &&&Origin| origin.name == STORE;
        let of_store = origins.iter().filter(is_of_store).count();
        let stored = config.subjects.iter().any(|subject| subject.starts_with("$MQTT") || subject == ">");
        let plain = config.subjects.iter().any(|subject| !subject.starts_with("$MQTT"));
        let mut prefixes = Vec::new();
        if plain || of_store < origins.len() {
            prefixes.push("");
        }
        if stored || of_store > 0 || of_store < origins.len() {
            prefixes.push(MQTT_STORE);
        }
        prefixes
    }

    fn check(&self, config: &Config) -> Result<(), NatsError> {
        let unfit = |why: &str| NatsError::Unfit { stream: config.stream.clone(), why: why.to_owned() };
        if self.config.retention != "limits" {
            let why =
                format!("it drops what was read (retention = {}), and other gateways need it", self.config.retention);
            return Err(unfit(&why));
        }
        if !self.config.allow_direct {
            let why = "without allow_direct nobody can be given what came before: nats stream edit --allow-direct";
            tracing::warn!(stream = config.stream, "{}", unfit(why));
        }
        if config.capture == Capture::Mqtt && !self.is_sourced() {
            tracing::warn!(
                stream = config.stream,
                "nats.capture = \"mqtt\" has no effect: the stream exists, and is not sourced from NATS's MQTT store; delete \
                 it, or name another in nats.stream"
            );
        }
        Ok(())
    }

    fn is_sourced(&self) -> bool {
        self.config.sources.iter().any(|origin| origin.name == STORE)
    }

    /// Whether NATS's MQTT store is to keep for it what it has not taken yet, by a consumer of ours.
    fn needs_consumer(&self, name: &str) -> bool {
        let mut consumers = self.config.sources.iter().filter_map(|origin| origin.consumer.as_ref());
        consumers.any(|consumer| consumer.name == name)
    }
}

/// Finds the stream of `config`, or makes it.
pub(super) async fn find_or_make(
    connection: &Connection,
    config: &Config,
    templates: &Templates,
) -> Result<StreamInfo, NatsError> {
    let name = &config.stream;
    let info = match StreamInfo::ask(connection, name).await {
        Err(NatsError::Gone(_)) => make(connection, config, templates).await?,
        found => found?,
    };
    info.check(config)?;
    if info.needs_consumer(&consumer(name)) {
        keep_for(connection, name, templates).await?;
    }
    Ok(info)
}

async fn make(connection: &Connection, config: &Config, templates: &Templates) -> Result<StreamInfo, NatsError> {
    let name = &config.stream;
    let made = match config.capture {
        Capture::Subjects => make_of_subjects(connection, config, templates).await,
        Capture::Mqtt => make_of_store(connection, config, templates).await,
    };
    match made {
        Ok(info) => {
            tracing::info!(stream = name, replicas = info.replicas(), "made the stream");
            Ok(info)
        }
        // Another gateway was faster.
        Err(NatsError::Refused { code: STREAM_EXISTS, .. }) => StreamInfo::ask(connection, name).await,
        Err(error) => Err(error),
    }
}

async fn make_of_subjects(
    connection: &Connection,
    config: &Config,
    templates: &Templates,
) -> Result<StreamInfo, NatsError> {
    replicated(connection, &config.stream, with(limits(config), "subjects", json!(templates.all()))).await
}

async fn make_of_store(
    connection: &Connection,
    config: &Config,
    templates: &Templates,
) -> Result<StreamInfo, NatsError> {
    let name = &config.stream;
    let (major, minor, patch) = SOURCED_SINCE;
    if !connection.client.is_server_compatible(major, minor, patch) {
        return Err(NatsError::Old(connection.client.server_info().version));
    }
    make_store(connection).await?;
    keep_for(connection, name, templates).await?;
    let source = json!([{
        "name": STORE,
        "consumer": {"name": consumer(name), "deliver_subject": deliver_subject(name)},
    }]);
    let made = replicated(connection, name, with(limits(config), "sources", source)).await;
    if made.is_err() && matches!(StreamInfo::ask(connection, name).await, Err(NatsError::Gone(_))) {
        // Without the stream the store would keep everything for it. If this fails as well, the next attempt needs it.
        let call = format!("CONSUMER.DELETE.{STORE}.{}", consumer(name));
        let _ = connection.ask::<Value>(&call, &Value::Null).await;
    }
    made
}

/// Makes NATS's MQTT store as NATS does when the first device connects, if none has connected yet.
async fn make_store(connection: &Connection) -> Result<(), NatsError> {
    match StreamInfo::ask(connection, STORE).await {
        Err(NatsError::Gone(_)) => {}
        found => return found.map(drop),
    }
    let config =
        json!({"name": STORE, "subjects": [format!("{MQTT_STORE}>")], "storage": "file", "retention": "interest"});
    match replicated(connection, STORE, config).await {
        Err(NatsError::Refused { code: STREAM_EXISTS, .. }) => Ok(()),
        made => made.map(drop),
    }
}

/// Has NATS's MQTT store keep what the stream `name` has not taken yet.
async fn keep_for(connection: &Connection, name: &str, templates: &Templates) -> Result<(), NatsError> {
    let consumer = consumer(name);
    let subjects: Vec<String> = templates.all().iter().map(|subject| format!("{MQTT_STORE}{subject}")).collect();
    let config = json!({
        "name": consumer,
        "durable_name": consumer,
        "deliver_subject": deliver_subject(name),
        "deliver_policy": "all",
        "ack_policy": "flow_control",
        "max_ack_pending": 1000,
        "flow_control": true,
        "idle_heartbeat": nanoseconds(Duration::from_secs(1)),
        "replay_policy": "instant",
        "filter_subjects": subjects,
    });
    let body = json!({"stream_name": STORE, "config": config});
    let call = format!("CONSUMER.CREATE.{STORE}.{consumer}");
    connection.ask::<Value>(&call, &body).await.map(drop)
}

/// Makes a stream with as many copies as the cluster has room for.
pub(super) async fn replicated(connection: &Connection, name: &str, config: Value) -> Result<StreamInfo, NatsError> {
    let call = format!("STREAM.CREATE.{name}");
    let mut made = Err(NatsError::Gone(name.to_owned()));
    for replicas in REPLICAS {
        made = connection.ask(&call, &with(config.clone(), "num_replicas", json!(replicas))).await;
        if !made.as_ref().is_err_and(is_too_small) {
            break;
        }
    }
    made
}

/// Whether the cluster has too few nodes for so many copies. If it only lacks some just now, they are waited for: a stream keeps
/// the number of copies that it was made with.
fn is_too_small(error: &NatsError) -> bool {
    match error {
        NatsError::Refused { code: NOT_CLUSTERED, .. } => true,
        NatsError::Refused { code: NO_PEERS, text, .. } => !text.contains("offline"),
        _ => false,
    }
}

fn limits(config: &Config) -> Value {
    json!({
        "name": config.stream,
        "storage": "file",
        "retention": "limits",
        "discard": "old",
        "max_age": nanoseconds(config.max_age),
        "max_bytes": config.max_bytes,
        "allow_direct": true,
    })
}

fn with(mut config: Value, key: &str, value: Value) -> Value {
    config[key] = value;
    config
}

/// As JetStream counts times.
pub(super) fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// The consumer by which the stream `name` is sourced.
fn consumer(name: &str) -> String {
    format!("{name}-source")
}

fn deliver_subject(name: &str) -> String {
    format!("floodway.source.{name}")
}

#[cfg(test)]
mod tests;
