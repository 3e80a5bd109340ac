//! The status of the gateway, once or as a stream.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use floodway_proto::admin::v1;
use tokio::time::{MissedTickBehavior, interval};
use tonic::Status;
use tonic::codegen::BoxStream;

use super::args::{bad, duration};
use super::streaming::{Gone, ResponseSender};
use super::{Answer, Service, connections, fleet, tenants};
use crate::admin::observer::Observer;
use floodway_core::index::Tenant;
use floodway_protocol::names::TenantId;

/// Between two responses of `WatchStatus`, by default.
const INTERVAL: Duration = Duration::from_secs(1);
const INTERVAL_MIN: Duration = Duration::from_millis(100);
const INTERVAL_MAX: Duration = Duration::from_secs(3600);

/// The most tenants, and streams, of one response.
const MOST: u32 = 100;

pub(super) async fn get(service: &Service, asked: v1::GetStatusRequest) -> Answer<v1::GetStatusResponse> {
    let observer = &service.observer;
    Ok(v1::GetStatusResponse {
        status: Some(now(observer).await),
        fleet: asked.fleet.then(|| fleet::all(observer)),
    })
}

pub(super) async fn watch(
    service: &Service,
    asked: v1::WatchStatusRequest,
) -> Answer<BoxStream<v1::WatchStatusResponse>> {
    let period = duration("interval", asked.interval, INTERVAL_MIN..=INTERVAL_MAX)?;
    let watching = Watching {
        observer: service.observer.clone(),
        fleet: asked.fleet,
        busiest: some("busiest_tenants", asked.busiest_tenants)?,
        slowest: some("slowest_connections", asked.slowest_connections)?,
        delivered: HashMap::new(),
    };
    let permit = service.streaming.permit()?;
    Ok(service
        .streaming
        .start(permit, |responses| watching.send(period.unwrap_or(INTERVAL), responses)))
}

async fn now(observer: &Observer) -> v1::Status {
    let mut status = observer.status(&observer.totals());
    status.drain = observer.drain().await;
    // One that began meanwhile.
    status.draining |= status.drain.is_some();
    status
}

fn some(field: &str, asked: u32) -> Answer<usize> {
    if asked > MOST {
        return Err(bad(field, format!("must be at most {MOST}, is {asked}")));
    }
    Ok(asked as usize)
}

struct Watching {
    observer: Observer,
    fleet: bool,
    busiest: usize,
    slowest: usize,
    /// What each tenant's streams had received at the response before.
    delivered: HashMap<TenantId, u64>,
}

impl Watching {
    /// A response is made when there is room for it, so a slow reader costs nothing, and gets the newest.
    async fn send(
        mut self,
        period: Duration,
        responses: ResponseSender<v1::WatchStatusResponse>,
    ) -> Result<Status, Gone> {
        let mut ticks = interval(period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let room = responses.reserve().await.map_err(|_| Gone)?;
            room.send(Ok(self.response().await));
        }
    }

    async fn response(&mut self) -> v1::WatchStatusResponse {
        v1::WatchStatusResponse {
            status: Some(now(&self.observer).await),
            fleet: self.fleet.then(|| fleet::all(&self.observer)),
            busiest_tenants: self.busiest(),
            slowest_connections: connections::slowest(&self.observer, self.slowest).await,
        }
    }

    fn busiest(&mut self) -> Vec<v1::Tenant> {
        if self.busiest == 0 {
            return Vec::new();
        }
        let all = self.observer.index().tenants();
        let mut grown: Vec<(u64, &Arc<Tenant>)> = Vec::with_capacity(all.len());
        let mut delivered = HashMap::with_capacity(all.len());
        for tenant in &all {
            let now = tenant.counts().delivered;
            let before = self.delivered.get(tenant.id()).copied().unwrap_or_default();
            // A tenant that was forgotten meanwhile begins anew.
            grown.push((now.checked_sub(before).unwrap_or(now), tenant));
            delivered.insert(tenant.id().clone(), now);
        }
        self.delivered = delivered;
        grown.sort_by(|(one, a), (other, b)| other.cmp(one).then_with(|| a.id().cmp(b.id())));
        let busiest = grown.into_iter().take(self.busiest);
        busiest.map(|(_, tenant)| tenants::shown(&self.observer, tenant)).collect()
    }
}
