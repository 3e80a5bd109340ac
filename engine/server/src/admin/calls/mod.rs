//! The calls of `floodway.admin.v1.Admin`, each answered by the module of its subject.
//!
//! Invariant: a bad argument is refused by name before anything is done; a reader that is too slow delays nothing else.

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
    /// Streams of answers end when `stop` turns true; drains go by `health`.
    pub(super) fn new(observer: Observer, health: Health, stop: watch::Receiver<bool>) -> Self {
        Self { observer, health, streaming: Streaming::new(stop) }
    }
}

/// Answers each call by the expression beside it, in which `$asked` is the message that was sent.
macro_rules! answers {
    ($self:ident, $asked:ident: $($name:ident($request:ty) -> $response:ty = $answer:expr;)+) => {
        #[tonic::async_trait]
        impl admin_server::Admin for Service {
            type WatchStatusStream = BoxStream<WatchStatusResponse>;
            type TailStream = BoxStream<TailResponse>;
            type WatchEventsStream = BoxStream<WatchEventsResponse>;

            $(async fn $name(&$self, $asked: Request<$request>) -> Result<Response<$response>, Status> {
                let $asked = $asked.into_inner();
                let answer: Result<$response, Status> = $answer;
                answer.map(Response::new)
            })+
        }
    };
}

answers! { self, asked:
    get_status(GetStatusRequest) -> GetStatusResponse = Ok(status::get(&self.observer, &asked).await);
    watch_status(WatchStatusRequest) -> BoxStream<WatchStatusResponse> =
        status::watch(&self.observer, &self.streaming, asked);
    list_tenants(ListTenantsRequest) -> ListTenantsResponse = tenants::list(&self.observer, &asked);
    get_tenant(GetTenantRequest) -> GetTenantResponse = tenants::get(&self.observer, &asked);
    list_connections(ListConnectionsRequest) -> ListConnectionsResponse =
        connections::list(&self.observer, asked).await;
    get_connection(GetConnectionRequest) -> GetConnectionResponse =
        connections::get(&self.observer, &asked).await;
    disconnect(DisconnectRequest) -> DisconnectResponse =
        connections::disconnect(&self.observer, asked).await;
    get_limits(GetLimitsRequest) -> GetLimitsResponse = limits::get(&self.observer, &asked);
    set_limits(SetLimitsRequest) -> SetLimitsResponse = limits::set(&self.observer, &asked).await;
    clear_limits(ClearLimitsRequest) -> ClearLimitsResponse =
        limits::clear(&self.observer, &asked).await;
    list_groups(ListGroupsRequest) -> ListGroupsResponse = groups::list(&self.observer, &asked);
    get_group(GetGroupRequest) -> GetGroupResponse = groups::get(&self.observer, asked);
    put_group(PutGroupRequest) -> PutGroupResponse = groups::put(&self.observer, asked).await;
    delete_group(DeleteGroupRequest) -> DeleteGroupResponse =
        groups::delete(&self.observer, &asked).await;
    drain(DrainRequest) -> DrainResponse =
        drain::begin(&self.observer, &self.health, &asked).await;
    cancel_drain(CancelDrainRequest) -> CancelDrainResponse = {
        let CancelDrainRequest {} = asked;
        drain::cancel(&self.observer, &self.health).await
    };
    tail(TailRequest) -> BoxStream<TailResponse> =
        tail::begin(&self.observer, &self.streaming, asked).await;
    explain(ExplainRequest) -> ExplainResponse = explain::explain(&self.observer, asked).await;
    watch_events(WatchEventsRequest) -> BoxStream<WatchEventsResponse> =
        events::watch(&self.observer, &self.streaming, &asked);
}
