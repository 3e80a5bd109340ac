//! The paths of the public listener.

use http::header::HOST;
use http::{Method, Request, Response, StatusCode, Version};
use hyper::body::Incoming;

use super::admission;
use super::live_page::PAGE;
use super::refusal::Refusal;
use super::respond::{self, Answer};
use super::shard_context::{ShardContext, peer};
use super::stream_setup::{self, Takeover};
use crate::origin::{self, Origin};

const WS: &str = "/api/v1/customer/telemetry/stream";
const SSE: &str = "/api/v1/customer/telemetry/stream/sse";
const STATUS: &str = "/api/v1/telemetry/stream/status";

/// What becomes of a request.
pub(super) enum Outcome {
    /// It is answered.
    Response(Response<Answer>),
    /// It takes its connection over, and is not answered by hyper.
    Takeover(Takeover),
}

/// Decides about a request.
pub(super) async fn answer(request: Request<Incoming>, shard_context: &ShardContext) -> Outcome {
    let path = request.uri().path();
    let is_stream = path == WS || path == SSE;
    match head_refused(&request, shard_context) {
        Some(refusal) => {
            shard_context.note(&refusal, None, peer(request.extensions()), None);
            Outcome::Response(respond::error(refusal.status(), &refusal.detail()))
        }
        None if is_stream => stream(request, shard_context).await,
        None => Outcome::Response(status(&request, shard_context)),
    }
}

fn status(request: &Request<Incoming>, shard_context: &ShardContext) -> Response<Answer> {
    let answer = match request.uri().path() {
        STATUS => shard_context.status(),
        "/readyz" => shard_context.readiness(),
        "/livez" => respond::json(StatusCode::OK, r#"{"status":"ok"}"#.to_owned()),
        _ => return file(request, shard_context),
    };
    match *request.method() {
        Method::GET => answer,
        Method::HEAD => respond::headers_only(answer),
        _ => respond::method_not_allowed("GET, HEAD"),
    }
}

fn file(request: &Request<Incoming>, shard_context: &ShardContext) -> Response<Answer> {
    let file = if shard_context.shared.http.live_page { PAGE.answer(request) } else { None };
    file.map_or_else(|| respond::error(StatusCode::NOT_FOUND, "Not found"), |file| file.map(Answer::from))
}

/// Why a head is refused, whatever its endpoint. A WebSocket whose token alone is too large is refused by its close instead.
fn head_refused(request: &Request<Incoming>, shard_context: &ShardContext) -> Option<Refusal> {
    if names_two_hosts(request) {
        return Some(Refusal::Malformed);
    }
    let is_too_large = head_bytes(request) > shard_context.shared.http.header_bytes;
    (is_too_large && !stream_setup::is_too_large_by_its_token(request)).then_some(Refusal::HeadTooLarge)
}

/// Whether there are several hosts (RFC 9112, 3.2), or over HTTP/2 another one than in `:authority` (RFC 9113, 8.3.1).
fn names_two_hosts(request: &Request<Incoming>) -> bool {
    let mut hosts = request.headers().get_all(HOST).iter();
    let (first, second) = (hosts.next(), hosts.next());
    let authority = request.uri().authority();
    let is_another = request.version() == Version::HTTP_2
        && first
            .zip(authority)
            .is_some_and(|(host, authority)| !host.as_bytes().eq_ignore_ascii_case(authority.as_str().as_bytes()));
    second.is_some() || is_another
}

/// The size of a request's head as it would be in HTTP/1.1.
fn head_bytes(request: &Request<Incoming>) -> usize {
    let fields = request.headers().iter();
    let fields = fields.map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len());
    let target = request.uri().path_and_query();
    let target = target.map_or(0, |target| target.as_str().len());
    request.method().as_str().len() + target + "  HTTP/1.1\r\n\r\n".len() + fields.sum::<usize>()
}

async fn stream(request: Request<Incoming>, shard_context: &ShardContext) -> Outcome {
    let allowed = &shard_context.shared.http.allowed_origins;
    let origin = origin::judge(request.headers(), request.uri(), allowed);
    let response = match *request.method() {
        Method::GET | Method::OPTIONS if origin == Origin::Foreign => foreign(&request, shard_context),
        Method::GET if admission::is_forged(&request, &origin, shard_context) => foreign(&request, shard_context),
        Method::OPTIONS => respond::preflight(),
        Method::GET => match begin(request, &origin, shard_context).await {
            Outcome::Response(response) => response,
            takeover => return takeover,
        },
        _ => respond::method_not_allowed("GET"),
    };
    Outcome::Response(respond::with_origin(response, &origin))
}

fn foreign(request: &Request<Incoming>, shard_context: &ShardContext) -> Response<Answer> {
    let why = || origin::explain(request.headers(), request.uri());
    shard_context.note(&Refusal::Origin, None, peer(request.extensions()), Some(&why));
    respond::error(Refusal::Origin.status(), &Refusal::Origin.detail())
}

async fn begin(mut request: Request<Incoming>, origin: &Origin, shard_context: &ShardContext) -> Outcome {
    if request.uri().path() == WS {
        return match stream_setup::upgrade(&mut request, shard_context) {
            Ok(head) => {
                let (request, _) = request.into_parts();
                Outcome::Takeover(stream_setup::websocket(head, &request, shard_context).await)
            }
            Err(response) => Outcome::Response(*response),
        };
    }
    let (request, _) = request.into_parts();
    let begun = if request.version == Version::HTTP_2 {
        stream_setup::sse_h2(&request, shard_context).await.map(Outcome::Response)
    } else {
        stream_setup::sse(&request, origin, shard_context).await.map(Outcome::Takeover)
    };
    let retry_after = shard_context.shared.http.retry_after;
    begun.unwrap_or_else(|refusal| Outcome::Response(respond::refused(&refusal, retry_after)))
}
