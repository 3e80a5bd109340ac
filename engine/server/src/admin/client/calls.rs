//! The calls, one by one.

use super::api::*;
use super::{Answers, Client, ClientError, Named};

/// Calls with one answer, each named as in the service.
macro_rules! calls {
    ($($(#[$doc:meta])* $name:ident($request:ty) -> $answer:ident;)+) => {$(
        impl Client {
            $(#[$doc])*
            ///
            /// # Errors
            /// If there is no answer, or it is a refusal.
            pub async fn $name(&mut self, request: $request) -> Result<$answer, ClientError> {
                let request = self.request(request);
                let answer = self.calls.$name(request).await;
                Ok(answer
                    .map_err(|status| self.peer.refused(&status))?
                    .into_inner())
            }
        }

        impl Named for $answer {
            const NAME: &'static str = stringify!($answer);
        }
    )+};
}

/// Calls whose answer streams.
macro_rules! streams {
    ($($(#[$doc:meta])* $name:ident($request:ty) -> $answer:ident;)+) => {$(
        impl Client {
            $(#[$doc])*
            ///
            /// # Errors
            /// If there is no answer, or it is a refusal.
            pub async fn $name(
                &mut self,
                request: $request,
            ) -> Result<Answers<$answer>, ClientError> {
                let request = self.request(request);
                let answer = self.calls.$name(request).await;
                let stream = answer.map_err(|status| self.peer.refused(&status))?;
                Ok(Answers {
                    stream: stream.into_inner(),
                    peer: self.peer.clone(),
                })
            }
        }

        impl Named for $answer {
            const NAME: &'static str = stringify!($answer);
        }
    )+};
}

calls! {
    /// How the gateway does now.
    get_status(GetStatusRequest) -> GetStatusResponse;
    /// A page of the tenants.
    list_tenants(ListTenantsRequest) -> ListTenantsResponse;
    /// One tenant.
    get_tenant(GetTenantRequest) -> GetTenantResponse;
    /// A page of the live streams.
    list_connections(ListConnectionsRequest) -> ListConnectionsResponse;
    /// One live stream.
    get_connection(GetConnectionRequest) -> GetConnectionResponse;
    /// Ends live streams.
    disconnect(DisconnectRequest) -> DisconnectResponse;
    /// Limits that hold.
    get_limits(GetLimitsRequest) -> GetLimitsResponse;
    /// Sets limits.
    set_limits(SetLimitsRequest) -> SetLimitsResponse;
    /// Forgets limits.
    clear_limits(ClearLimitsRequest) -> ClearLimitsResponse;
    /// A page of a tenant's groups.
    list_groups(ListGroupsRequest) -> ListGroupsResponse;
    /// One group.
    get_group(GetGroupRequest) -> GetGroupResponse;
    /// Puts a group.
    put_group(PutGroupRequest) -> PutGroupResponse;
    /// Deletes a group.
    delete_group(DeleteGroupRequest) -> DeleteGroupResponse;
    /// Begins a drain.
    drain(DrainRequest) -> DrainResponse;
    /// Ends a drain.
    cancel_drain(CancelDrainRequest) -> CancelDrainResponse;
    /// Whether an event would reach a stream.
    explain(ExplainRequest) -> ExplainResponse;
}

streams! {
    /// How the gateway does, again and again.
    watch_status(WatchStatusRequest) -> WatchStatusResponse;
    /// A tenant's events.
    tail(TailRequest) -> TailResponse;
    /// What happens at the gateway.
    watch_events(WatchEventsRequest) -> WatchEventsResponse;
}

/// Parts of answers that are shown by themselves.
impl Named for Status {
    const NAME: &'static str = "Status";
}

impl Named for Fleet {
    const NAME: &'static str = "Fleet";
}

impl Named for Filters {
    const NAME: &'static str = "Filters";
}

impl Named for Gap {
    const NAME: &'static str = "Gap";
}
