//! Emptying the gateway, and calling that off.

use std::time::Duration;

use floodway_proto::admin::v1;
use floodway_proto::admin::v1::admin_server::AdminServer;
use tonic::Status;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use super::Service;
use super::args::duration;
use crate::admin::observer::Observer;
use crate::shard::Drain;

const SPREAD_MAX: Duration = Duration::from_secs(24 * 60 * 60);

pub(super) async fn begin(
    observer: &Observer,
    health: &HealthReporter,
    asked: &v1::DrainRequest,
) -> Result<v1::DrainResponse, Status> {
    let spread = duration("spread", asked.spread, Duration::ZERO, SPREAD_MAX)?;
    let pause = observer.drain_spread();
    // First who sends clients here, then the clients.
    tell(health, ServingStatus::NotServing).await;
    let within = spread.unwrap_or(pause);
    observer.streams().drain(Drain { within, pause }).await;
    Ok(v1::DrainResponse {
        drain: observer.drain().await.map(Into::into),
    })
}

pub(super) async fn cancel(
    observer: &Observer,
    health: &HealthReporter,
) -> Result<v1::CancelDrainResponse, Status> {
    let drain = observer.drain().await;
    if observer.streams().cancel_drain().await {
        tell(health, ServingStatus::Serving).await;
    } else if observer.drain().await.is_some_and(|drain| drain.stopping) {
        return Err(Status::failed_precondition("the gateway stops"));
    }
    Ok(v1::CancelDrainResponse {
        drain: drain.map(Into::into),
    })
}

/// Tells those who ask for the gateway's health.
pub(in crate::admin) async fn tell(health: &HealthReporter, status: ServingStatus) {
    health.set_service_status("", status).await;
    let admin = <AdminServer<Service> as tonic::server::NamedService>::NAME;
    health.set_service_status(admin, status).await;
}
