//! What a gateway is built from: the settings of every part.

use floodway_core::index::Limits;
use floodway_core::{event, shard};
use floodway_sources::{control, mqtt};

use crate::{admin, auth, http, log};

/// What every part is built from. The default has no verification key.
#[derive(Clone, Default)]
pub struct Config {
    /// The public listener.
    pub http: http::Config,
    /// The private listener.
    pub admin: admin::Config,
    /// The source of MQTT brokers.
    pub mqtt: mqtt::Config,
    /// Limits and groups that are kept at the source.
    pub control: control::Config,
    /// Bounds of one event.
    pub event: event::Config,
    /// Token checks.
    pub auth: auth::Config,
    /// `limits.connections`: live streams on this gateway. Default 0: the open-files limit less what the gateway needs.
    pub connections: u32,
    /// Limits of each tenant (`limits.*` and `stream.*`), unless others are set.
    pub limits: Limits,
    /// The shards (`shard.*`) and the streams on them (`stream.*`).
    pub shard: shard::Config,
    /// The log.
    pub log: log::Config,
}
