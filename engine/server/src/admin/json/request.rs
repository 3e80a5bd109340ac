//! What a call in JSON must be to be heard.

use std::time::Duration;

use bytes::BytesMut;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, TE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Version};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use prost_reflect::MethodDescriptor;
use tokio::time::timeout;
use tonic::Status;
use tonic::body::Body;

use super::form::{Form, STREAM_TYPE, content_type};
use super::{frame, text};
use crate::admin::bodies::whole;

/// Bytes of a request: as many as a message of gRPC may have.
const BYTES: usize = 4 * 1024 * 1024;

/// How long a request's body may take to come.
const PATIENCE: Duration = Duration::from_secs(10);

/// The content type of a call with one answer.
const UNARY_TYPE: &str = "application/json";

/// Why a request is not answered.
pub(super) struct Refusal {
    /// Told by this status of HTTP, since it is no call as Connect has it.
    pub(super) http: Option<StatusCode>,
    pub(super) status: Status,
}

impl Refusal {
    pub(super) fn not_a_call(http: StatusCode, status: Status) -> Self {
        Self { http: Some(http), status }
    }
}

impl From<Status> for Refusal {
    fn from(status: Status) -> Self {
        Self { http: None, status }
    }
}

/// Checks a request's head. Returns how long the answer may take, if the client says so.
pub(super) fn check(head: &Parts, form: Form, call: &MethodDescriptor) -> Result<Option<Duration>, Refusal> {
    if head.method != Method::POST {
        let status = Status::unimplemented("a call is a POST");
        return Err(Refusal::not_a_call(StatusCode::METHOD_NOT_ALLOWED, status));
    }
    let wanted = if call.is_server_streaming() { STREAM_TYPE } else { UNARY_TYPE };
    if !content_type(&head.headers).eq_ignore_ascii_case(wanted) {
        let status = Status::invalid_argument(format!("content-type must be {wanted}; gRPC needs HTTP/2"));
        return Err(Refusal::not_a_call(StatusCode::UNSUPPORTED_MEDIA_TYPE, status));
    }
    let encoding = match form {
        Form::Stream => header(&head.headers, "connect-content-encoding"),
        _ => header(&head.headers, CONTENT_ENCODING.as_str()),
    };
    if encoding.is_some_and(|encoding| encoding != "identity") {
        return Err(Status::unimplemented("requests must not be compressed").into());
    }
    if header(&head.headers, "connect-protocol-version").is_some_and(|version| version != "1") {
        return Err(Status::invalid_argument("connect-protocol-version must be 1").into());
    }
    let within = header(&head.headers, "connect-timeout-ms").map(milliseconds).transpose()?;
    Ok(within.map(Duration::from_millis))
}

/// The encoded message in a request's body.
pub(super) async fn message(body: Body, form: Form, call: &MethodDescriptor) -> Result<Vec<u8>, Refusal> {
    let collected = timeout(PATIENCE, Limited::new(body, BYTES).collect()).await;
    let collected = collected.map_err(|_| Status::deadline_exceeded(format!("no whole body within {PATIENCE:?}")))?;
    let body = collected.map_err(|error| match error.downcast::<LengthLimitError>() {
        Ok(_) => {
            let status = Status::resource_exhausted(format!("a request has at most {BYTES} bytes"));
            Refusal::not_a_call(StatusCode::PAYLOAD_TOO_LARGE, status)
        }
        Err(error) => Status::cancelled(format!("the body broke off: {error}")).into(),
    })?;
    let body = body.to_bytes();
    let json = if form == Form::Stream { only(BytesMut::from(body))?.freeze() } else { body };
    Ok(text::read(call.input(), &json)?)
}

/// The one message of a body that could hold several.
fn only(mut body: BytesMut) -> Result<BytesMut, Status> {
    match frame::take(&mut body) {
        Some((0, message)) if body.is_empty() => Ok(message),
        Some((0, _)) => Err(Status::invalid_argument("the body has more than the one message of this call")),
        Some(_) => Err(Status::unimplemented("the message's flags must be 0: it must not be compressed")),
        None => Err(Status::invalid_argument(
            "the body must be a message in its frame: a byte 0, its length in four bytes (the highest first), its JSON",
        )),
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    // One that is no text is none of those that are expected.
    headers.get(name).map(|value| value.to_str().unwrap_or_default())
}

/// At most ten digits, as the protocol has it.
fn milliseconds(text: &str) -> Result<u64, Status> {
    let is_number = (1..=10).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = if is_number { text.parse().ok() } else { None };
    number.ok_or_else(|| Status::invalid_argument("connect-timeout-ms must be a number of at most 10 digits"))
}

/// The same call by gRPC.
pub(super) fn grpc(head: Parts, message: &[u8]) -> Request<Body> {
    let mut request = Request::new(whole(frame::frame(0, message)));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = head.uri;
    *request.version_mut() = Version::HTTP_2;
    request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    request.headers_mut().insert(TE, HeaderValue::from_static("trailers"));
    request
}
