//! What gRPC answers, as JSON.

use std::convert::Infallible;

use bytes::{Bytes, BytesMut};
use futures_util::stream;
use http::{HeaderMap, Response, StatusCode};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use prost_reflect::MessageDescriptor;
use tokio::time::{Instant, timeout_at};
use tonic::body::Body;
use tonic::{Code, Status};

use super::{form, frame, text};
use crate::admin::bodies::sent;
use crate::plain_http;

/// When the client no longer waits.
pub(super) type Deadline = Option<Instant>;

/// What `work` gives before the deadline.
pub(super) async fn before<T>(deadline: Deadline, work: impl Future<Output = Result<T, Status>>) -> Result<T, Status> {
    let Some(deadline) = deadline else {
        return work.await;
    };
    let done = timeout_at(deadline, work).await;
    done.unwrap_or_else(|_| Err(Status::deadline_exceeded("the time of connect-timeout-ms is over")))
}

/// The answer to a call that has one.
pub(super) async fn one(answer: Response<Body>, kind: MessageDescriptor) -> Result<Response<Body>, Status> {
    let (head, body) = answer.into_parts();
    failed(&head.headers)?;
    let body = body.collect().await?;
    failed(body.trailers().unwrap_or(&HeaderMap::new()))?;
    let mut received = BytesMut::from(body.to_bytes());
    let (_, message) = frame::take(&mut received).ok_or_else(broken_off)?;
    Ok(sent(plain_http::json(StatusCode::OK, text::write(kind, &message)?)))
}

/// The answer to a call that streams it.
pub(super) fn many(
    answer: Response<Body>,
    kind: MessageDescriptor,
    deadline: Deadline,
) -> Result<Response<Body>, Status> {
    let (head, body) = answer.into_parts();
    failed(&head.headers)?;
    let answers = Answers { body, received: BytesMut::new(), kind, deadline };
    let frames = stream::unfold(Some(answers), |answers| async move {
        let mut answers: Answers = answers?;
        let (bytes, is_last) = answers.next().await;
        Some((Ok::<_, Infallible>(Frame::data(bytes)), (!is_last).then_some(answers)))
    });
    Ok(form::stream(Body::new(StreamBody::new(frames))))
}

/// A stream of answers.
struct Answers {
    body: Body,
    received: BytesMut,
    kind: MessageDescriptor,
    deadline: Deadline,
}

impl Answers {
    /// The next frame, and whether it is the last one.
    async fn next(&mut self) -> (Bytes, bool) {
        match before(self.deadline, self.message()).await {
            Ok(Some(json)) => (frame::frame(0, json.as_bytes()), false),
            Ok(None) => (form::end(None), true),
            Err(status) => (form::end(Some(&status)), true),
        }
    }

    /// The next answer's JSON, or the end.
    async fn message(&mut self) -> Result<Option<String>, Status> {
        loop {
            if let Some((_, message)) = frame::take(&mut self.received) {
                return text::write(self.kind.clone(), &message).map(Some);
            }
            let part = self.body.frame().await.ok_or_else(broken_off)??;
            match part.into_data() {
                Ok(data) => self.received.extend_from_slice(&data),
                Err(part) => {
                    let trailers = part.into_trailers().unwrap_or_default();
                    return failed(&trailers).map(|()| None);
                }
            }
        }
    }
}

/// Whether these headers, or trailers, tell of an error.
fn failed(headers: &HeaderMap) -> Result<(), Status> {
    match Status::from_header_map(headers) {
        Some(status) if status.code() != Code::Ok => Err(status),
        _ => Ok(()),
    }
}

fn broken_off() -> Status {
    Status::internal("the answer broke off")
}
