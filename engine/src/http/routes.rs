//! The paths of the public listener.

use std::cell::RefCell;
use std::rc::Rc;

use http::header::{HOST, ORIGIN};
use http::{Method, Request, Response, StatusCode, Version};
use hyper::body::Incoming;

use super::begin::{self, TakenBack};
use super::fault::{self, Fault};
use super::front::Front;
use super::origin::{self, Origin};
use super::respond::{self, Answer};

const WS: &str = "/api/v1/customer/telemetry/stream";
const SSE: &str = "/api/v1/customer/telemetry/stream/sse";
/// Who asks for something here has probably misspelt a stream's path.
const BESIDE_STREAMS: &str = "/api/v1/customer/telemetry";
const STATUS: &str = "/api/v1/telemetry/stream/status";

/// Where a request leaves word that its connection is wanted back from hyper.
pub(super) type Slot = Rc<RefCell<Option<TakenBack>>>;

/// Answers a request; one whose connection is taken back is never answered here.
pub(super) async fn answer(
    request: Request<Incoming>,
    slot: Slot,
    front: Rc<Front>,
) -> Response<Answer> {
    if let Some(answer) = refuse_head(&request, &front) {
        return answer;
    }
    let path = request.uri().path();
    if path == WS || path == SSE {
        return stream(request, slot, &front).await;
    }
    if ![STATUS, "/livez", "/readyz"].contains(&path) {
        if path.starts_with(BESIDE_STREAMS) {
            note(
                Fault::Path,
                &request,
                &front,
                &fault::printable(path.as_bytes()),
            );
        }
        return respond::error(StatusCode::NOT_FOUND, "Not found");
    }
    let answer = match path {
        STATUS => front.status(),
        "/readyz" => front.readiness(),
        _ => respond::json(StatusCode::OK, r#"{"status":"ok"}"#.to_owned()),
    };
    match *request.method() {
        Method::GET => answer,
        Method::HEAD => respond::without_body(answer),
        _ => respond::method_not_allowed("GET, HEAD"),
    }
}

/// Refuses a head that HTTP forbids, or that is too large, whatever it asks for. A WebSocket whose token alone is too
/// large is told so by its close.
fn refuse_head(request: &Request<Incoming>, front: &Front) -> Option<Response<Answer>> {
    let header_bytes = front.shared.http.header_bytes;
    let (fault, detail) = if is_ambiguous(request) {
        let detail = "Bad request: more than one host (RFC 9112, 3.2)";
        (Fault::Malformed, detail.to_owned())
    } else if head_bytes(request) > header_bytes && !begin::may_be_told_by_its_close(request) {
        (Fault::TooLarge, respond::too_large(header_bytes))
    } else {
        return None;
    };
    note(fault, request, front, &detail);
    Some(respond::error(fault.status(), &detail))
}

/// Whether the request names more than one host: in several headers, or over HTTP/2 another one than in `:authority`
/// (RFC 9113, 8.3.1).
fn is_ambiguous(request: &Request<Incoming>) -> bool {
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
    let target = request
        .uri()
        .path_and_query()
        .map_or(0, |it| it.as_str().len());
    request.method().as_str().len() + target + "  HTTP/1.1\r\n\r\n".len() + fields.sum::<usize>()
}

fn note(fault: Fault, request: &Request<Incoming>, front: &Front, detail: &str) {
    fault::note(fault, request.extensions().get(), front, &detail);
}

async fn stream(request: Request<Incoming>, slot: Slot, front: &Front) -> Response<Answer> {
    let allowed = &front.shared.http.allowed_origins;
    let origin = origin::judge(request.headers(), request.uri(), allowed);
    let answer = match *request.method() {
        Method::GET | Method::OPTIONS if origin == Origin::Foreign => {
            refuse_origin(&request, front)
        }
        Method::OPTIONS => respond::preflight(),
        Method::GET if request.uri().path() == WS => websocket(request, slot, front).await,
        Method::GET => sse(request, slot, &origin, front).await,
        _ => {
            let method = fault::printable(request.method().as_str().as_bytes());
            note(Fault::Method, &request, front, &method);
            respond::method_not_allowed("GET")
        }
    };
    respond::with_origin(answer, &origin)
}

fn refuse_origin(request: &Request<Incoming>, front: &Front) -> Response<Answer> {
    let origin = request.headers().get(ORIGIN);
    let origin = fault::printable(origin.map_or(b"", |origin| origin.as_bytes()));
    let host = origin::host(request.headers(), request.uri()).unwrap_or_default();
    let host = fault::printable(host.as_bytes());
    let detail = format!(
        "the page's origin is {origin}, and it asked for {host}; if it may connect, or a proxy in front changes Host, \
         name the origin in http.allowed_origins"
    );
    note(Fault::Origin, request, front, &detail);
    respond::error(StatusCode::FORBIDDEN, "Origin not allowed")
}

async fn websocket(mut request: Request<Incoming>, slot: Slot, front: &Front) -> Response<Answer> {
    match begin::upgrade(&mut request) {
        Ok(head) => {
            let (request, _) = request.into_parts();
            let taken_back = begin::websocket(head, &request, front).await;
            hand_back(slot, taken_back).await
        }
        Err((error, response)) => {
            note(Fault::Handshake, &request, front, &error.to_string());
            *response
        }
    }
}

async fn sse(
    request: Request<Incoming>,
    slot: Slot,
    origin: &Origin,
    front: &Front,
) -> Response<Answer> {
    let (request, _) = request.into_parts();
    let begun = if request.version == Version::HTTP_2 {
        begin::sse_h2(&request, front).await
    } else {
        match begin::sse(&request, origin, front).await {
            Ok(taken_back) => return hand_back(slot, taken_back).await,
            Err(refusal) => Err(refusal),
        }
    };
    begun.unwrap_or_else(|refusal| respond::refused(&refusal, front.shared.http.retry_after))
}

/// Asks for the connection, and waits for hyper to be dropped.
async fn hand_back(slot: Slot, taken_back: TakenBack) -> Response<Answer> {
    *slot.borrow_mut() = Some(taken_back);
    std::future::pending().await
}
