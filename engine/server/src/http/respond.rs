//! Answers to plain requests. Every error is JSON: `{"detail": …}`.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::IntoHeaderName;
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE,
    RETRY_AFTER, VARY, WWW_AUTHENTICATE,
};
use http::{HeaderValue, Response, StatusCode};
use hyper::body::{Body, Frame, SizeHint};

use super::h2_stream::StreamBody;
use super::origin::Origin;
use super::refusal::Refusal;
use floodway_protocol::sse;

/// The body of an answer: whole, or a stream over HTTP/2.
pub(super) struct Answer {
    content: Content,
    /// Kept as long as the body is.
    guard: Option<Box<dyn std::any::Any>>,
}

enum Content {
    Whole(Option<Bytes>),
    Stream(StreamBody),
}

impl Answer {
    pub(super) fn stream(body: StreamBody) -> Self {
        Self { content: Content::Stream(body), guard: None }
    }

    fn whole(bytes: Option<Bytes>) -> Self {
        Self { content: Content::Whole(bytes), guard: None }
    }

    pub(super) fn is_stream(&self) -> bool {
        matches!(self.content, Content::Stream(_))
    }

    /// Drops `guard` with the body, when hyper has sent it or given up.
    pub(super) fn keep(&mut self, guard: impl std::any::Any) {
        self.guard = Some(Box::new(guard));
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &mut self.get_mut().content {
            Content::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Content::Stream(stream) => stream.poll(cx).map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes)))),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Content::Stream(_) => SizeHint::default(),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.content, Content::Whole(None))
    }
}

/// Sets a field of the head.
pub(super) fn set<B>(response: &mut Response<B>, name: impl IntoHeaderName, value: &'static str) {
    let value = HeaderValue::from_static(value);
    response.headers_mut().insert(name, value);
}

pub(super) fn json(status: StatusCode, text: String) -> Response<Answer> {
    let mut response = Response::new(Answer::whole(Some(Bytes::from(text))));
    *response.status_mut() = status;
    set(&mut response, CONTENT_TYPE, "application/json");
    set(&mut response, CACHE_CONTROL, "no-store");
    response
}

/// The response whose body is an event stream.
pub(super) fn event_stream<B>(body: B) -> Response<B> {
    let mut response = Response::new(body);
    for (name, value) in sse::HEAD {
        set(&mut response, name, value);
    }
    response
}

/// A response's head as HTTP/1.1 puts it on the wire (RFC 9112, 2.1), with the empty line that ends it.
pub(super) fn head(response: &Response<()>) -> Vec<u8> {
    let status = response.status();
    let reason = status.canonical_reason().unwrap_or_default();
    let mut head = format!("HTTP/1.1 {} {reason}\r\n", status.as_str()).into_bytes();
    for (name, value) in response.headers() {
        head.extend_from_slice(name.as_str().as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(value.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"\r\n");
    head
}

pub(super) fn error(status: StatusCode, detail: &str) -> Response<Answer> {
    json(status, self::detail(detail))
}

/// The body of every error.
pub(super) fn detail(text: &str) -> String {
    serde_json::json!({ "detail": text }).to_string()
}

pub(super) fn method_not_allowed(allowed: &'static str) -> Response<Answer> {
    let mut response = error(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed");
    set(&mut response, ALLOW, allowed);
    response
}

/// The same answer without its body (RFC 9110, 9.3.2).
pub(super) fn headers_only(mut response: Response<Answer>) -> Response<Answer> {
    let length = response.body().size_hint().exact().unwrap_or_default();
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
    *response.body_mut() = Answer::whole(None);
    response
}

pub(super) fn refused(refusal: &Refusal, pause: Duration) -> Response<Answer> {
    let mut response = error(refusal.status(), &refusal.detail());
    if refusal.reason().row().retry {
        let pause = HeaderValue::from(pause.as_secs().max(1));
        response.headers_mut().insert(RETRY_AFTER, pause);
    }
    if refusal.status() == StatusCode::UNAUTHORIZED {
        set(&mut response, WWW_AUTHENTICATE, "Bearer");
    }
    response
}

/// Lets the page that asked read the answer, if it comes from an allowed foreign origin (Fetch, 3.2): with what its
/// browser knows of the user if the settings name it, and with the pause after which to come again.
pub(super) fn with_origin<B>(mut response: Response<B>, origin: &Origin) -> Response<B> {
    let Origin::Allowed { origin, is_listed } = origin else {
        return response;
    };
    set(&mut response, VARY, "Origin");
    response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    set(&mut response, ACCESS_CONTROL_EXPOSE_HEADERS, "Retry-After");
    if *is_listed {
        set(&mut response, ACCESS_CONTROL_ALLOW_CREDENTIALS, "true");
    }
    response
}

/// Answers a browser that asks whether it may send a token in a header (Fetch, 3.2.2).
pub(super) fn preflight() -> Response<Answer> {
    let mut response = Response::new(Answer::whole(None));
    *response.status_mut() = StatusCode::NO_CONTENT;
    set(&mut response, ACCESS_CONTROL_ALLOW_METHODS, "GET");
    let headers = "authorization, last-event-id, cache-control";
    set(&mut response, ACCESS_CONTROL_ALLOW_HEADERS, headers);
    response
}
