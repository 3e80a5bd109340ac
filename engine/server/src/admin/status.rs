//! What a gateway tells of itself: the same for metrics, gRPC and the shell.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use serde::{Serialize, Serializer};

/// A gateway at one moment. Each count is exact, though not all are of the same instant; counts begin at the
/// gateway's start.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Status {
    /// Which gateway this is.
    pub node: Node,
    /// Whether it admits no new streams, because it drains or is about to stop.
    pub draining: bool,
    /// The way to the broker.
    pub broker: Broker,
    /// The live streams, and those that have ended.
    pub connections: Connections,
    /// The limits that hold now.
    pub limits: Limits,
    /// What came from the broker.
    pub ingest: Ingest,
    /// What went to subscribers.
    pub deliveries: Deliveries,
    /// Rates over the last second.
    pub last_second: Rates,
    /// Rates over the last 60 seconds.
    pub last_minute: Rates,
    /// How far the drain is, if there is one.
    pub drain: Option<DrainProgress>,
    /// The limits and groups that are kept in the broker.
    pub control: ControlState,
    /// What keeps new streams from beginning; nothing, if the gateway is ready.
    pub unready: Vec<Unready>,
    /// Live streams whose tenant the broker refuses.
    pub refused_upstream: u64,
}

/// Why no new stream could begin.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Unready {
    /// The reason as a word.
    pub reason: String,
    /// The same in a sentence.
    pub detail: String,
}

/// One run of one gateway.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Node {
    /// Chosen at random at each start.
    pub id: String,
    /// The machine's name; empty if it has none.
    pub name: String,
    /// The version of floodway.
    pub version: String,
    /// When it started, by the machine's own clock. RFC 3339 in JSON.
    #[serde(serialize_with = "rfc3339")]
    pub started_at: SystemTime,
    /// For how long it has run. Seconds in JSON.
    #[serde(rename = "uptime_seconds", serialize_with = "seconds")]
    pub uptime: Duration,
}

/// The way to the broker.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Broker {
    /// Whether one is connected now.
    pub connected: bool,
    /// Those that are tried in turn, without credentials.
    pub urls: Vec<String>,
    /// Connections after the first one.
    pub reconnects: u64,
    /// The one that is connected; empty if none is.
    pub connected_url: String,
    /// Since when one is, or none. RFC 3339 in JSON.
    #[serde(serialize_with = "rfc3339")]
    pub changed_at: SystemTime,
    /// Attempts that have failed since then.
    pub failed_attempts: u64,
    /// Why it was last lost, or not reached.
    pub last_failure: Option<BrokerFailure>,
    /// Attempts to connect; every result is there.
    pub attempts_by_result: BTreeMap<String, u64>,
}

/// Why a broker was lost, or not reached.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BrokerFailure {
    /// The broker.
    pub url: String,
    /// What was amiss.
    pub detail: String,
    /// When. RFC 3339 in JSON.
    #[serde(serialize_with = "rfc3339")]
    pub failed_at: SystemTime,
}

/// Live streams, and how many came and went.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Connections {
    /// Those that count against the limits: live ones, and those in their handshake.
    pub total: u64,
    /// Live WebSocket streams.
    pub websocket: u64,
    /// Live SSE streams.
    pub sse: u64,
    /// Streams that became live.
    pub opened: u64,
    /// Live streams that ended; every reason is there.
    pub closed_by_reason: BTreeMap<String, u64>,
    /// Streams that were refused; every reason is there.
    pub refused_by_reason: BTreeMap<String, u64>,
    /// Those whose token was refused, by the check that failed.
    pub tokens_refused_by_check: BTreeMap<String, u64>,
    /// Tenants that have streams which count in `total`.
    pub tenants: u64,
    /// Those with the most such streams, the most first; at most 100.
    pub by_tenant: Vec<TenantConnections>,
    /// The streams that count in `total`, of all other tenants.
    pub other_tenants_total: u64,
}

/// How many streams one tenant has.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct TenantConnections {
    /// The tenant.
    pub tenant_id: String,
    /// Its streams that count against the limits.
    pub total: u64,
}

/// Limits on live streams.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Limits {
    /// Streams of the gateway.
    pub connections: u64,
    /// Streams of one tenant; 0 is no limit.
    pub connections_per_tenant: u64,
    /// Events that one subscriber may lag.
    pub queue_size: u64,
}

/// Messages from the broker.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Ingest {
    /// Messages that it sent.
    pub received: u64,
    /// Bytes of their payloads.
    pub received_bytes: u64,
    /// Those that became events.
    pub accepted: u64,
    /// Of these, those whose payload has no `metrics`.
    pub without_metrics: u64,
    /// Those that did not; every reason is there.
    pub rejected_by_reason: BTreeMap<String, u64>,
}

/// Events on their way to subscribers; one event for three subscribers counts as three.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Deliveries {
    /// Events handed to the kernel, whole.
    pub delivered: u64,
    /// Events that matched a subscriber and did not reach it.
    pub dropped: u64,
    /// Gaps told because a subscriber lagged.
    pub overflow_gaps: u64,
    /// Bytes handed to the kernel.
    pub sent_bytes: u64,
    /// Writes that were asked of the kernel for events.
    pub writes: u64,
}

/// How fast the counts of the same names grew, each per second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Rates {
    /// The time that was measured; zero: nothing was measured yet. Seconds in JSON.
    #[serde(rename = "window_seconds", serialize_with = "seconds")]
    pub window: Duration,
    /// Messages that the broker sent.
    pub received: f64,
    /// Bytes of their payloads.
    pub received_bytes: f64,
    /// Those that became events.
    pub accepted: f64,
    /// Those that did not.
    pub rejected: f64,
    /// Events handed to the kernel, once for each subscriber.
    pub delivered: f64,
    /// Events that matched a subscriber and did not reach it.
    pub dropped: f64,
    /// Bytes handed to the kernel.
    pub sent_bytes: f64,
    /// Streams that became live.
    pub opened: f64,
    /// Live streams that ended.
    pub closed: f64,
    /// Streams that were refused.
    pub refused: f64,
}

/// How far a drain is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DrainProgress {
    /// When it began. RFC 3339 in JSON.
    #[serde(serialize_with = "rfc3339")]
    pub started_at: SystemTime,
    /// The time over which streams are told. Seconds in JSON.
    #[serde(rename = "spread_seconds", serialize_with = "seconds")]
    pub spread: Duration,
    /// Streams that counted against the limits when it began.
    pub connections: u64,
    /// Live streams that were not told yet.
    pub untold: u64,
    /// Streams that count against the limits now: those that were told do not.
    pub remaining: u64,
    /// Whether the gateway stops, so that it can't be called off.
    pub stopping: bool,
}

/// The gateway's copy of what is kept in the broker.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ControlState {
    /// Whether it is what the broker has.
    pub synced: bool,
    /// Tenants with limits of their own.
    pub tenant_limits: u64,
    /// Groups of all tenants.
    pub groups: u64,
    /// Messages that were refused, the newest first; at most 100.
    pub problems: Vec<ControlProblem>,
}

/// A message in the broker that is not what its topic asks for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ControlProblem {
    /// Its topic, escaped.
    pub topic: String,
    /// What is wrong with it.
    pub detail: String,
    /// When it came. RFC 3339 in JSON.
    #[serde(serialize_with = "rfc3339")]
    pub received_at: SystemTime,
}

fn rfc3339<S: Serializer>(time: &SystemTime, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&humantime::format_rfc3339_millis(*time))
}

fn seconds<S: Serializer>(duration: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_f64(duration.as_millis() as f64 / 1000.0)
}
