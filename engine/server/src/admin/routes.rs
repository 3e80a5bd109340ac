//! The paths of the private listener.
//!
//! Invariant: the token is checked before anything else is. gRPC is answered over HTTP/2 alone, as it demands; so no
//! web page can speak it through a browser of this machine, which uses HTTP/2 over TLS only, and asks there first (by
//! CORS, for gRPC's content type) and is not allowed to.
//! What is not gRPC is answered, where no token keeps pages out, for hosts only that no page can come from.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use floodway_proto::admin::v1::FILE_DESCRIPTOR_SET;
use floodway_proto::admin::v1::admin_server::AdminServer;
use http::header::{CONTENT_TYPE, HOST, WWW_AUTHENTICATE};
use http::uri::Authority;
use http::{HeaderMap, Method, Request, Response, StatusCode, Version};
use http_body_util::Full;
use hyper::body::Incoming;
use tonic::body::Body;
use tonic::server::NamedService;
use tonic::{Status, codegen};
use tonic_health::pb::health_server::{Health, HealthServer};

use super::calls::Service;
use super::metrics::{self, Snapshot, Tenants};
use super::observer::Observer;
use super::refused::{Peer, Reason, Refused};
use super::token::Tokens;
use crate::plain_http::{error, method_not_allowed, set, whole};

type Answering = Pin<Box<dyn Future<Output = Response<Body>> + Send>>;

/// A gRPC service.
type Grpc = Box<dyn Fn(Request<Incoming>) -> Answering + Send + Sync>;

/// All that the private listener answers.
pub(super) struct Routes {
    grpc: Vec<(&'static str, Grpc)>,
    observer: Observer,
    tokens: Tokens,
    refused: Refused,
    tenants: Mutex<Tenants>,
}

impl Routes {
    pub(super) fn new(
        service: Service,
        health: HealthServer<impl Health>,
        observer: Observer,
        tokens: Tokens,
        metrics_tenants: usize,
    ) -> Self {
        // Tools of some years' standing ask the older version.
        let reflection = described().build_v1().expect("our own descriptors");
        let older = described().build_v1alpha().expect("our own descriptors");
        Self {
            grpc: vec![grpc(AdminServer::new(service)), grpc(health), grpc(reflection), grpc(older)],
            observer,
            tokens,
            refused: Refused::default(),
            tenants: Mutex::new(Tenants::new(metrics_tenants)),
        }
    }

    /// Whether one with these headers may ask anything at all.
    pub(super) fn may_ask(&self, headers: &HeaderMap) -> bool {
        self.tokens.access(headers).is_some()
    }

    pub(super) async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        let is_grpc = is_grpc(&request);
        let refused = |reason| {
            let peer = request.extensions().get::<Peer>().and_then(|peer| peer.0);
            self.refused.note(reason, request.uri().path(), peer);
        };
        let Some(access) = self.tokens.access(request.headers()) else {
            refused(Reason::Unauthenticated);
            if is_grpc {
                return Status::unauthenticated("needs the metadata \"authorization: Bearer TOKEN\"").into_http();
            }
            let mut response = error(StatusCode::UNAUTHORIZED, "Missing or wrong token");
            set(&mut response, WWW_AUTHENTICATE, "Bearer");
            return sent(response);
        };
        if is_grpc && access < self.tokens.needed(request.uri().path()) {
            refused(Reason::ReadOnly);
            return Status::permission_denied("this token is for reading; the call needs admin.token").into_http();
        }
        if is_grpc {
            return self.call(request).await;
        }
        if self.tokens.may_be_a_page(host(&request).as_deref()) {
            refused(Reason::Host);
            let detail = "Host must be an address or localhost, unless admin.token is set";
            return sent(error(StatusCode::FORBIDDEN, detail));
        }
        sent(match request.uri().path() {
            path @ ("/metrics" | "/metrics/tenants") if request.method() == Method::GET => {
                whole(StatusCode::OK, metrics::CONTENT_TYPE, self.metrics(path))
            }
            "/metrics" | "/metrics/tenants" => method_not_allowed("GET"),
            _ => error(StatusCode::NOT_FOUND, "Not found"),
        })
    }

    async fn call(&self, request: Request<Incoming>) -> Response<Body> {
        let name = request.uri().path().split('/').nth(1).unwrap_or_default();
        match self.grpc.iter().find(|(known, _)| *known == name) {
            Some((_, service)) => service(request).await,
            None => Status::unimplemented("unknown service").into_http(),
        }
    }

    fn metrics(&self, path: &str) -> String {
        if path == "/metrics" {
            return metrics::gateway(&Snapshot::at(&self.observer, self.refused.counts()));
        }
        // Only this thread locks it, so nothing ever waits. A panic has left nothing half done that matters.
        let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        tenants.text(&self.observer)
    }
}

/// `service`, with the differences between services hidden.
fn grpc<S>(service: S) -> (&'static str, Grpc)
where
    S: codegen::Service<Request<Incoming>, Response = Response<Body>, Error = Infallible>
        + NamedService
        + Clone
        + Send
        + Sync
        + 'static,
    S::Future: Send + 'static,
{
    let call = move |request| -> Answering {
        let answering = service.clone().call(request);
        Box::pin(async { answering.await.unwrap_or_else(|never| match never {}) })
    };
    (S::NAME, Box::new(call))
}

fn described() -> tonic_reflection::server::Builder<'static> {
    tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
}

/// `application/grpc`, or with its encoding behind it, such as `application/grpc+proto`; not `application/grpc-web`.
pub(super) fn is_grpc(request: &Request<Incoming>) -> bool {
    let rest = request
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.as_bytes().strip_prefix(b"application/grpc"));
    request.version() == Version::HTTP_2 && matches!(rest, Some([] | [b'+' | b';', ..]))
}

/// The host that the request is for, without the port (RFC 9112, 3.2; RFC 9113, 8.3.1).
fn host(request: &Request<Incoming>) -> Option<String> {
    let header = || request.headers().get(HOST)?.to_str().ok()?.parse().ok();
    let authority: Option<Authority> = request.uri().authority().cloned().or_else(header);
    authority.map(|authority| authority.host().to_ascii_lowercase())
}

/// The answer in place of one that panicked.
pub(super) fn failed(is_grpc: bool) -> Response<Body> {
    let why = "the gateway failed; its log tells where";
    if is_grpc {
        Status::internal(why).into_http()
    } else {
        sent(error(StatusCode::INTERNAL_SERVER_ERROR, why))
    }
}

fn sent(response: Response<String>) -> Response<Body> {
    response.map(|text| Body::new(Full::new(Bytes::from(text))))
}
