//! What the calls refuse, and how they say so.

use floodway_proto::admin::v1::admin_client::AdminClient;
use floodway_proto::admin::v1::disconnect_request::Target;
use floodway_proto::admin::v1::explain_request::Event as Explained;
use floodway_proto::admin::v1::*;
use tonic::{Code, Request, Status};

use super::*;

/// The call is refused for this field.
fn names<T: std::fmt::Debug>(field: &str, answer: Result<T, Status>) {
    let refused = answer.expect_err(field);
    assert_eq!(refused.code(), Code::InvalidArgument, "{field}: {refused}");
    assert!(refused.message().starts_with(&format!("{field}: ")), "{field}: {refused}");
}

#[tokio::test]
async fn a_bad_argument_is_named_by_its_field() {
    let private = Private::start(None).await;
    let mut admin = AdminClient::new(private.channel().await);
    let bad = || "a/b".to_owned();
    let asked = ListTenantsRequest { page_size: -1, ..Default::default() };
    names("page_size", admin.list_tenants(asked).await);
    let asked = ListTenantsRequest { page_token: "mine".to_owned(), ..Default::default() };
    names("page_token", admin.list_tenants(asked).await);
    names("tenant_id", admin.get_tenant(GetTenantRequest::default()).await);
    let asked = ListConnectionsRequest { tenant_id: bad(), ..Default::default() };
    names("tenant_id", admin.list_connections(asked).await);
    let asked = ListConnectionsRequest { transport: 9, ..Default::default() };
    names("transport", admin.list_connections(asked).await);
    names("connection_id", admin.get_connection(GetConnectionRequest::default()).await);
    names("tenant_id", admin.list_groups(ListGroupsRequest::default()).await);
    let asked = GetGroupRequest { tenant_id: "T".to_owned(), group_id: bad() };
    names("group_id", admin.get_group(asked).await);
    let spread = Some(prost_types::Duration { seconds: 86_400, nanos: 1 });
    names("spread", admin.drain(DrainRequest { spread }).await);
    let asked = WatchEventsRequest { kinds: vec![1, 0], ..Default::default() };
    names("kinds[1]", admin.watch_events(asked).await);
    let asked = WatchStatusRequest { busiest_tenants: 101, ..Default::default() };
    names("busiest_tenants", admin.watch_status(asked).await);
    let asked = TailRequest {
        tenant_id: "T".to_owned(),
        device_ids: vec!["D".to_owned(), bad()],
        ..Default::default()
    };
    names("device_ids[1]", admin.tail(asked).await);
    names("event", admin.explain(ExplainRequest::default()).await);
    let event = Some(Explained::Sample(SampleEvent { tenant_id: bad(), ..Default::default() }));
    let connection_id = "0-1".to_owned();
    names("sample.tenant_id", admin.explain(ExplainRequest { connection_id, event }).await);
    private.stop().await;
}

#[tokio::test]
async fn who_shall_be_disconnected_must_be_said() {
    let private = Private::start(None).await;
    let mut admin = AdminClient::new(private.channel().await);
    let target = |target| DisconnectRequest { target, reason: String::new() };
    names("target", admin.disconnect(target(None)).await);
    let empty = Some(Target::ConnectionId(String::new()));
    names("connection_id", admin.disconnect(target(empty)).await);
    let tenant_id = "T".to_owned();
    let subject = Some(Target::Subject(TenantSubject { tenant_id, subject: String::new() }));
    names("subject.subject", admin.disconnect(target(subject)).await);
    let everybody = || Some(Target::TenantId("T".to_owned()));
    let long = DisconnectRequest { target: everybody(), reason: "x".repeat(124) };
    names("reason", admin.disconnect(long).await);
    let nobody = admin.disconnect(target(everybody())).await.unwrap();
    assert_eq!(nobody.into_inner().ended, 0);
    for id in ["0-1", "7-1", "not-an-id"] {
        let refused = admin.disconnect(target(Some(Target::ConnectionId(id.to_owned())))).await;
        assert_eq!(refused.unwrap_err().code(), Code::NotFound, "{id}");
    }
    private.stop().await;
}

#[tokio::test]
async fn limits_out_of_bounds_are_named_and_none_at_all_are_refused() {
    let private = Private::start(None).await;
    let mut admin = AdminClient::new(private.channel().await);
    let set = |limits| SetLimitsRequest { tenant_id: "T".to_owned(), limits };
    names("limits", admin.set_limits(set(None)).await);
    names("limits", admin.set_limits(set(Some(TenantLimits::default()))).await);
    for (field, limits) in [
        ("queue_size", TenantLimits { queue_size: Some(0), ..Default::default() }),
        ("overflow", TenantLimits { overflow: 6, ..Default::default() }),
        ("overflow_allowed[1]", TenantLimits { overflow_allowed: vec![5, 6], ..Default::default() }),
        ("overflow_allowed[0]", TenantLimits { overflow_allowed: vec![0], ..Default::default() }),
        ("filter_ids", TenantLimits { filter_ids: Some(1_000_001), ..Default::default() }),
        (
            "client_messages_per_second",
            TenantLimits { client_messages_per_second: Some(0), ..Default::default() },
        ),
    ] {
        names(&format!("limits.{field}"), admin.set_limits(set(Some(limits))).await);
    }
    private.stop().await;
}

#[tokio::test]
async fn without_a_broker_nothing_that_it_keeps_is_set_or_shown() {
    let private = Private::start(None).await;
    let mut admin = AdminClient::new(private.channel().await);
    let limits = TenantLimits { connections_per_tenant: Some(1), ..Default::default() };
    let tenant_id = || "T".to_owned();
    let set = SetLimitsRequest { tenant_id: tenant_id(), limits: Some(limits) };
    let group = Group { tenant_id: tenant_id(), group_id: "G".to_owned(), device_ids: vec![] };
    let refusals = [
        admin.set_limits(set).await.unwrap_err(),
        admin.clear_limits(ClearLimitsRequest { tenant_id: tenant_id() }).await.unwrap_err(),
        admin.put_group(PutGroupRequest { group: Some(group) }).await.unwrap_err(),
        admin.get_limits(GetLimitsRequest { tenant_id: tenant_id() }).await.unwrap_err(),
        admin
            .tail(TailRequest { tenant_id: tenant_id(), ..Default::default() })
            .await
            .unwrap_err(),
    ];
    for refused in refusals {
        assert_eq!(refused.code(), Code::Unavailable, "{refused}");
    }
    private.stop().await;
}

fn with<T>(message: T, token: &str) -> Request<T> {
    let mut request = Request::new(message);
    let value = format!("Bearer {token}").parse().expect("a value");
    request.metadata_mut().insert("authorization", value);
    request
}

#[tokio::test]
async fn the_token_for_reading_changes_nothing() {
    let private = Private::start(Some("s3cret")).await;
    let mut admin = AdminClient::new(private.channel().await);
    let looked = admin.get_status(with(GetStatusRequest::default(), "s3cret-read")).await;
    assert!(!looked.unwrap().into_inner().status.unwrap().draining);
    let refused = admin.drain(with(DrainRequest::default(), "s3cret-read")).await;
    assert_eq!(refused.unwrap_err().code(), Code::PermissionDenied);
    assert!(!private.index.is_draining());
    let nobody = admin.drain(with(DrainRequest::default(), "neither")).await;
    assert_eq!(nobody.unwrap_err().code(), Code::Unauthenticated);
    admin.drain(with(DrainRequest::default(), "s3cret")).await.unwrap();
    assert!(private.index.is_draining());
    private.stop().await;
}

#[tokio::test]
async fn a_drain_shows_in_status_and_health_until_it_is_called_off() {
    let private = Private::start(None).await;
    let mut admin = AdminClient::new(private.channel().await);
    let mut health = tonic_health::pb::health_client::HealthClient::new(private.channel().await);
    let spread = Some(prost_types::Duration { seconds: 90, nanos: 0 });
    let begun = admin.drain(DrainRequest { spread }).await.unwrap().into_inner();
    assert_eq!(begun.drain.unwrap().spread, spread);
    for (is_draining, healthy) in [(true, 2), (false, 1)] {
        let status = admin.get_status(GetStatusRequest::default()).await.unwrap();
        let status = status.into_inner().status.unwrap();
        assert_eq!((status.draining, status.drain.is_some()), (is_draining, is_draining));
        let asked = tonic_health::pb::HealthCheckRequest::default();
        let answer = health.check(asked).await.unwrap().into_inner();
        assert_eq!(answer.status, healthy);
        let cancelled = admin.cancel_drain(CancelDrainRequest {}).await.unwrap();
        assert_eq!(cancelled.into_inner().drain.is_some(), is_draining);
    }
    private.stop().await;
}
