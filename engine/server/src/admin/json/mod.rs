//! The calls of gRPC as JSON over HTTP, for the operator's page, curl and scripts: the Connect protocol with its JSON encoding,
//! <https://connectrpc.com/docs/protocol>.
//!
//! Invariant: there is no second model. What a call takes and gives is in the descriptors; a request becomes the same call
//! by gRPC, made to the same service in this process, so that both give the same answer and know the same errors.

mod form;
mod frame;
mod reply;
mod request;
mod text;

use std::collections::BTreeMap;

use http::{Request, Response, StatusCode};
use prost_reflect::{DescriptorPool, MethodDescriptor};
use tokio::time::Instant;
use tonic::Status;
use tonic::body::Body;

pub(super) use form::Form;
use request::Refusal;

/// The calls that can be made in JSON, by the path of their service and by their own.
pub(super) struct Calls(BTreeMap<String, BTreeMap<String, MethodDescriptor>>);

impl Calls {
    /// Those of the services in these encoded descriptor sets.
    pub(super) fn new(files: &[&[u8]]) -> Self {
        let mut pool = DescriptorPool::new();
        for files in files {
            pool.decode_file_descriptor_set(*files).expect("our own descriptors");
        }
        let services = pool.services().map(|service| {
            let methods = service.methods().filter(|method| !method.is_client_streaming());
            let methods = methods.map(|method| (method.name().to_owned(), method)).collect();
            (service.full_name().to_owned(), methods)
        });
        Self(services.collect())
    }

    /// How a request that is not gRPC is spoken.
    pub(super) fn form<B>(&self, request: &Request<B>) -> Form {
        let service = named(request.uri().path()).map(|(service, _)| service);
        if service.is_some_and(|service| self.0.contains_key(service)) {
            Form::of_call(request.headers())
        } else {
            Form::Plain
        }
    }

    /// Answers a request of this form by what `grpc` answers to the same call.
    pub(super) async fn answer<F>(
        &self,
        form: Form,
        request: Request<Body>,
        grpc: impl FnOnce(Request<Body>) -> F,
    ) -> Response<Body>
    where
        F: Future<Output = Response<Body>>,
    {
        let answered = self.answered(form, request, grpc).await;
        answered.unwrap_or_else(|refusal| match refusal.http {
            Some(http) => form.http_error(http, &refusal.status),
            None => form.error(refusal.status),
        })
    }

    async fn answered<F>(
        &self,
        form: Form,
        request: Request<Body>,
        grpc: impl FnOnce(Request<Body>) -> F,
    ) -> Result<Response<Body>, Refusal>
    where
        F: Future<Output = Response<Body>>,
    {
        let (head, body) = request.into_parts();
        let call = named(head.uri.path()).and_then(|(service, name)| self.0.get(service)?.get(name));
        let unknown = || Refusal::not_a_call(StatusCode::NOT_FOUND, Status::unimplemented("unknown call"));
        let call = call.ok_or_else(unknown)?;
        let within = request::check(&head, form, call)?;
        let deadline = within.map(|within| Instant::now() + within);
        let message = request::message(body, form, call).await?;
        let asking = async {
            let answer = grpc(request::grpc(head, &message)).await;
            if call.is_server_streaming() {
                reply::many(answer, call.output(), deadline)
            } else {
                reply::one(answer, call.output()).await
            }
        };
        Ok(reply::before(deadline, asking).await?)
    }
}

/// Service and call in a path.
fn named(path: &str) -> Option<(&str, &str)> {
    path.strip_prefix('/')?.split_once('/')
}
