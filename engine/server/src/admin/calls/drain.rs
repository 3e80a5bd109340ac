//! Emptying the gateway, and calling that off.

use std::time::Duration;

use floodway_proto::admin::v1;
use tonic::Status;

use super::args::duration;
use crate::admin::health::Health;
use crate::admin::observer::Observer;
use floodway_core::shard::Drain;

const SPREAD_MAX: Duration = Duration::from_secs(24 * 60 * 60);

pub(super) async fn begin(
    observer: &Observer,
    health: &Health,
    asked: &v1::DrainRequest,
) -> Result<v1::DrainResponse, Status> {
    let spread = duration("spread", asked.spread, Duration::ZERO, SPREAD_MAX)?;
    let pause = observer.drain_spread;
    let within = spread.unwrap_or(pause);
    health.drain(Drain { within, pause }).await;
    let drain = observer.drain().await;
    Ok(v1::DrainResponse { drain })
}

pub(super) async fn cancel(observer: &Observer, health: &Health) -> Result<v1::CancelDrainResponse, Status> {
    let drain = observer.drain().await;
    let cancelled = health.cancel_drain().await;
    if !cancelled && observer.drain().await.is_some_and(|drain| drain.stopping) {
        return Err(Status::failed_precondition("the gateway stops"));
    }
    Ok(v1::CancelDrainResponse { drain })
}
