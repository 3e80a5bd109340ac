//! From a server's address to messages: connects, finds the stream, and has a consumer made at the right place.

use std::time::Duration;

use async_nats::ServerAddr;
use async_nats::jetstream::consumer::{self, Consumer, pull};
use async_nats::jetstream::context::ContextBuilder;
use serde_json::{Value, json};

use super::config::Config;
use super::connection::Connection;
use super::error::{NatsError, text};
use super::stream::{StreamInfo, StreamState, find_or_make, nanoseconds};
use super::subject::Templates;
use crate::tls::Connector;
use floodway_protocol::names::TenantId;

/// How often a consumer without messages says that it is there. Two of them missed, and it counts as lost.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// How long a request for messages holds before it is made again.
const EXPIRES: Duration = Duration::from_secs(5);

/// How long the server keeps a consumer that nobody asks any more.
const INACTIVE: Duration = Duration::from_secs(30);

/// A stream that is followed over a connection.
#[derive(Debug)]
pub(super) struct Followed {
    pub(super) connection: Connection,
    pub(super) stream: String,
    /// When the stream was made.
    pub(super) created: String,
    pub(super) request_timeout: Duration,
    pub(super) repair: Duration,
    pub(super) batch_bytes: usize,
    batch_messages: usize,
    replicas: usize,
    prefixes: Vec<&'static str>,
    templates: Templates,
}

/// The messages of a consumer.
pub(super) type Messages = pull::Stream;

impl Followed {
    /// Connects to the server of this number, and finds the stream or makes it. Returns what it holds.
    pub(super) async fn open(
        config: &Config,
        templates: &Templates,
        servers: &[ServerAddr],
        number: usize,
        tls: Option<Connector>,
    ) -> Result<(Self, StreamState), NatsError> {
        let connection = Connection::open(config, servers, number, tls).await?;
        let info = find_or_make(&connection, config, templates).await?;
        // A message larger than what is asked for would never come.
        let batch_bytes = config.batch_bytes.max(2 * connection.client.max_payload());
        let followed = Self {
            connection,
            stream: config.stream.clone(),
            created: info.created.clone(),
            request_timeout: config.request_timeout,
            repair: config.repair,
            batch_bytes,
            batch_messages: config.batch_messages,
            replicas: info.replicas(),
            prefixes: info.prefixes(),
            templates: templates.clone(),
        };
        Ok((followed, info.state))
    }

    /// What the stream holds now.
    ///
    /// # Errors
    /// Also if it is not the same stream any more.
    pub(super) async fn state(&self) -> Result<StreamState, NatsError> {
        let info = StreamInfo::ask(&self.connection, &self.stream).await?;
        if info.created == self.created {
            Ok(info.state)
        } else {
            Err(NatsError::MadeAnew(self.stream.clone()))
        }
    }

    /// The subjects of a tenant's messages.
    pub(super) fn subjects_of(&self, tenant: &TenantId) -> impl Iterator<Item = String> {
        self.in_stream(self.templates.of(tenant))
    }

    fn in_stream(&self, subjects: Vec<String>) -> impl Iterator<Item = String> {
        let prefixes = self.prefixes.iter();
        prefixes.flat_map(move |prefix| subjects.clone().into_iter().map(move |subject| format!("{prefix}{subject}")))
    }

    /// The messages of all tenants above the number `last`.
    pub(super) async fn messages_above(&self, last: u64) -> Result<Messages, NatsError> {
        let name = format!("floodway-{:016x}", fastrand::u64(..));
        let body = json!({"stream_name": self.stream, "action": "create", "config": self.consumer(&name, last)});
        let call = format!("CONSUMER.CREATE.{}.{name}", self.stream);
        let info: consumer::Info = self.connection.ask(&call, &body).await?;
        let context = ContextBuilder::new().timeout(self.request_timeout).build(self.connection.client.clone());
        let consumer = Consumer::new(pull::Config::default(), info, context);
        let messages = consumer
            .stream()
            .max_messages_per_batch(self.batch_messages)
            .max_bytes_per_batch(self.batch_bytes)
            .heartbeat(HEARTBEAT)
            .expires(EXPIRES)
            .messages();
        messages.await.map_err(|error| NatsError::Broken(text(&error.to_string())))
    }

    /// A consumer with a copy on each node that has the stream: the others go on when one dies. It is made anew from the last
    /// number on any error, so nobody acknowledges.
    fn consumer(&self, name: &str, last: u64) -> Value {
        let subjects: Vec<String> = self.in_stream(self.templates.all()).collect();
        json!({
            "name": name,
            "description": "what a floodway gateway reads live",
            "deliver_policy": "by_start_sequence",
            "opt_start_seq": last + 1,
            "ack_policy": "none",
            "replay_policy": "instant",
            "filter_subjects": subjects,
            "mem_storage": true,
            "num_replicas": self.replicas,
            "inactive_threshold": nanoseconds(INACTIVE),
        })
    }
}
