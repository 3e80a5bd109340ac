//! The paths of the private listener.
//!
//! Invariant: a page of another host is refused before anything else, and the token is checked before anything is answered
//! but the page's files. gRPC is answered over HTTP/2 alone, as it demands. A call in JSON has a content type that a
//! browser sends for a page of another host only after it has asked (CORS), and it is not allowed to. What is not gRPC is
//! answered, where no token keeps pages out, for hosts only that no page can come from.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};

use floodway_proto::admin::v1::FILE_DESCRIPTOR_SET;
use floodway_proto::admin::v1::admin_server::AdminServer;
use http::header::{CONTENT_TYPE, HOST};
use http::uri::Authority;
use http::{HeaderMap, Method, Request, Response, StatusCode, Version};
use tonic::body::Body;
use tonic::server::NamedService;
use tonic::{Status, codegen};
use tonic_health::pb::health_server::{Health, HealthServer};

use super::bodies::{sent, whole as whole_body};
use super::calls::Service;
use super::json::{Calls, Form};
use super::metrics::{self, Snapshot, Tenants};
use super::observer::Observer;
use super::page;
use super::refused::{Peer, Reason, Refused};
use super::token::Tokens;
use crate::files::Files;
use crate::origin::{self, Origin};
use crate::plain_http::{error, method_not_allowed, whole};

type Answering = Pin<Box<dyn Future<Output = Response<Body>> + Send>>;

/// A gRPC service.
type Grpc = Box<dyn Fn(Request<Body>) -> Answering + Send + Sync>;

/// All that the private listener answers.
pub(super) struct Routes {
    grpc: Vec<(&'static str, Grpc)>,
    json: Calls,
    page: Files,
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
            json: Calls::new(&[FILE_DESCRIPTOR_SET, tonic_health::pb::FILE_DESCRIPTOR_SET]),
            page: Files::new(page::FILES),
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

    /// How a request is spoken.
    pub(super) fn form<B>(&self, request: &Request<B>) -> Form {
        if is_grpc(request) { Form::Grpc } else { self.json.form(request) }
    }

    pub(super) async fn answer(&self, request: Request<Body>) -> Response<Body> {
        let form = self.form(&request);
        if let Err(reason) = self.admit(form, &request) {
            let peer = request.extensions().get::<Peer>().and_then(|peer| peer.0);
            self.refused.note(reason, request.uri().path(), peer);
            return refused(form, reason);
        }
        match form {
            Form::Grpc => self.call(request).await,
            Form::Unary | Form::Stream => self.json.answer(form, request, |request| self.call(request)).await,
            Form::Plain => self.plain(&request),
        }
    }

    fn admit(&self, form: Form, request: &Request<Body>) -> Result<(), Reason> {
        if origin::judge(request.headers(), request.uri(), &[]) == Origin::Foreign {
            return Err(Reason::Origin);
        }
        if form != Form::Grpc && self.tokens.may_be_a_page(host(request).as_deref()) {
            return Err(Reason::Host);
        }
        let path = request.uri().path();
        if form == Form::Plain && self.page.has(path) {
            return Ok(());
        }
        let access = self.tokens.access(request.headers()).ok_or(Reason::Unauthenticated)?;
        if form != Form::Plain && access < self.tokens.needed(path) {
            return Err(Reason::ReadOnly);
        }
        Ok(())
    }

    fn plain(&self, request: &Request<Body>) -> Response<Body> {
        if let Some(file) = self.page.answer(request) {
            return file.map(|bytes| bytes.map_or_else(Body::empty, whole_body));
        }
        sent(match request.uri().path() {
            path @ ("/metrics" | "/metrics/tenants") if request.method() == Method::GET => {
                whole(StatusCode::OK, metrics::CONTENT_TYPE, self.metrics(path))
            }
            "/metrics" | "/metrics/tenants" => method_not_allowed("GET"),
            _ => error(StatusCode::NOT_FOUND, "Not found"),
        })
    }

    async fn call(&self, request: Request<Body>) -> Response<Body> {
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
    S: codegen::Service<Request<Body>, Response = Response<Body>, Error = Infallible>
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
fn is_grpc<B>(request: &Request<B>) -> bool {
    let rest = request
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.as_bytes().strip_prefix(b"application/grpc"));
    request.version() == Version::HTTP_2 && matches!(rest, Some([] | [b'+' | b';', ..]))
}

/// The host that the request is for, without the port (RFC 9112, 3.2; RFC 9113, 8.3.1).
fn host(request: &Request<Body>) -> Option<String> {
    let header = || request.headers().get(HOST)?.to_str().ok()?.parse().ok();
    let authority: Option<Authority> = request.uri().authority().cloned().or_else(header);
    authority.map(|authority| authority.host().to_ascii_lowercase())
}

/// Tells why a request is refused. A page of another host is told by HTTP, whatever it speaks.
fn refused(form: Form, reason: Reason) -> Response<Body> {
    let foreign = |why: &str| form.http_error(StatusCode::FORBIDDEN, &Status::permission_denied(why));
    match reason {
        Reason::Origin => foreign("Origin is not this Host"),
        Reason::Host => foreign("Host must be an address or localhost, unless admin.token is set"),
        Reason::Unauthenticated => {
            form.error(Status::unauthenticated("Missing or wrong token: needs \"authorization: Bearer TOKEN\""))
        }
        Reason::ReadOnly => {
            form.error(Status::permission_denied("this token is for reading; the call needs admin.token"))
        }
    }
}

/// The answer in place of one that panicked.
pub(super) fn failed(form: Form) -> Response<Body> {
    form.error(Status::internal("the gateway failed; its log tells where"))
}
