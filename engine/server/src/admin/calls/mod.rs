//! The calls of `floodway.admin.v1.Admin`, each answered by the module of its subject.
//!
//! Invariant: a bad argument is refused by name before anything is done; whoever reads too slowly costs nobody anything.

mod args;
mod connections;
mod drain;
mod events;
mod explain;
mod fleet;
mod groups;
mod limits;
mod paging;
mod status;
mod streaming;
mod tail;
mod tenants;

use floodway_proto::admin::v1::*;
use tokio::sync::watch;
use tonic::codegen::BoxStream;
use tonic::{Request, Response, Status};

use super::health::Health;
use super::observer::Observer;
pub use limits::{overflow, policy};
use streaming::Streaming;

/// Answers the calls.
pub(super) struct Service {
    observer: Observer,
    health: Health,
    streaming: Streaming,
}

impl Service {
    /// Streams of answers end when `stopped` turns true; drains go by `health`.
    pub(super) fn new(observer: Observer, health: Health, stopped: watch::Receiver<bool>) -> Self {
        Self {
            observer,
            health,
            streaming: Streaming::new(stopped),
        }
    }
}

type Answer<T> = Result<Response<T>, Status>;

fn answer<T>(answer: Result<T, Status>) -> Answer<T> {
    answer.map(Response::new)
}

#[tonic::async_trait]
impl admin_server::Admin for Service {
    type WatchStatusStream = BoxStream<WatchStatusResponse>;
    type TailStream = BoxStream<TailResponse>;
    type WatchEventsStream = BoxStream<WatchEventsResponse>;

    async fn get_status(&self, asked: Request<GetStatusRequest>) -> Answer<GetStatusResponse> {
        answer(Ok(status::get(&self.observer, asked.get_ref()).await))
    }

    async fn watch_status(
        &self,
        asked: Request<WatchStatusRequest>,
    ) -> Answer<Self::WatchStatusStream> {
        answer(status::watch(
            &self.observer,
            &self.streaming,
            asked.into_inner(),
        ))
    }

    async fn list_tenants(
        &self,
        asked: Request<ListTenantsRequest>,
    ) -> Answer<ListTenantsResponse> {
        answer(tenants::list(&self.observer, asked.get_ref()))
    }

    async fn get_tenant(&self, asked: Request<GetTenantRequest>) -> Answer<GetTenantResponse> {
        answer(tenants::get(&self.observer, asked.get_ref()))
    }

    async fn list_connections(
        &self,
        asked: Request<ListConnectionsRequest>,
    ) -> Answer<ListConnectionsResponse> {
        answer(connections::list(&self.observer, asked.get_ref()).await)
    }

    async fn get_connection(
        &self,
        asked: Request<GetConnectionRequest>,
    ) -> Answer<GetConnectionResponse> {
        answer(connections::get(&self.observer, asked.get_ref()).await)
    }

    async fn disconnect(&self, asked: Request<DisconnectRequest>) -> Answer<DisconnectResponse> {
        answer(connections::disconnect(&self.observer, asked.into_inner()).await)
    }

    async fn get_limits(&self, asked: Request<GetLimitsRequest>) -> Answer<GetLimitsResponse> {
        answer(limits::get(&self.observer, asked.get_ref()))
    }

    async fn set_limits(&self, asked: Request<SetLimitsRequest>) -> Answer<SetLimitsResponse> {
        answer(limits::set(&self.observer, asked.get_ref()).await)
    }

    async fn clear_limits(
        &self,
        asked: Request<ClearLimitsRequest>,
    ) -> Answer<ClearLimitsResponse> {
        answer(limits::clear(&self.observer, asked.get_ref()).await)
    }

    async fn list_groups(&self, asked: Request<ListGroupsRequest>) -> Answer<ListGroupsResponse> {
        answer(groups::list(&self.observer, asked.get_ref()))
    }

    async fn get_group(&self, asked: Request<GetGroupRequest>) -> Answer<GetGroupResponse> {
        answer(groups::get(&self.observer, asked.get_ref()))
    }

    async fn put_group(&self, asked: Request<PutGroupRequest>) -> Answer<PutGroupResponse> {
        answer(groups::put(&self.observer, asked.into_inner()).await)
    }

    async fn delete_group(
        &self,
        asked: Request<DeleteGroupRequest>,
    ) -> Answer<DeleteGroupResponse> {
        answer(groups::delete(&self.observer, asked.get_ref()).await)
    }

    async fn drain(&self, asked: Request<DrainRequest>) -> Answer<DrainResponse> {
        answer(drain::begin(&self.observer, &self.health, asked.get_ref()).await)
    }

    async fn cancel_drain(&self, _: Request<CancelDrainRequest>) -> Answer<CancelDrainResponse> {
        answer(drain::cancel(&self.observer, &self.health).await)
    }

    async fn tail(&self, asked: Request<TailRequest>) -> Answer<Self::TailStream> {
        answer(tail::begin(&self.observer, &self.streaming, asked.into_inner()).await)
    }

    async fn explain(&self, asked: Request<ExplainRequest>) -> Answer<ExplainResponse> {
        answer(explain::explain(&self.observer, asked.into_inner()).await)
    }

    async fn watch_events(
        &self,
        asked: Request<WatchEventsRequest>,
    ) -> Answer<Self::WatchEventsStream> {
        answer(events::watch(
            &self.observer,
            &self.streaming,
            asked.get_ref(),
        ))
    }
}
