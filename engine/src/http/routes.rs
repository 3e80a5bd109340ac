//! The paths of the public listener.

use std::cell::RefCell;
use std::rc::Rc;

use http::header::HOST;
use http::{Method, Request, Response, StatusCode, Version};
use hyper::body::Incoming;

use super::admission;
use super::begin::{self, TakenBack};
use super::connection;
use super::front::Front;
use super::origin::{self, Origin};
use super::refusal::Refusal;
use super::respond::{self, Answer};

const WS: &str = "/api/v1/customer/telemetry/stream";
const SSE: &str = "/api/v1/customer/telemetry/stream/sse";
const STATUS: &str = "/api/v1/telemetry/stream/status";

/// Where a request leaves word that its connection is wanted back from hyper.
pub(super) type Slot = Rc<RefCell<Option<TakenBack>>>;

/// Answers a request; one whose connection is taken back is never answered here.
pub(super) async fn answer(
    request: Request<Incoming>,
    slot: Slot,
    front: Rc<Front>,
) -> Response<Answer> {
    if request.headers().get_all(HOST).iter().nth(1).is_some() {
        front.note(
            &Refusal::Malformed,
            None,
            connection::peer(request.extensions()),
            None,
        );
        // RFC 9112, 3.2.
        return respond::error(StatusCode::BAD_REQUEST, "More than one Host");
    }
    let path = request.uri().path();
    if path == WS || path == SSE {
        return stream(request, slot, &front).await;
    }
    if ![STATUS, "/livez", "/readyz"].contains(&path) {
        return respond::error(StatusCode::NOT_FOUND, "Not found");
    }
    let answer = match path {
        STATUS => front.status(),
        "/readyz" => front.readiness(),
        _ => respond::json(StatusCode::OK, r#"{"status":"ok"}"#.to_owned()),
    };
    match *request.method() {
        Method::GET => answer,
        Method::HEAD => respond::headers_only(answer),
        _ => respond::method_not_allowed("GET, HEAD"),
    }
}

async fn stream(request: Request<Incoming>, slot: Slot, front: &Front) -> Response<Answer> {
    let allowed = &front.shared.http.allowed_origins;
    let origin = origin::judge(request.headers(), request.uri(), allowed);
    let response = match *request.method() {
        Method::GET | Method::OPTIONS if origin == Origin::Foreign => foreign(&request, front),
        Method::GET if admission::is_forged(&request, &origin, front) => foreign(&request, front),
        Method::OPTIONS => respond::preflight(),
        Method::GET if request.uri().path() == WS => websocket(request, slot, front).await,
        Method::GET => sse(request, slot, &origin, front).await,
        _ => respond::method_not_allowed("GET"),
    };
    respond::with_origin(response, &origin)
}

fn foreign(request: &Request<Incoming>, front: &Front) -> Response<Answer> {
    let why = || origin::explain(request.headers(), request.uri());
    let peer = connection::peer(request.extensions());
    front.note(&Refusal::Origin, None, peer, Some(&why));
    respond::error(Refusal::Origin.status(), &Refusal::Origin.detail())
}

async fn websocket(mut request: Request<Incoming>, slot: Slot, front: &Front) -> Response<Answer> {
    match begin::upgrade(&mut request, front) {
        Ok(head) => {
            let (request, _) = request.into_parts();
            let taken_back = begin::websocket(head, &request, front).await;
            hand_back(slot, taken_back).await
        }
        Err(response) => *response,
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
