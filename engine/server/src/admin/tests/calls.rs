//! The gRPC half of the private listener.

use floodway_proto::admin::v1::admin_client::AdminClient;
use floodway_proto::admin::v1::{GetStatusRequest, WatchStatusRequest};
use tonic::codegen::tokio_stream;
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Error;
use tonic::{Code, Request};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus as Health;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tonic_reflection::pb::v1::{ServerReflectionRequest, ServerReflectionResponse};

use super::*;
use floodway_protocol::ends::EndReason;
use floodway_protocol::names::TenantId;
use floodway_sources::router::Reason;

type Client<Token> = AdminClient<InterceptedService<Channel, Token>>;

async fn connect(url: String, token: Option<&'static str>) -> Result<Client<impl Interceptor>, Error> {
    let header = token.map(|token| format!("Bearer {token}").parse().expect("a value"));
    let with_token = move |mut request: Request<()>| {
        if let Some(header) = header.clone() {
            request.metadata_mut().insert("authorization", header);
        }
        Ok(request)
    };
    let channel = Endpoint::from_shared(url)?.connect().await?;
    Ok(AdminClient::with_interceptor(channel, with_token))
}

async fn status(client: &mut Client<impl Interceptor>) -> Result<v1::Status, tonic::Status> {
    let answer = client.get_status(GetStatusRequest::default()).await?;
    Ok(answer.into_inner().status.expect("a status"))
}

#[tokio::test]
async fn the_status_shows_what_is_there_now() {
    let private = Private::start(None).await;
    let mut client = connect(private.url(), None).await.unwrap();
    let before = status(&mut client).await.unwrap();
    let (node, broker) = (before.node.unwrap(), before.broker.unwrap());
    assert_eq!(node.version, env!("CARGO_PKG_VERSION"));
    assert_eq!(node.id.len(), 16);
    assert_eq!(broker.urls, ["mqtt://127.0.0.1:1"]);
    assert!(!broker.connected && !before.draining);
    assert_eq!(before.limits.unwrap().connections_per_tenant, 10);
    let connections = before.connections.unwrap();
    assert_eq!(connections.closed_by_reason.len(), EndReason::ENDED.len());
    let rejected = before.ingest.unwrap().rejected_by_reason;
    assert_eq!(rejected.len(), Reason::COUNT);
    assert_eq!(connections.total, 0);

    let permit = private.index.enter(&TenantId::parse("T").unwrap()).unwrap();
    private.index.set_draining(true);
    let after = status(&mut client).await.unwrap();
    assert_eq!(after.connections.unwrap().total, 1);
    assert!(after.draining);
    let later = after.node.unwrap();
    assert_eq!(later.id, node.id);
    assert!(uptime(&later) > uptime(&node));
    drop(permit);
    private.stop().await;
}

#[tokio::test]
async fn a_watch_repeats_the_status_until_the_gateway_stops() {
    let private = Private::start(None).await;
    let mut client = AdminClient::new(private.channel().await);
    let interval = prost_types::Duration { seconds: 0, nanos: 100_000_000 };
    let request = WatchStatusRequest { interval: Some(interval), ..WatchStatusRequest::default() };
    let mut watch = client.watch_status(request).await.unwrap().into_inner();
    let mut last = Duration::ZERO;
    for _ in 0..3 {
        let status = watch.message().await.unwrap().unwrap().status.unwrap();
        let now = uptime(&status.node.unwrap());
        assert!(now > last);
        last = now;
    }
    private.stop().await;
    loop {
        match watch.message().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("the end has a reason"),
            Err(end) => break assert_eq!(end.code(), Code::Unavailable, "{end}"),
        }
    }
}

fn uptime(node: &v1::Node) -> Duration {
    node.uptime.unwrap().try_into().expect("it has begun")
}

fn every(interval: Option<prost_types::Duration>) -> WatchStatusRequest {
    WatchStatusRequest { interval, ..WatchStatusRequest::default() }
}

#[tokio::test]
async fn an_interval_out_of_bounds_is_refused_by_name() {
    let private = Private::start(None).await;
    let mut client = AdminClient::new(private.channel().await);
    for (seconds, nanos) in [(0, 0), (0, 99_999_999), (3600, 1), (-1, 0), (i64::MAX, 0)] {
        let interval = Some(prost_types::Duration { seconds, nanos });
        let refused = client.watch_status(every(interval)).await;
        let refused = refused.expect_err("out of bounds");
        assert_eq!(refused.code(), Code::InvalidArgument);
        assert!(refused.message().starts_with("interval: "), "{refused}");
    }
    let absent = client.watch_status(every(None)).await;
    assert!(absent.unwrap().into_inner().message().await.unwrap().is_some());
    private.stop().await;
}

#[tokio::test]
async fn health_says_so_before_a_drain() {
    let private = Private::start(None).await;
    let mut client = HealthClient::new(private.channel().await);
    for expected in [Health::Serving, Health::NotServing] {
        for service in ["", "floodway.admin.v1.Admin"] {
            let service = service.to_owned();
            let answer = client.check(HealthCheckRequest { service }).await.unwrap();
            assert_eq!(answer.into_inner().status(), expected);
        }
        private.admin.begin_last_drain().await;
    }
    let service = "unknown".to_owned();
    let unknown = client.check(HealthCheckRequest { service }).await;
    assert_eq!(unknown.unwrap_err().code(), Code::NotFound);
    private.stop().await;
}

#[tokio::test]
async fn reflection_lists_the_services_and_gives_their_files() {
    let private = Private::start(None).await;
    let channel = private.channel().await;
    let listed = reflect(&channel, MessageRequest::ListServices(String::new())).await;
    let MessageResponse::ListServicesResponse(listed) = listed else {
        panic!("{listed:?}");
    };
    let mut names: Vec<_> = listed.service.into_iter().map(|one| one.name).collect();
    names.sort();
    assert_eq!(names, ["floodway.admin.v1.Admin", "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection"]);
    let symbol = MessageRequest::FileContainingSymbol("floodway.admin.v1.Admin".to_owned());
    let found = reflect(&channel, symbol).await;
    assert!(matches!(found, MessageResponse::FileDescriptorResponse(_)), "{found:?}");
    private.stop().await;
}

async fn reflect(channel: &Channel, question: MessageRequest) -> MessageResponse {
    let request = ServerReflectionRequest { host: String::new(), message_request: Some(question) };
    let mut client = ServerReflectionClient::new(channel.clone());
    let answers = client.server_reflection_info(tokio_stream::once(request)).await;
    let answer: Option<ServerReflectionResponse> = answers.unwrap().into_inner().message().await.unwrap();
    answer.unwrap().message_response.unwrap()
}

#[tokio::test]
async fn with_a_token_no_service_answers_without_it() {
    let private = Private::start(Some("s3cret")).await;
    for token in [None, Some("wrong")] {
        let mut client = connect(private.url(), token).await.unwrap();
        let refused = status(&mut client).await.unwrap_err();
        assert_eq!(refused.code(), Code::Unauthenticated, "{refused}");
    }
    let mut health = HealthClient::new(private.channel().await);
    let service = String::new();
    let refused = health.check(HealthCheckRequest { service }).await;
    assert_eq!(refused.unwrap_err().code(), Code::Unauthenticated);

    let mut client = connect(private.url(), Some("s3cret")).await.unwrap();
    status(&mut client).await.unwrap();
    private.stop().await;
}

#[tokio::test]
async fn an_unknown_service_is_unimplemented() {
    let private = Private::start(None).await;
    let mut client = tonic_reflection::pb::v1alpha::server_reflection_client::ServerReflectionClient::with_origin(
        private.channel().await,
        format!("{}/elsewhere", private.url()).parse().unwrap(),
    );
    let nothing = tokio_stream::empty();
    let refused = client.server_reflection_info(nothing).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unimplemented);
    private.stop().await;
}

#[tokio::test]
async fn a_gateway_that_has_stopped_is_not_reached() {
    let private = Private::start(None).await;
    let url = private.url();
    let mut client = AdminClient::new(private.channel().await);
    client.get_status(GetStatusRequest::default()).await.unwrap();
    private.stop().await;
    assert!(connect(url, None).await.is_err());
}
