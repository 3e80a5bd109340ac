//! Answers to plain requests. Every error is JSON: `{"detail": …}`.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ALLOW, CACHE_CONTROL,
    CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, VARY, WWW_AUTHENTICATE,
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
        Self {
            content: Content::Stream(body),
            guard: None,
        }
    }

    fn whole(bytes: Option<Bytes>) -> Self {
        Self {
            content: Content::Whole(bytes),
            guard: None,
        }
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

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &mut self.get_mut().content {
            Content::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Content::Stream(stream) => stream
                .poll(cx)
                .map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes)))),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Whole(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            Content::Stream(_) => SizeHint::default(),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.content, Content::Whole(None))
    }
}

pub(super) fn json(status: StatusCode, text: String) -> Response<Answer> {
    let mut response = Response::new(Answer::whole(Some(Bytes::from(text))));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The response whose body is an event stream.
pub(super) fn event_stream<B>(body: B) -> Response<B> {
    let mut response = Response::new(body);
    for (name, value) in sse::HEAD {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
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
    response
        .headers_mut()
        .insert(ALLOW, HeaderValue::from_static(allowed));
    response
}

/// The same answer without its body (RFC 9110, 9.3.2).
pub(super) fn headers_only(mut response: Response<Answer>) -> Response<Answer> {
    let length = response.body().size_hint().exact().unwrap_or_default();
    response
        .headers_mut()
        .insert(CONTENT_LENGTH, HeaderValue::from(length));
    *response.body_mut() = Answer::whole(None);
    response
}

pub(super) fn refused(refusal: &Refusal, pause: Duration) -> Response<Answer> {
    let mut response = error(refusal.status(), &refusal.detail());
    let headers = response.headers_mut();
    if refusal.reason().row().retry {
        headers.insert(RETRY_AFTER, HeaderValue::from(pause.as_secs().max(1)));
    }
    if refusal.status() == StatusCode::UNAUTHORIZED {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

/// Lets the page that asked read the answer, if it comes from an allowed foreign origin (Fetch, 3.2): with what its
/// browser knows of the user if the settings name it, and with the pause after which to come again.
pub(super) fn with_origin<B>(mut response: Response<B>, origin: &Origin) -> Response<B> {
    let Origin::Allowed { origin, is_listed } = origin else {
        return response;
    };
    let headers = response.headers_mut();
    headers.insert(VARY, HeaderValue::from_static("Origin"));
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    headers.insert(
        ACCESS_CONTROL_EXPOSE_HEADERS,
        HeaderValue::from_static("Retry-After"),
    );
    if *is_listed {
        headers.insert(
            ACCESS_CONTROL_ALLOW_CREDENTIALS,
            HeaderValue::from_static("true"),
        );
    }
    response
}

/// Answers a browser that asks whether it may send a token in a header (Fetch, 3.2.2).
pub(super) fn preflight() -> Response<Answer> {
    let mut response = Response::new(Answer::whole(None));
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(
        ACCESS_CONTROL_ALLOW_METHODS,
        HeaderValue::from_static("GET"),
    );
    headers.insert(
        ACCESS_CONTROL_ALLOW_HEADERS,
        HeaderValue::from_static("authorization, last-event-id, cache-control"),
    );
    response
}
