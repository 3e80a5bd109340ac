//! Answers to plain requests. Every error is JSON: `{"detail": …}`.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ALLOW, CACHE_CONTROL, CONNECTION,
    CONTENT_LENGTH, CONTENT_TYPE, DATE, RETRY_AFTER, WWW_AUTHENTICATE,
};
use http::{HeaderValue, Response, StatusCode};
use hyper::body::{Body, Frame, SizeHint};

use super::h2_stream::StreamBody;
use super::origin::Origin;
use super::refusal::Refusal;
use crate::stream::ws::handshake;

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

pub(super) fn error(status: StatusCode, detail: &str) -> Response<Answer> {
    json(status, serde_json::json!({ "detail": detail }).to_string())
}

pub(super) fn method_not_allowed(allowed: &'static str) -> Response<Answer> {
    let mut response = error(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed");
    response
        .headers_mut()
        .insert(ALLOW, HeaderValue::from_static(allowed));
    response
}

/// What is said of a request head that is larger than it may be.
pub(super) fn too_large(header_bytes: usize) -> String {
    format!("Request head too large: at most {header_bytes} bytes and 100 fields")
}

/// The answer to a HEAD: as to a GET, without the body (RFC 9110, 9.3.2). Over HTTP/2 hyper would send one.
pub(super) fn without_body(response: Response<Answer>) -> Response<Answer> {
    let length = response.body().size_hint().exact().unwrap_or_default();
    let mut response = response.map(|_| Answer::whole(None));
    response
        .headers_mut()
        .insert(CONTENT_LENGTH, HeaderValue::from(length));
    response
}

/// An answer as HTTP/1.1 has it on the wire, behind which the connection ends.
pub(super) fn last_words(mut response: Response<Answer>) -> Vec<u8> {
    let length = response.body().size_hint().exact().unwrap_or_default();
    let date = httpdate::fmt_http_date(SystemTime::now());
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    headers.extend(HeaderValue::try_from(date).map(|date| (DATE, date)));
    let (parts, body) = response.into_parts();
    let mut bytes = handshake::head(&parts);
    if let Content::Whole(Some(body)) = body.content {
        bytes.extend_from_slice(&body);
    }
    bytes
}

pub(super) fn refused(refusal: &Refusal, pause: Duration) -> Response<Answer> {
    let mut response = error(refusal.status(), &refusal.detail());
    let headers = response.headers_mut();
    if let Some(pause) = refusal.retry_after(pause) {
        headers.insert(RETRY_AFTER, HeaderValue::from(pause.as_secs().max(1)));
    }
    if refusal.status() == StatusCode::UNAUTHORIZED {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

/// Lets the page that asked read the answer, if it comes from an allowed foreign origin (Fetch, 3.2).
pub(super) fn with_origin(mut response: Response<Answer>, origin: &Origin) -> Response<Answer> {
    response.headers_mut().extend(origin.headers());
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
