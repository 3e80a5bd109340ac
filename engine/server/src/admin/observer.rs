//! A view of the running parts, from any thread.
//!
//! Invariant: an observer changes nothing and never waits. It reads counters, and adds up those of the shards.

use std::ops::Deref;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use arc_swap::ArcSwap;
use floodway_proto::admin::v1::Rates;
use tokio::runtime::RuntimeMetrics;
use tokio::time::{MissedTickBehavior, interval};

use super::rates::{self, Counts, STEP, Samples};
use super::totals::Totals;
use crate::http::Refusals;
use crate::readiness::Readiness;
use floodway_core::event;
use floodway_core::inbox::Inbox;
use floodway_core::index::Index;
use floodway_core::shard;
use floodway_core::streams::Streams;
use floodway_sources::control::Control;
use floodway_sources::router::{self, Topics};
use floodway_sources::source::IngestHandle;

/// One run of one gateway.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Chosen at random at each start.
    pub id: String,
    /// The machine's name; empty if it has none.
    pub name: String,
    /// When it started, by the machine's own clock.
    pub started_at: SystemTime,
    /// The same by a clock that is never set.
    pub started: Instant,
}

impl Identity {
    /// That of a gateway that starts now on this machine, with an id of its own.
    #[expect(clippy::new_without_default, reason = "no two are alike")]
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

/// The parts that an [`Observer`] reads.
pub struct Watched {
    /// Which gateway this is.
    pub identity: Identity,
    /// Streams that the gateway admits.
    pub connections: u32,
    /// The live streams, and the tenants.
    pub streams: Streams,
    /// Clients that were refused.
    pub refusals: Arc<Refusals>,
    /// Limits and groups that are kept in the broker, and the fleet.
    pub control: Control,
    /// What an event may be.
    pub event: event::Config,
    /// On which topics devices publish.
    pub topics: Topics,
    /// A drain sends clients away for a random part of this.
    pub drain_spread: Duration,
    /// The source of events.
    pub source: IngestHandle,
    /// Whether a new stream could begin.
    pub readiness: Readiness,
    /// Where events wait for the shards, in the order of their numbers.
    pub inboxes: Arc<[Inbox]>,
    /// The shards, in the same order.
    pub shards: Vec<WatchedShard>,
}

/// What is known of one shard without asking it.
#[derive(Clone)]
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

/// Reads what a gateway does, from any thread. Cheap to clone.
#[derive(Clone)]
pub struct Observer {
    parts: Arc<Watched>,
    /// Those of the last second and of the last minute.
    rates: Arc<ArcSwap<(Rates, Rates)>>,
}

impl Deref for Observer {
    type Target = Watched;

    fn deref(&self) -> &Watched {
        &self.parts
    }
}

impl Observer {
    /// Reads these parts.
    pub fn new(parts: Watched) -> Self {
        let rates = ArcSwap::from_pointee((rates::none(), rates::none()));
        Self { parts: Arc::new(parts), rates: Arc::new(rates) }
    }

    /// The counts of all shards. Each is exact, though not all are of the same instant.
    pub fn totals(&self) -> Totals {
        let shards = self.shards.iter();
        shards.fold(Totals::default(), |totals, shard| totals.with(&shard.metrics))
    }

    /// The load of each shard, in the order of their numbers.
    pub(super) fn shard_loads(&self) -> Vec<ShardLoad> {
        let both = self.inboxes.iter().zip(&self.shards);
        let load = |(inbox, shard): (&Inbox, &WatchedShard)| ShardLoad {
            inbox: inbox.len(),
            inbox_capacity: inbox.capacity(),
            // A shard's runtime has one worker, which is the shard's thread.
            busy: shard.runtime.worker_total_busy_duration(0),
        };
        both.map(load).collect()
    }

    /// The counts of ingest.
    pub fn ingest(&self) -> router::Snapshot {
        self.source.metrics()
    }

    /// Tenants that have subscribers, or had some a moment ago.
    pub fn tenants(&self) -> u64 {
        self.index().tenants().len() as u64
    }

    /// The tenants, their limits and counts.
    pub fn index(&self) -> &Arc<Index> {
        self.streams.index()
    }

    /// The rates of the last second and of the last minute.
    pub(super) fn rates(&self) -> (Rates, Rates) {
        **self.rates.load()
    }

    /// Measures the rates once a second, for ever.
    pub(super) async fn measure(self) {
        let mut samples = Samples::default();
        let mut ticks = interval(STEP);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            samples.add(Instant::now(), self.counts());
            self.rates.store(Arc::new(samples.rates()));
        }
    }

    fn counts(&self) -> Counts {
        let (totals, ingest) = (self.totals(), self.ingest());
        Counts {
            received: ingest.received,
            received_bytes: ingest.bytes,
            accepted: ingest.accepted,
            rejected: ingest.rejected.iter().map(|(_, n)| n).sum(),
            delivered: totals.delivered,
            dropped: totals.dropped,
            conflated: totals.conflated,
            sent_bytes: totals.bytes,
            opened: totals.opened,
            closed: totals.closed.iter().sum(),
            refused: self.refusals.counts().iter().sum(),
        }
    }
}
