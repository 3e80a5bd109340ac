//! A look at the running parts, from any thread.
//!
//! Invariant: looking changes nothing and waits for nobody. It reads counters, and adds up those of the shards.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use super::status::{Broker, Connections, Deliveries, Ingest, Limits, Node, Status};
use crate::index::Index;
use crate::ingest::{self, Upstreams};
use crate::shard::{self, END_LABELS};

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
    /// Events that one subscriber may lag.
    pub queue_size: usize,
    /// The tenants and the places that are taken.
    pub index: Arc<Index>,
    /// The way in.
    pub upstreams: Upstreams,
    /// What each shard counts.
    pub shards: Vec<Arc<shard::Metrics>>,
}

/// A look at what a gateway does, from any thread. Cheap to clone.
#[derive(Clone)]
pub struct Observer(Arc<Watched>);

/// The counts of all shards together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Live WebSocket streams.
    pub ws: u64,
    /// Live SSE streams.
    pub sse: u64,
    /// Streams that became live.
    pub opened: u64,
    /// Streams that ended, in the order of [`END_LABELS`].
    pub closed: [u64; END_LABELS.len()],
    /// Events handed to the kernel, whole.
    pub delivered: u64,
    /// Events that matched a subscriber and did not reach it.
    pub dropped: u64,
    /// Bytes handed to the kernel.
    pub bytes: u64,
    /// Gaps told because a ring was full.
    pub gaps: u64,
    /// Writes that were asked of the kernel for events.
    pub writes: u64,
}

impl Totals {
    fn with(mut self, shard: &shard::Metrics) -> Self {
        self.ws += shard.ws.get();
        self.sse += shard.sse.get();
        self.opened += shard.opened.get();
        self.delivered += shard.delivered.get();
        self.dropped += shard.dropped.get();
        self.bytes += shard.bytes.get();
        self.gaps += shard.gaps.get();
        self.writes += shard.writes.get();
        for (sum, closed) in self.closed.iter_mut().zip(&shard.closed) {
            *sum += closed.get();
        }
        self
    }
}

impl Observer {
    /// Looks at these parts.
    pub fn new(watched: Watched) -> Self {
        Self(Arc::new(watched))
    }

    /// What all shards have counted. Each count is exact, though not all are of the same instant.
    pub fn totals(&self) -> Totals {
        let add = |totals: Totals, shard: &Arc<shard::Metrics>| totals.with(shard);
        self.0.shards.iter().fold(Totals::default(), add)
    }

    /// What ingest has counted.
    pub fn ingest(&self) -> ingest::Snapshot {
        self.0.upstreams.metrics()
    }

    /// Live streams, those in their handshake included.
    pub fn connections(&self) -> u32 {
        self.0.index.connections()
    }

    /// Tenants that have subscribers, or had some a moment ago.
    pub fn tenants(&self) -> u64 {
        self.0.index.tenants().len() as u64
    }

    /// All of it.
    pub fn status(&self) -> Status {
        let (totals, ingest) = (self.totals(), self.ingest());
        Status {
            node: self.node(),
            draining: self.0.index.is_draining(),
            broker: Broker {
                connected: ingest.connected,
                urls: self.0.brokers.clone(),
                reconnects: ingest.reconnects,
            },
            connections: self.streams(&totals),
            limits: self.limits(),
            ingest: Ingest {
                received: ingest.received,
                received_bytes: ingest.bytes,
                accepted: ingest.accepted,
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
                overflow_gaps: totals.gaps,
                sent_bytes: totals.bytes,
                writes: totals.writes,
            },
        }
    }

    fn node(&self) -> Node {
        let identity = &self.0.identity;
        Node {
            id: identity.id.clone(),
            name: identity.name.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at: identity.started_at,
            uptime: identity.started.elapsed(),
        }
    }

    fn streams(&self, totals: &Totals) -> Connections {
        Connections {
            total: self.connections().into(),
            websocket: totals.ws,
            sse: totals.sse,
            opened: totals.opened,
            closed_by_reason: by_label(END_LABELS.into_iter().zip(totals.closed)),
        }
    }

    fn limits(&self) -> Limits {
        Limits {
            connections: self.0.connections.into(),
            connections_per_tenant: self.0.index.connections_per_tenant().into(),
            queue_size: self.0.queue_size as u64,
        }
    }
}

fn by_label<'a>(counts: impl Iterator<Item = (&'a str, u64)>) -> BTreeMap<String, u64> {
    counts.map(|(label, n)| (label.to_owned(), n)).collect()
}
