//! Answers of the public listener.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, CONTENT_LENGTH, RETRY_AFTER, VARY, WWW_AUTHENTICATE,
};
use http::{HeaderValue, Response, StatusCode};
use hyper::body::{Body, Frame, SizeHint};

pub(super) use crate::plain_http::{detail, error, json, method_not_allowed, set};

use super::h2_stream::StreamBody;
use super::refusal::Refusal;
use crate::origin::Origin;
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

    fn empty() -> Self {
        Self { content: Content::Whole(None), guard: None }
    }

    pub(super) fn is_stream(&self) -> bool {
        matches!(self.content, Content::Stream(_))
    }

    /// Drops `guard` with the body, when hyper has sent it or given up.
    pub(super) fn keep(&mut self, guard: impl std::any::Any) {
        self.guard = Some(Box::new(guard));
    }
}

impl From<String> for Answer {
    fn from(text: String) -> Self {
        Self { content: Content::Whole(Some(text.into())), guard: None }
    }
}

impl From<Option<Bytes>> for Answer {
    fn from(bytes: Option<Bytes>) -> Self {
        Self { content: Content::Whole(bytes), guard: None }
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

/// The same answer without its body (RFC 9110, 9.3.2).
pub(super) fn headers_only(mut response: Response<Answer>) -> Response<Answer> {
    let length = response.body().size_hint().exact().unwrap_or_default();
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
    *response.body_mut() = Answer::empty();
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
    let mut response = Response::new(Answer::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    set(&mut response, ACCESS_CONTROL_ALLOW_METHODS, "GET");
    set(&mut response, ACCESS_CONTROL_ALLOW_HEADERS, "authorization, last-event-id, cache-control");
    response
}
