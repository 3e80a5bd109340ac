//! What those are told who ask for the gateway's health (`grpc.health.v1`), in step with its drains.
//!
//! Invariant: NOT_SERVING is told before the first stream is told to go, and SERVING after new ones are admitted again.
//! Every drain is begun and called off here, one at a time, so what was told last is how it is.

use std::sync::Arc;

use floodway_proto::admin::v1::admin_server::AdminServer;
use tokio::sync::Mutex;
use tonic::server::NamedService;
use tonic_health::ServingStatus;
use tonic_health::pb::health_server::{Health as Asked, HealthServer};
use tonic_health::server::{HealthReporter, health_reporter};

use super::calls::Service;
use crate::gateway::Streams;
use crate::shard::Drain;

/// The gateway's health, and the drains on which it depends. Cheap to clone.
#[derive(Clone)]
pub(super) struct Health {
    reporter: HealthReporter,
    streams: Streams,
    turn: Arc<Mutex<()>>,
}

impl Health {
    /// That of a gateway with these streams, which serves; and what answers those who ask.
    pub(super) async fn new(streams: Streams) -> (Self, HealthServer<impl Asked>) {
        let (reporter, server) = health_reporter();
        let health = Self {
            reporter,
            streams,
            turn: Arc::default(),
        };
        health.tell(ServingStatus::Serving).await;
        (health, server)
    }

    /// See [`Streams::drain`]. Goes on to its end even if nobody waits for it.
    pub(super) async fn drain(&self, drain: Drain) {
        let health = self.clone();
        to_the_end(async move {
            let _turn = health.turn.lock().await;
            health.tell(ServingStatus::NotServing).await;
            health.streams.drain(drain).await;
        })
        .await;
    }

    /// See [`Streams::cancel_drain`]. Goes on to its end even if nobody waits for it.
    pub(super) async fn cancel_drain(&self) -> bool {
        let health = self.clone();
        to_the_end(async move {
            let _turn = health.turn.lock().await;
            let cancelled = health.streams.cancel_drain().await;
            if cancelled {
                health.tell(ServingStatus::Serving).await;
            }
            cancelled
        })
        .await
    }

    /// See [`Streams::begin_last_drain`].
    pub(super) async fn begin_last_drain(&self) {
        let _turn = self.turn.lock().await;
        self.tell(ServingStatus::NotServing).await;
        self.streams.begin_last_drain().await;
    }

    async fn tell(&self, status: ServingStatus) {
        let admin = <AdminServer<Service> as NamedService>::NAME;
        for part in ["", admin] {
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
