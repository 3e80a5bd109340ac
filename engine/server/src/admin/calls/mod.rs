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
pub(super) use streaming::stopped;

/// Answers the calls.
pub(super) struct Service {
    observer: Observer,
    health: Health,
    streaming: Streaming,
}

/// What a call is answered.
type Answer<T> = Result<T, Status>;

impl Service {
    /// Streams of answers end when `stop` turns true; drains go by `health`.
    pub(super) fn new(observer: Observer, health: Health, stop: watch::Receiver<bool>) -> Self {
        Self { observer, health, streaming: Streaming::new(stop) }
    }
}

/// Answers each call by a function of the module of its subject.
macro_rules! answers {
    ($($name:ident($request:ty) -> $response:ty = $answer:path;)+) => {
        #[tonic::async_trait]
        impl admin_server::Admin for Service {
            type WatchStatusStream = BoxStream<WatchStatusResponse>;
            type TailStream = BoxStream<TailResponse>;
            type WatchEventsStream = BoxStream<WatchEventsResponse>;

            $(async fn $name(&self, asked: Request<$request>) -> Answer<Response<$response>> {
                $answer(self, asked.into_inner()).await.map(Response::new)
            })+
        }
    };
}

answers! {
    get_status(GetStatusRequest) -> GetStatusResponse = status::get;
    watch_status(WatchStatusRequest) -> BoxStream<WatchStatusResponse> = status::watch;
    list_tenants(ListTenantsRequest) -> ListTenantsResponse = tenants::list;
    get_tenant(GetTenantRequest) -> GetTenantResponse = tenants::get;
    list_connections(ListConnectionsRequest) -> ListConnectionsResponse = connections::list;
    get_connection(GetConnectionRequest) -> GetConnectionResponse = connections::get;
    disconnect(DisconnectRequest) -> DisconnectResponse = connections::disconnect;
    get_limits(GetLimitsRequest) -> GetLimitsResponse = limits::get;
    set_limits(SetLimitsRequest) -> SetLimitsResponse = limits::set;
    clear_limits(ClearLimitsRequest) -> ClearLimitsResponse = limits::clear;
    list_groups(ListGroupsRequest) -> ListGroupsResponse = groups::list;
    get_group(GetGroupRequest) -> GetGroupResponse = groups::get;
    put_group(PutGroupRequest) -> PutGroupResponse = groups::put;
    delete_group(DeleteGroupRequest) -> DeleteGroupResponse = groups::delete;
    drain(DrainRequest) -> DrainResponse = drain::begin;
    cancel_drain(CancelDrainRequest) -> CancelDrainResponse = drain::cancel;
    tail(TailRequest) -> BoxStream<TailResponse> = tail::begin;
    explain(ExplainRequest) -> ExplainResponse = explain::explain;
    watch_events(WatchEventsRequest) -> BoxStream<WatchEventsResponse> = events::watch;
}
