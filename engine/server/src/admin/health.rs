//! What those are told who ask for the gateway's health (`grpc.health.v1`), in step with its drains and its readiness.
//!
//! By name: `""`, the gateway, and the admin service serve unless it drains, whether or not a broker is connected: to turn
//! away from it would help nobody. [`INGEST`] serves while nothing is amiss from the broker to the shards, [`STREAMS`]
//! while a new stream could begin, as `/readyz` says.
//!
//! Invariant: NOT_SERVING is told before the first stream is told to go, and SERVING after new ones are admitted again.
//! Every drain is begun and called off here, one at a time, so what was told last is how it is.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use floodway_proto::admin::v1::admin_server::AdminServer;
use tokio::sync::Mutex;
use tokio::time::{MissedTickBehavior, interval};
use tonic::server::NamedService;
use tonic_health::ServingStatus;
use tonic_health::pb::health_server::{Health as Asked, HealthServer};
use tonic_health::server::{HealthReporter, health_reporter};

use super::calls::Service;
use crate::readiness::Readiness;
use floodway_core::shard::Drain;
use floodway_core::streams::Streams;

/// The name of the part that takes events from a broker.
pub(super) const INGEST: &str = "floodway.ingest";

/// The name of the part that admits streams.
pub(super) const STREAMS: &str = "floodway.streams";

/// Between two looks at what changes without a word.
const LOOK: Duration = Duration::from_secs(1);

/// The gateway's health, and the drains on which it depends. Cheap to clone.
#[derive(Clone)]
pub(super) struct Health {
    reporter: HealthReporter,
    streams: Streams,
    readiness: Readiness,
    told: Arc<Mutex<Reported>>,
}

/// What was told last. Who holds it has the turn.
#[derive(Default)]
struct Reported {
    is_draining: bool,
    serves: HashMap<&'static str, bool>,
}

impl Health {
    /// That of a gateway with these streams, which serves; and what answers those who ask.
    pub(super) async fn new(
        streams: Streams,
        readiness: Readiness,
    ) -> (Self, HealthServer<impl Asked>) {
        let (reporter, server) = health_reporter();
        let health = Self {
            reporter,
            streams,
            readiness,
            told: Arc::default(),
        };
        health.tell(&mut *health.told.lock().await, false).await;
        (health, server)
    }

    /// Tells what changes by itself, until it is dropped: at once the states of the sources, and within
    /// [`LOOK`] what only a clock can tell.
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
            let mut told = self.told.lock().await;
            let is_draining = told.is_draining;
            self.tell(&mut told, is_draining).await;
        }
    }

    /// See [`Streams::drain`]. Goes on to its end even if nobody waits for it.
    pub(super) async fn drain(&self, drain: Drain) {
        let health = self.clone();
        to_the_end(async move {
            let mut told = health.told.lock().await;
            health.tell(&mut told, true).await;
            health.streams.drain(drain).await;
        })
        .await;
    }

    /// See [`Streams::cancel_drain`]. Goes on to its end even if nobody waits for it.
    pub(super) async fn cancel_drain(&self) -> bool {
        let health = self.clone();
        to_the_end(async move {
            let mut told = health.told.lock().await;
            let cancelled = health.streams.cancel_drain().await;
            if cancelled {
                health.tell(&mut told, false).await;
            }
            cancelled
        })
        .await
    }

    /// See [`Streams::begin_last_drain`].
    pub(super) async fn begin_last_drain(&self) {
        let mut told = self.told.lock().await;
        self.tell(&mut told, true).await;
        self.streams.begin_last_drain().await;
    }

    async fn tell(&self, told: &mut Reported, is_draining: bool) {
        told.is_draining = is_draining;
        let is_ingest_well = self.readiness.amiss_in_ingest().is_empty();
        let is_well = self.readiness.amiss_but_draining().is_empty();
        let admin = <AdminServer<Service> as NamedService>::NAME;
        for (part, serves) in [
            ("", !is_draining),
            (admin, !is_draining),
            (INGEST, is_ingest_well),
            (STREAMS, is_well && !is_draining),
        ] {
            // Said twice, it would be heard twice.
            if told.serves.insert(part, serves) == Some(serves) {
                continue;
            }
            let status = if serves {
                ServingStatus::Serving
            } else {
                ServingStatus::NotServing
            };
            self.reporter.set_service_status(part, status).await;
        }
    }
}

/// A caller who goes away leaves nothing half done: what it asked for is a task of its own.
async fn to_the_end<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    match tokio::spawn(work).await {
        Ok(done) => done,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
