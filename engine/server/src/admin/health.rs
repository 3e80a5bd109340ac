//! The gateway's health (`grpc.health.v1`), in step with its drains and its readiness.
//!
//! By name: `""`, the gateway, and the admin service serve unless it drains, whether or not a broker is connected: to turn
//! clients away from it would help none of them. [`INGEST`] serves while nothing is amiss from the broker to the shards,
//! [`STREAMS`] while a new stream could begin, as `/readyz` says.
//!
//! Invariant: NOT_SERVING is reported before a drain ends the first stream, and SERVING after new ones are admitted again.
//! Every drain begins and is called off here, one at a time, so the last report is always right.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use floodway_proto::admin::v1::admin_server::SERVICE_NAME as ADMIN;
use tokio::sync::Mutex;
use tokio::time::{MissedTickBehavior, interval};
use tonic_health::ServingStatus;
use tonic_health::pb::health_server::{Health as Asked, HealthServer};
use tonic_health::server::{HealthReporter, health_reporter};

use crate::readiness::Readiness;
use floodway_core::shard::Drain;
use floodway_core::streams::Streams;

/// The name of the part that takes events from a broker.
pub(super) const INGEST: &str = "floodway.ingest";

/// The name of the part that admits streams.
pub(super) const STREAMS: &str = "floodway.streams";

/// Between two looks at what changes without a notification.
const LOOK: Duration = Duration::from_secs(1);

/// The gateway's health, and the drains on which it depends. Cheap to clone.
#[derive(Clone)]
pub(super) struct Health {
    reporter: HealthReporter,
    streams: Streams,
    readiness: Readiness,
    reported: Arc<Mutex<Reported>>,
}

/// What was reported last. Whoever holds it has the turn.
#[derive(Default)]
struct Reported {
    is_draining: bool,
    serves: HashMap<&'static str, bool>,
}

impl Health {
    /// The health of a gateway with these streams, which serves; and the service that answers for it.
    pub(super) async fn new(streams: Streams, readiness: Readiness) -> (Self, HealthServer<impl Asked>) {
        let (reporter, server) = health_reporter();
        let health = Self { reporter, streams, readiness, reported: Arc::default() };
        health.report(&mut *health.reported.lock().await, false).await;
        (health, server)
    }

    /// Reports what changes by itself, until it is dropped: the states of the sources at once, and within [`LOOK`] what
    /// only a clock shows.
    pub(super) async fn follow(self) {
        let mut sources = self.readiness.sources();
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = looks.tick() => {}
                // An error says that ingest has gone, and all with it.
                Ok(()) = sources.changed() => {}
            }
            let mut reported = self.reported.lock().await;
            let is_draining = reported.is_draining;
            self.report(&mut reported, is_draining).await;
        }
    }

    /// See [`Streams::drain`]. Goes on to its end even if no caller waits for it.
    pub(super) async fn drain(&self, drain: Drain) {
        let health = self.clone();
        to_the_end(async move {
            let mut reported = health.reported.lock().await;
            health.report(&mut reported, true).await;
            health.streams.drain(drain).await;
        })
        .await;
    }

    /// See [`Streams::cancel_drain`]. Goes on to its end even if no caller waits for it.
    pub(super) async fn cancel_drain(&self) -> bool {
        let health = self.clone();
        to_the_end(async move {
            let mut reported = health.reported.lock().await;
            let cancelled = health.streams.cancel_drain().await;
            if cancelled {
                health.report(&mut reported, false).await;
            }
            cancelled
        })
        .await
    }

    /// See [`Streams::begin_last_drain`].
    pub(super) async fn begin_last_drain(&self) {
        let mut reported = self.reported.lock().await;
        self.report(&mut reported, true).await;
        self.streams.begin_last_drain().await;
    }

    async fn report(&self, reported: &mut Reported, is_draining: bool) {
        reported.is_draining = is_draining;
        let is_ingest_well = self.readiness.amiss_in_ingest().is_empty();
        let is_well = self.readiness.amiss_but_draining().is_empty();
        for (part, serves) in [
            ("", !is_draining),
            (ADMIN, !is_draining),
            (INGEST, is_ingest_well),
            (STREAMS, is_well && !is_draining),
        ] {
            // A watcher would get it twice.
            if reported.serves.insert(part, serves) == Some(serves) {
                continue;
            }
            let status = if serves { ServingStatus::Serving } else { ServingStatus::NotServing };
            self.reporter.set_service_status(part, status).await;
        }
    }
}

/// A caller that goes away leaves nothing half done: the work is a task of its own.
async fn to_the_end<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    match tokio::spawn(work).await {
        Ok(done) => done,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
