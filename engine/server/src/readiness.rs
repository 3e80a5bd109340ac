//! Whether a new stream could begin now, and if not, why: the one place that judges it.
//!
//! `/readyz`, the admin API, its health service and the metrics all ask here, so that they agree.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use tokio::runtime::RuntimeMetrics;
use tokio::sync::watch;

use crate::auth::Verifier;
use floodway_core::index::Index;
use floodway_core::pulse::STUCK_AFTER;
use floodway_core::shard;
use floodway_sources::source::{IngestHandle, SourceState};

/// Why no new stream could begin, in the order in which reasons are reported. To users a source is a broker.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, strum::IntoStaticStr, strum::VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum Unready {
    /// The gateway drains or stops.
    #[error("Server draining")]
    Draining,
    /// The keys of tokens were never fetched.
    #[error("Verification keys unavailable: auth.jwks_url has not answered")]
    NoKeys,
    /// No source is connected.
    #[error("Broker unavailable")]
    #[strum(serialize = "no_broker")]
    NoSource,
    /// The control documents of the source are not read yet.
    #[error("The broker's limits and groups are not read yet")]
    ControlUnread,
    /// The source has not answered in time, and is asked for all tenants at once.
    #[error("The broker does not answer the subscription to all tenants")]
    SubscriptionUnanswered,
    /// The source refuses all tenants, for this reason.
    #[error("The broker refuses the subscription to all tenants: {0}")]
    SubscriptionRefused(Arc<str>),
    /// Ingest has not turned for so long.
    #[error("Ingest has been stuck for {} s", .0.as_secs())]
    IngestStuck(Duration),
    /// The shard of this number has not turned for so long.
    #[error("Shard {} has been stuck for {} s", .0, .1.as_secs())]
    ShardStuck(usize, Duration),
}

impl Unready {
    /// Every label.
    pub const LABELS: &[&str] = <Self as strum::VariantNames>::VARIANTS;

    /// The reason as a word: the same in JSON, the admin API and metrics.
    pub fn label(&self) -> &'static str {
        self.into()
    }
}

/// Judges. Cheap to clone, for any thread.
#[derive(Clone)]
pub struct Readiness {
    index: Arc<Index>,
    ingest: IngestHandle,
    verifier: Arc<Verifier>,
    shards: Arc<ArcSwap<Vec<ShardPulse>>>,
}

impl Readiness {
    /// That of a gateway with this index, these sources and these keys. It has no shards yet.
    pub fn new(index: Arc<Index>, ingest: IngestHandle, verifier: Arc<Verifier>) -> Self {
        Self { index, ingest, verifier, shards: Arc::default() }
    }

    /// From now on these shards are judged, in the order of their numbers.
    pub fn watch_shards(&self, shards: Vec<ShardPulse>) {
        self.shards.store(Arc::new(shards));
    }

    /// What is amiss; nothing, if the gateway is ready.
    pub fn amiss(&self) -> Vec<Unready> {
        let draining = self.index.is_draining().then_some(Unready::Draining);
        draining.into_iter().chain(self.amiss_but_draining()).collect()
    }

    /// The same, whether or not the gateway drains.
    pub fn amiss_but_draining(&self) -> Vec<Unready> {
        let now = Instant::now();
        let shards = self.shards.load();
        let stuck = shards.iter().enumerate().filter_map(|(shard, pulse)| {
            let silence = pulse.silence(now);
            (silence >= STUCK_AFTER).then_some(Unready::ShardStuck(shard, silence))
        });
        let keys = (!self.verifier.is_ready()).then_some(Unready::NoKeys);
        keys.into_iter().chain(self.amiss_in_sources(now)).chain(stuck).collect()
    }

    /// What is amiss on the way from the sources to the shards.
    pub fn amiss_in_ingest(&self) -> Vec<Unready> {
        self.amiss_in_sources(Instant::now())
    }

    fn amiss_in_sources(&self, now: Instant) -> Vec<Unready> {
        let ingest = &self.ingest;
        let source = match ingest.state() {
            SourceState::Open => None,
            SourceState::Away => Some(Unready::NoSource),
            SourceState::Reading => Some(Unready::ControlUnread),
            SourceState::Unanswered => Some(Unready::SubscriptionUnanswered),
            SourceState::Refused(reason) => Some(Unready::SubscriptionRefused(reason)),
        };
        let silence = ingest.silence(now).filter(|&silence| silence >= STUCK_AFTER);
        source.into_iter().chain(silence.map(Unready::IngestStuck)).collect()
    }

    /// The states of all sources, to be watched. What a clock decides is not among them: look once a second.
    pub fn sources(&self) -> watch::Receiver<Vec<SourceState>> {
        self.ingest.states()
    }
}

/// The signs of life of one shard: those of its loop, and while that rests, those of its thread.
///
/// A shard without subscribers has no clock that wakes it. Its loop rests then, but connections are served on the same
/// thread: that is well if it sleeps, or has slept since the last look.
#[derive(Debug)]
pub struct ShardPulse {
    metrics: Arc<shard::Metrics>,
    runtime: RuntimeMetrics,
    /// How often its thread had gone to sleep or woken up when it was last seen to have moved, and when that was.
    moved: Mutex<(u64, Instant)>,
}

impl ShardPulse {
    /// That of the shard that counts in `metrics`, on the thread of this runtime.
    pub fn new(metrics: Arc<shard::Metrics>, runtime: RuntimeMetrics) -> Self {
        Self { metrics, runtime, moved: Mutex::new((0, Instant::now())) }
    }

    fn silence(&self, now: Instant) -> Duration {
        let of_loop = self.metrics.pulse.silence(now);
        of_loop.unwrap_or_else(|| self.silence_of_thread(now))
    }

    fn silence_of_thread(&self, now: Instant) -> Duration {
        // Odd while it sleeps; a shard's runtime has one worker, which is the shard's thread.
        let moves = self.runtime.worker_park_unpark_count(0);
        let mut moved = self.moved.lock().unwrap_or_else(PoisonError::into_inner);
        if moves % 2 == 1 || moves != moved.0 {
            *moved = (moves, now);
        }
        now.saturating_duration_since(moved.1)
    }
}

#[cfg(all(test, not(floodway_loom)))]
mod tests;
