//! A look at the running parts, from any thread.
//!
//! Invariant: looking changes nothing and waits for nobody. It reads counters, and adds up those of the shards.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use arc_swap::ArcSwap;
use tokio::runtime::RuntimeMetrics;

use super::rates::Measured;
use super::status::{
    Broker, BrokerFailure, Connections, ControlProblem, ControlState, Deliveries, DrainProgress,
    Ingest, Limits, Node, Status, TenantConnections, Unready,
};
use super::totals::Totals;
use crate::auth::CHECK_LABELS;
use crate::http::REFUSAL_LABELS;
use crate::http::Refusals;
use crate::readiness::Readiness;
use floodway_core::event;
use floodway_core::inbox::Inbox;
use floodway_core::index::{Index, Tenant};
use floodway_core::shard;
use floodway_core::streams::Streams;
use floodway_protocol::ends::LABELS as END_LABELS;
use floodway_sources::control::{Control, Standing};
use floodway_sources::router;
use floodway_sources::source::IngestHandle;

/// Tenants that a status names.
const TENANTS: usize = 100;

/// Which gateway this is.
#[derive(Clone, Debug)]
pub struct Identity {
    id: String,
    name: String,
    started_at: SystemTime,
    started: Instant,
}

impl Identity {
    /// That of a gateway that starts now on this machine, with an id of its own.
    pub fn new() -> Self {
        let system = rustix::system::uname();
        Self {
            id: format!("{:016x}", fastrand::u64(..)),
            name: system.nodename().to_string_lossy().into_owned(),
            started_at: SystemTime::now(),
            started: Instant::now(),
        }
    }
}

impl Identity {
    /// Its id, which no other gateway has.
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl Default for Identity {
    fn default() -> Self {
        Self::new()
    }
}

/// What an [`Observer`] looks at.
pub struct Watched {
    /// Which gateway this is.
    pub identity: Identity,
    /// The brokers that ingest tries in turn, without credentials.
    pub brokers: Vec<String>,
    /// Streams that the gateway admits.
    pub connections: u32,
    /// The live streams; the tenants, and the places that are taken.
    pub streams: Streams,
    /// Clients that were refused.
    pub refusals: Arc<Refusals>,
    /// Limits and groups that are kept in the broker, and the fleet.
    pub control: Control,
    /// What an event may be.
    pub event: event::Config,
    /// Clients are told to come back after a random part of this.
    pub drain_spread: Duration,
    /// The way in.
    pub upstreams: IngestHandle,
    /// Whether a new stream could begin.
    pub readiness: Readiness,
    /// Where events wait for the shards, in the order of their numbers.
    pub inboxes: Arc<[Inbox]>,
    /// The shards, in the same order.
    pub shards: Vec<WatchedShard>,
}

/// What can be seen of one shard without asking it.
pub struct WatchedShard {
    /// What it counts.
    pub metrics: Arc<shard::Metrics>,
    /// What its thread's runtime counts.
    pub runtime: RuntimeMetrics,
}

/// A shard at one moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct ShardLoad {
    /// Items that wait for it.
    pub(super) inbox: usize,
    /// Those for which there is room.
    pub(super) inbox_capacity: usize,
    /// For how long its thread was not asleep.
    pub(super) busy: Duration,
}

/// A look at what a gateway does, from any thread. Cheap to clone.
#[derive(Clone)]
pub struct Observer(Arc<Watched>, Arc<ArcSwap<Measured>>);

impl Observer {
    /// Looks at these parts.
    pub fn new(watched: Watched) -> Self {
        Self(Arc::new(watched), Arc::default())
    }

    /// What all shards have counted. Each count is exact, though not all are of the same instant.
    pub fn totals(&self) -> Totals {
        let add = |totals: Totals, shard: &WatchedShard| totals.with(&shard.metrics);
        self.0.shards.iter().fold(Totals::default(), add)
    }

    /// How each shard does, in the order of their numbers.
    pub(super) fn shard_loads(&self) -> Vec<ShardLoad> {
        let both = self.0.inboxes.iter().zip(&self.0.shards);
        let load = |(inbox, shard): (&Inbox, &WatchedShard)| ShardLoad {
            inbox: inbox.len(),
            inbox_capacity: inbox.capacity(),
            // A shard's runtime has one worker, which is the shard's thread.
            busy: shard.runtime.worker_total_busy_duration(0),
        };
        both.map(load).collect()
    }

    /// What ingest has counted.
    pub fn ingest(&self) -> router::Snapshot {
        self.0.upstreams.metrics()
    }

    /// Live streams, those in their handshake included.
    pub fn connections(&self) -> u32 {
        self.index().connections()
    }

    /// Tenants that have subscribers, or had some a moment ago.
    pub fn tenants(&self) -> u64 {
        self.index().tenants().len() as u64
    }

    /// Clients that were refused, in the order of [`REFUSAL_LABELS`].
    pub fn refused(&self) -> [u64; REFUSAL_LABELS.len()] {
        self.0.refusals.counts()
    }

    /// Those whose token was refused, in the order of [`CHECK_LABELS`].
    pub fn refused_tokens(&self) -> [u64; CHECK_LABELS.len()] {
        self.0.refusals.checks()
    }

    /// How far the drain is, if there is one.
    pub async fn drain(&self) -> Option<DrainProgress> {
        let progress = self.0.streams.drain_progress().await?;
        let totals = self.totals();
        Some(DrainProgress {
            started_at: progress.began,
            spread: progress.within,
            connections: progress.streams.into(),
            untold: totals.ws + totals.sse,
            remaining: progress.left.into(),
            stopping: progress.is_last,
        })
    }

    pub(super) fn node_id(&self) -> &str {
        self.0.identity.id()
    }

    pub(super) fn index(&self) -> &Arc<Index> {
        self.0.streams.index()
    }

    pub(super) fn streams(&self) -> &Streams {
        &self.0.streams
    }

    pub(super) fn control(&self) -> &Control {
        &self.0.control
    }

    pub(super) fn readiness(&self) -> &Readiness {
        &self.0.readiness
    }

    pub(super) fn upstreams(&self) -> &IngestHandle {
        &self.0.upstreams
    }

    pub(super) fn event_config(&self) -> &event::Config {
        &self.0.event
    }

    pub(super) fn drain_spread(&self) -> Duration {
        self.0.drain_spread
    }

    /// Rates that were measured, for the next looks.
    pub(super) fn set_measured(&self, measured: Measured) {
        self.1.store(Arc::new(measured));
    }

    /// All of it but the progress of a drain, for which [`Observer::drain`] has to ask.
    pub fn status(&self) -> Status {
        self.status_of(&self.totals())
    }

    /// The same, with what all shards have counted.
    pub(super) fn status_of(&self, totals: &Totals) -> Status {
        let ingest = self.ingest();
        let measured = **self.1.load();
        Status {
            node: self.node(),
            draining: self.index().is_draining(),
            broker: self.broker(ingest.reconnects),
            connections: self.connected(totals),
            limits: self.limits(),
            ingest: Ingest {
                received: ingest.received,
                received_bytes: ingest.bytes,
                accepted: ingest.accepted,
                without_metrics: ingest.without_metrics,
                rejected_by_reason: by_label(
                    ingest
                        .rejected
                        .iter()
                        .map(|&(reason, n)| (reason.label(), n)),
                ),
            },
            deliveries: Deliveries {
                delivered: totals.delivered,
                dropped: totals.dropped,
                overflow_gaps: totals.overflow_gaps,
                sent_bytes: totals.bytes,
                writes: totals.writes,
            },
            last_second: measured.last_second,
            last_minute: measured.last_minute,
            drain: None,
            control: self.control_state(),
            unready: self.unready(),
            refused_upstream: self.refused_upstream(),
        }
    }

    fn broker(&self, reconnects: u64) -> Broker {
        let source = self.upstreams().report();
        let attempts = source.attempts.into_iter();
        Broker {
            connected: source.endpoint.is_some(),
            urls: self.0.brokers.clone(),
            reconnects,
            connected_url: source.endpoint.unwrap_or_default(),
            changed_at: source.since,
            failed_attempts: source.failed_attempts,
            last_failure: source.last_failure.map(|failure| BrokerFailure {
                url: failure.endpoint,
                detail: failure.error,
                failed_at: failure.at,
            }),
            attempts_by_result: by_label(attempts),
        }
    }

    fn unready(&self) -> Vec<Unready> {
        let amiss = self.0.readiness.amiss().into_iter();
        amiss
            .map(|unready| Unready {
                reason: unready.label().to_owned(),
                detail: unready.to_string(),
            })
            .collect()
    }

    /// Live streams that wait for a tenant that the broker refuses.
    fn refused_upstream(&self) -> u64 {
        let tenants = self.index().tenants();
        let refused = tenants.iter().filter(|tenant| tenant.refusal().is_some());
        refused
            .map(|tenant| tenant.counts())
            .map(|counts| counts.ws + counts.sse)
            .sum()
    }

    pub(super) fn node(&self) -> Node {
        let identity = &self.0.identity;
        Node {
            id: identity.id.clone(),
            name: identity.name.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at: identity.started_at,
            uptime: identity.started.elapsed(),
        }
    }

    fn connected(&self, totals: &Totals) -> Connections {
        let mut all = self.index().tenants();
        all.retain(|tenant| tenant.connections() > 0);
        let mut by_tenant: Vec<_> = all.iter().map(|tenant| places_of(tenant)).collect();
        by_tenant.sort_by(|one, other| {
            let by_total = other.total.cmp(&one.total);
            by_total.then_with(|| one.tenant_id.cmp(&other.tenant_id))
        });
        let others = by_tenant.split_off(by_tenant.len().min(TENANTS));
        Connections {
            total: self.connections().into(),
            websocket: totals.ws,
            sse: totals.sse,
            opened: totals.opened,
            closed_by_reason: by_label(END_LABELS.into_iter().zip(totals.closed)),
            refused_by_reason: by_label(REFUSAL_LABELS.into_iter().zip(self.refused())),
            tokens_refused_by_check: by_label(CHECK_LABELS.into_iter().zip(self.refused_tokens())),
            tenants: all.len() as u64,
            by_tenant,
            other_tenants_total: others.iter().map(|tenant| tenant.total).sum(),
        }
    }

    fn limits(&self) -> Limits {
        let default = self.index().default_limits();
        Limits {
            connections: self.0.connections.into(),
            connections_per_tenant: default.connections.into(),
            queue_size: default.queue_size.get() as u64,
        }
    }

    fn control_state(&self) -> ControlState {
        let control = &self.0.control;
        let documents = control.documents();
        let problem = |problem: floodway_sources::control::Problem| ControlProblem {
            topic: problem.topic,
            detail: problem.reason,
            received_at: problem.at,
        };
        ControlState {
            synced: control.standing() == Standing::Following,
            tenant_limits: documents.tenant_limits().count() as u64,
            groups: documents.group_count() as u64,
            problems: control.problems().into_iter().rev().map(problem).collect(),
        }
    }
}

fn places_of(tenant: &Tenant) -> TenantConnections {
    TenantConnections {
        tenant_id: tenant.id().to_string(),
        total: tenant.connections().into(),
    }
}

fn by_label<'a>(counts: impl Iterator<Item = (&'a str, u64)>) -> BTreeMap<String, u64> {
    counts.map(|(label, n)| (label.to_owned(), n)).collect()
}
