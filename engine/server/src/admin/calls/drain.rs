//! Emptying the gateway, and calling that off.

use std::time::Duration;

use floodway_proto::admin::v1;
use tonic::Status;

use super::args::duration;
use super::{Answer, Service};
use floodway_core::shard::Drain;

const SPREAD_MAX: Duration = Duration::from_secs(24 * 60 * 60);

pub(super) async fn begin(service: &Service, asked: v1::DrainRequest) -> Answer<v1::DrainResponse> {
    let Service { observer, health, .. } = service;
    let spread = duration("spread", asked.spread, Duration::ZERO..=SPREAD_MAX)?;
    let pause = observer.drain_spread;
    health.drain(Drain { within: spread.unwrap_or(pause), pause }).await;
    Ok(v1::DrainResponse { drain: observer.drain().await })
}

pub(super) async fn cancel(service: &Service, _: v1::CancelDrainRequest) -> Answer<v1::CancelDrainResponse> {
    let Service { observer, health, .. } = service;
    let drain = observer.drain().await;
    let cancelled = health.cancel_drain().await;
    if !cancelled && observer.drain().await.is_some_and(|drain| drain.stopping) {
        return Err(Status::failed_precondition("the gateway stops"));
    }
    Ok(v1::CancelDrainResponse { drain })
}
