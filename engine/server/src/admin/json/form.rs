//! How a request of the private listener is spoken, and so how an error is told.

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderMap, Response, StatusCode};
use serde_json::{Value, json};
use tonic::body::Body;
use tonic::{Code, Status};

use super::frame::{END, frame};
use crate::admin::bodies::{sent, whole};
use crate::plain_http::{self, set};

/// The content type of a call that streams its answer.
pub(super) const STREAM_TYPE: &str = "application/connect+json";

/// What a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::admin) enum Form {
    /// A call by gRPC.
    Grpc,
    /// A call in JSON that has one answer.
    Unary,
    /// A call in JSON whose answers are a stream.
    Stream,
    /// No call.
    Plain,
}

impl Form {
    /// That of a call that is not gRPC.
    pub(super) fn of_call(headers: &HeaderMap) -> Self {
        if content_type(headers).eq_ignore_ascii_case(STREAM_TYPE) {
            Self::Stream
        } else {
            Self::Unary
        }
    }

    /// Tells the error that `status` is. The error of a stream is its end (Connect protocol, "Error-End-Stream").
    pub(in crate::admin) fn error(self, status: Status) -> Response<Body> {
        match self {
            Self::Grpc => status.into_http(),
            Self::Stream => stream(whole(end(Some(&status)))),
            Self::Unary | Self::Plain => self.http_error(named(status.code()).1, &status),
        }
    }

    /// Tells it by the status of HTTP, also to one that asked for a stream.
    pub(in crate::admin) fn http_error(self, http: StatusCode, status: &Status) -> Response<Body> {
        let text = match self {
            Self::Grpc | Self::Plain => plain_http::detail(status.message()),
            Self::Unary | Self::Stream => error(status).to_string(),
        };
        let mut response = sent(plain_http::json(http, text));
        match http {
            StatusCode::UNAUTHORIZED => set(&mut response, WWW_AUTHENTICATE, "Bearer"),
            StatusCode::METHOD_NOT_ALLOWED => set(&mut response, ALLOW, "POST"),
            _ => {}
        }
        response
    }
}

/// The content type without its parameters.
pub(super) fn content_type(headers: &HeaderMap) -> &str {
    let given = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    given.unwrap_or_default().split(';').next().unwrap_or_default().trim()
}

/// The answer whose body is a stream.
pub(super) fn stream(body: Body) -> Response<Body> {
    let mut response = plain_http::whole::<String>(StatusCode::OK, STREAM_TYPE, String::new()).map(|_| body);
    // A proxy that collects answers would keep them from the one who waits for them.
    set(&mut response, "x-accel-buffering", "no");
    response
}

/// The last frame of a stream.
pub(super) fn end(status: Option<&Status>) -> Bytes {
    let text = status.map_or_else(|| json!({}), |status| json!({ "error": error(status) }));
    frame(END, text.to_string().as_bytes())
}

fn error(status: &Status) -> Value {
    json!({ "code": named(status.code()).0, "message": status.message() })
}

/// A code's name and status (Connect protocol, "Error codes").
fn named(code: Code) -> (&'static str, StatusCode) {
    let (name, status) = match code {
        Code::Cancelled => ("canceled", 499),
        Code::InvalidArgument => ("invalid_argument", 400),
        Code::DeadlineExceeded => ("deadline_exceeded", 504),
        Code::NotFound => ("not_found", 404),
        Code::AlreadyExists => ("already_exists", 409),
        Code::PermissionDenied => ("permission_denied", 403),
        Code::ResourceExhausted => ("resource_exhausted", 429),
        Code::FailedPrecondition => ("failed_precondition", 400),
        Code::Aborted => ("aborted", 409),
        Code::OutOfRange => ("out_of_range", 400),
        Code::Unimplemented => ("unimplemented", 501),
        Code::Internal => ("internal", 500),
        Code::Unavailable => ("unavailable", 503),
        Code::DataLoss => ("data_loss", 500),
        Code::Unauthenticated => ("unauthenticated", 401),
        Code::Ok | Code::Unknown => ("unknown", 500),
    };
    (name, StatusCode::from_u16(status).expect("a status"))
}

#[cfg(test)]
mod tests;
