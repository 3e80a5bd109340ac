//! The paths of the public listener.

use std::cell::RefCell;
use std::rc::Rc;

use http::header::HOST;
use http::{Method, Request, Response, StatusCode, Version};
use hyper::body::Incoming;

use super::admission;
use super::connection;
use super::origin::{self, Origin};
use super::refusal::Refusal;
use super::respond::{self, Answer};
use super::shard_context::ShardContext;
use super::stream_setup::{self, Takeover};

const WS: &str = "/api/v1/customer/telemetry/stream";
const SSE: &str = "/api/v1/customer/telemetry/stream/sse";
const STATUS: &str = "/api/v1/telemetry/stream/status";

/// Where a request leaves word that its connection is wanted back from hyper.
pub(super) type TakeoverSlot = Rc<RefCell<Option<Takeover>>>;

/// Answers a request; one whose connection is taken back is never answered here.
pub(super) async fn answer(
    request: Request<Incoming>,
    slot: TakeoverSlot,
    shard_context: Rc<ShardContext>,
) -> Response<Answer> {
    if let Some(refusal) = head_refused(&request, &shard_context) {
        let peer = connection::peer(request.extensions());
        shard_context.note(&refusal, None, peer, None);
        return respond::error(refusal.status(), &refusal.detail());
    }
    let path = request.uri().path();
    if path == WS || path == SSE {
        return stream(request, slot, &shard_context).await;
    }
    if ![STATUS, "/livez", "/readyz"].contains(&path) {
        return respond::error(StatusCode::NOT_FOUND, "Not found");
    }
    let answer = match path {
        STATUS => shard_context.status(),
        "/readyz" => shard_context.readiness(),
        _ => respond::json(StatusCode::OK, r#"{"status":"ok"}"#.to_owned()),
    };
    match *request.method() {
        Method::GET => answer,
        Method::HEAD => respond::headers_only(answer),
        _ => respond::method_not_allowed("GET, HEAD"),
    }
}

/// Why a head is refused whatever it asks for. A WebSocket whose token alone is too large is told so by its close.
fn head_refused(request: &Request<Incoming>, shard_context: &ShardContext) -> Option<Refusal> {
    if names_two_hosts(request) {
        return Some(Refusal::Malformed);
    }
    let is_too_large = head_bytes(request) > shard_context.shared.http.header_bytes;
    (is_too_large && !stream_setup::may_be_told_by_its_close(request))
        .then_some(Refusal::HeadTooLarge)
}

/// In several headers (RFC 9112, 3.2), or over HTTP/2 another one than in `:authority` (RFC 9113, 8.3.1).
fn names_two_hosts(request: &Request<Incoming>) -> bool {
    let mut hosts = request.headers().get_all(HOST).iter();
    let (first, second) = (hosts.next(), hosts.next());
    let authority = request.uri().authority();
    let is_another = request.version() == Version::HTTP_2
        && first.zip(authority).is_some_and(|(host, authority)| {
            !host
                .as_bytes()
                .eq_ignore_ascii_case(authority.as_str().as_bytes())
        });
    second.is_some() || is_another
}

/// The size of a request's head, as HTTP/1.1 would have it.
fn head_bytes(request: &Request<Incoming>) -> usize {
    let fields = request.headers().iter();
    let fields = fields.map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len());
    let target = request.uri().path_and_query();
    let target = target.map_or(0, |target| target.as_str().len());
    request.method().as_str().len() + target + "  HTTP/1.1\r\n\r\n".len() + fields.sum::<usize>()
}

async fn stream(
    request: Request<Incoming>,
    slot: TakeoverSlot,
    shard_context: &ShardContext,
) -> Response<Answer> {
    let allowed = &shard_context.shared.http.allowed_origins;
    let origin = origin::judge(request.headers(), request.uri(), allowed);
    let response = match *request.method() {
        Method::GET | Method::OPTIONS if origin == Origin::Foreign => {
            foreign(&request, shard_context)
        }
        Method::GET if admission::is_forged(&request, &origin, shard_context) => {
            foreign(&request, shard_context)
        }
        Method::OPTIONS => respond::preflight(),
        Method::GET if request.uri().path() == WS => websocket(request, slot, shard_context).await,
        Method::GET => sse(request, slot, &origin, shard_context).await,
        _ => respond::method_not_allowed("GET"),
    };
    respond::with_origin(response, &origin)
}

fn foreign(request: &Request<Incoming>, shard_context: &ShardContext) -> Response<Answer> {
    let why = || origin::explain(request.headers(), request.uri());
    let peer = connection::peer(request.extensions());
    shard_context.note(&Refusal::Origin, None, peer, Some(&why));
    respond::error(Refusal::Origin.status(), &Refusal::Origin.detail())
}

async fn websocket(
    mut request: Request<Incoming>,
    slot: TakeoverSlot,
    shard_context: &ShardContext,
) -> Response<Answer> {
    match stream_setup::upgrade(&mut request, shard_context) {
        Ok(head) => {
            let (request, _) = request.into_parts();
            let taken_back = stream_setup::websocket(head, &request, shard_context).await;
            hand_back(slot, taken_back).await
        }
        Err(response) => *response,
    }
}

async fn sse(
    request: Request<Incoming>,
    slot: TakeoverSlot,
    origin: &Origin,
    shard_context: &ShardContext,
) -> Response<Answer> {
    let (request, _) = request.into_parts();
    let begun = if request.version == Version::HTTP_2 {
        stream_setup::sse_h2(&request, shard_context).await
    } else {
        match stream_setup::sse(&request, origin, shard_context).await {
            Ok(taken_back) => return hand_back(slot, taken_back).await,
            Err(refusal) => Err(refusal),
        }
    };
    begun
        .unwrap_or_else(|refusal| respond::refused(&refusal, shard_context.shared.http.retry_after))
}

/// Asks for the connection, and waits for hyper to be dropped.
async fn hand_back(slot: TakeoverSlot, taken_back: Takeover) -> Response<Answer> {
    *slot.borrow_mut() = Some(taken_back);
    std::future::pending().await
}
