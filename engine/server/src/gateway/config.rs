//! What a gateway is built from: the settings of every part.

use floodway_core::index::Limits;
use floodway_core::{event, history, shard};
use floodway_sources::{control, mqtt, nats, postgres};

use super::allowance;
use crate::{admin, auth, http, log};

/// What every part is built from. The default has no verification key.
#[derive(Clone)]
pub struct Config {
    /// The public listener.
    pub http: http::Config,
    /// The private listener.
    pub admin: admin::Config,
    /// Whether there is a source of MQTT brokers: where another source is configured, only if something of it is, too.
    pub has_mqtt: bool,
    /// The source of MQTT brokers.
    pub mqtt: mqtt::Config,
    /// The source of NATS JetStream, if it names a server.
    pub nats: nats::Config,
    /// The source of PostgreSQL, off without a URL.
    pub postgres: postgres::Config,
    /// Where limits and groups are kept, and their bounds.
    pub control: control::Config,
    /// Bounds of one event.
    pub event: event::Config,
    /// Token checks.
    pub auth: auth::Config,
    /// `limits.connections`: live streams on this gateway. Default 0: the open-files limit less what the gateway needs.
    pub connections: u32,
    /// Limits of each tenant (`limits.*` and `stream.*`), unless others are set.
    pub limits: Limits,
    /// What is kept for clients that come back (`replay.*`) and for snapshots (`snapshot.*`).
    pub history: history::Config,
    /// The shards (`shard.*`) and the streams on them (`stream.*`).
    pub shard: shard::Config,
    /// The log.
    pub log: log::Config,
}

impl Default for Config {
    fn default() -> Self {
        let history = history::Config::default();
        Self {
            http: http::Config::default(),
            admin: admin::Config::default(),
            has_mqtt: true,
            mqtt: mqtt::Config::default(),
            nats: nats::Config::default(),
            postgres: postgres::Config::default(),
            control: control::Config::default(),
            event: event::Config::default(),
            auth: auth::Config::default(),
            connections: 0,
            limits: Limits::default(),
            history: history::Config { total_bytes: allowance::tenth().unwrap_or(history.total_bytes), ..history },
            shard: shard::Config::default(),
            log: log::Config::default(),
        }
    }
}
