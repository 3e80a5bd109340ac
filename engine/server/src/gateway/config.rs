//! What a gateway is built from: the settings of every part.

use floodway_core::{event, index, shard};
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
    /// Limits on live streams.
    pub limits: index::Config,
    /// The shards (`shard.*`) and the streams on them (`stream.*`).
    pub shard: shard::Config,
    /// The log.
    pub log: log::Config,
}
