//! How a stream begins: its first bytes, and what becomes of its connection.
//!
//! Over HTTP/1.1 the connection is taken back from hyper before anything is answered, and the shard owns the socket
//! from then on: an idle stream then costs hundreds of bytes, not tens of kilobytes. Over HTTP/2 the stream stays in hyper.

use std::time::{Duration, SystemTime};

use http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, SEC_WEBSOCKET_PROTOCOL, USER_AGENT,
};
use http::request::Parts;
use http::{HeaderValue, Request, Response, Version};

use super::admission::{Admitted, admit};
use super::h2_stream;
use super::handshake;
use super::origin::Origin;
use super::peer::{self, Peer};
use super::query::{Query, Resume};
use super::refusal::Refusal;
use super::respond::{self, Answer};
use super::shard_context::ShardContext;
use crate::auth::TOKEN_BYTES_MAX;
use floodway_core::event::Encoding;
use floodway_core::index::{ClientInfo, Transport};
use floodway_core::shard::{NewSubscriber, Outlet};
use floodway_protocol::frames::{Gap, named};
use floodway_protocol::notices;
use floodway_protocol::ws::close_frame;

/// What becomes of a connection that is taken back.
pub(super) enum Takeover {
    /// It carries a stream.
    Stream(Box<Beginning>),
    /// It is told this, and closed.
    Farewell(Vec<u8>),
}

/// A stream that only lacks its outlet.
pub(super) struct Beginning {
    admitted: Admitted,
    about: ClientInfo,
    encoding: Encoding,
    greeting: Vec<u8>,
}

impl Beginning {
    /// The subscriber, with its outlet and what its client sent too early.
    pub(super) fn new_subscriber(self, outlet: Outlet, early: Vec<u8>) -> NewSubscriber {
        let Admitted {
            identity,
            filter,
            permit,
            ..
        } = self.admitted;
        NewSubscriber {
            outlet,
            encoding: self.encoding,
            filter,
            permit,
            client: self.about,
            expires_at: identity.expires_at,
            greeting: self.greeting,
            early,
        }
    }

    fn new(admitted: Admitted, about: ClientInfo, encoding: Encoding, head: Vec<u8>) -> Self {
        let mut greeting = head;
        encoding.open(&mut greeting);
        let expires_at = SystemTime::UNIX_EPOCH + Duration::from_secs(admitted.identity.expires_at);
        let connected = notices::connected(
            &admitted.identity.tenant,
            &admitted.filter.shown(),
            expires_at,
        );
        named(encoding, "connected", &connected, &mut greeting);
        // Nothing is kept to replay, so whoever was away is told that it may have missed something.
        if matches!(admitted.resume, Resume::After(_)) {
            Gap::Replay.encode(encoding, &mut greeting);
        }
        Self {
            admitted,
            about,
            encoding,
            greeting,
        }
    }
}

/// Who it is that begins a stream by `request`.
fn about(transport: Transport, request: &Parts, admitted: &Admitted) -> ClientInfo {
    let peer = request.extensions.get::<Peer>();
    let user_agent = request.headers.get(USER_AGENT);
    let mut about = ClientInfo::new(transport)
        .with_subject(admitted.identity.subject.as_deref())
        .with_user_agent(user_agent.map(HeaderValue::as_bytes));
    about.peer = peer.and_then(|peer| peer.address);
    about.tls = peer.is_some_and(|peer| peer.tls);
    about
}

/// A WebSocket: the upgrade is accepted, and what is to be refused is closed behind it with its code.
pub(super) async fn websocket(
    head: Response<()>,
    request: &Parts,
    shard_context: &ShardContext,
) -> Takeover {
    let head = handshake::head(&head.into_parts().0);
    match admit(request, shard_context).await {
        Ok(admitted) => {
            let encoding = if admitted.resume == Resume::No {
                Encoding::Ws
            } else {
                Encoding::WsWithId
            };
            let about = about(Transport::WebSocket, request, &admitted);
            let beginning = Beginning::new(admitted, about, encoding, head);
            Takeover::Stream(Box::new(beginning))
        }
        Err(refusal) => {
            let (code, reason) = refusal.close();
            Takeover::Farewell([head, close_frame(code, &reason)].concat())
        }
    }
}

/// An SSE stream over HTTP/1.x.
///
/// # Errors
/// The reason not to begin it, to be answered as a plain response.
pub(super) async fn sse(
    request: &Parts,
    origin: &Origin,
    shard_context: &ShardContext,
) -> Result<Takeover, Refusal> {
    let admitted = admit(request, shard_context).await?;
    // HTTP/1.0 knows no chunks: the body ends with the connection (RFC 9112, 6.3).
    let encoding = if request.version == Version::HTTP_10 {
        Encoding::Sse
    } else {
        Encoding::SseChunked
    };
    let head = sse_head(encoding, origin);
    let about = about(Transport::Sse, request, &admitted);
    Ok(Takeover::Stream(Box::new(Beginning::new(
        admitted, about, encoding, head,
    ))))
}

/// An SSE stream over HTTP/2, as a response whose body the shard fills.
///
/// # Errors
/// As [`sse`].
pub(super) async fn sse_h2(
    request: &Parts,
    shard_context: &ShardContext,
) -> Result<Response<Answer>, Refusal> {
    let admitted = admit(request, shard_context).await?;
    let about = about(Transport::SseH2, request, &admitted);
    let beginning = Beginning::new(admitted, about, Encoding::Sse, Vec::new());
    let (pipe, body) = h2_stream::pipe();
    let new_subscriber = beginning.new_subscriber(Outlet::Pipe(Box::new(pipe)), Vec::new());
    // A pipe has no socket, so there is nothing that could fail to be watched.
    let attached = shard_context.shard.attach(new_subscriber);
    debug_assert!(
        attached.is_ok(),
        "a pipe is attached without asking the kernel"
    );
    let mut response = Response::new(Answer::stream(body));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
        .headers_mut()
        .insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

/// Whether a handshake is too large for its token alone, which is refused for its length then: behind the upgrade, as
/// browsers tell a page nothing of what comes before.
pub(super) fn may_be_told_by_its_close<B>(request: &Request<B>) -> bool {
    let query = Query::parse(request.uri());
    let headers = [AUTHORIZATION, SEC_WEBSOCKET_PROTOCOL].map(|name| request.headers().get(name));
    let lengths = headers.map(|value| value.map_or(0, HeaderValue::len));
    let tokens = lengths
        .into_iter()
        .chain(query.token.map(|token| token.len()));
    tokens.max() > Some(TOKEN_BYTES_MAX) && handshake::is_one(request)
}

/// The response to a WebSocket handshake, or the plain answer that says what the request lacks.
pub(super) fn upgrade<B>(
    request: &mut Request<B>,
    shard_context: &ShardContext,
) -> Result<Response<()>, Box<Response<Answer>>> {
    match handshake::accept(request) {
        Ok(parts) => Ok(Response::from_parts(parts, ())),
        Err(error) => {
            let refusal = Refusal::Handshake(error);
            shard_context.note(&refusal, None, peer::address(request.extensions()), None);
            let mut response = respond::error(refusal.status(), &refusal.detail());
            for (name, value) in error.headers() {
                // RFC 9113, 8.2.2: HTTP/2 has no fields that are about the connection.
                if request.version() < Version::HTTP_2 || name == "sec-websocket-version" {
                    response.headers_mut().insert(name, value.clone());
                }
            }
            Err(Box::new(response))
        }
    }
}

fn sse_head(encoding: Encoding, origin: &Origin) -> Vec<u8> {
    let mut head = b"HTTP/1.1 200 OK\r\n\
        content-type: text/event-stream\r\n\
        cache-control: no-cache\r\n\
        x-accel-buffering: no\r\n"
        .to_vec();
    head.extend_from_slice(match encoding {
        Encoding::SseChunked => b"connection: keep-alive\r\ntransfer-encoding: chunked\r\n",
        _ => b"connection: close\r\n".as_slice(),
    });
    let date = httpdate::fmt_http_date(SystemTime::now());
    head.extend_from_slice(format!("date: {date}\r\n").as_bytes());
    for (name, value) in respond::origin_headers(origin) {
        head.extend_from_slice(name.as_str().as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(value.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"\r\n");
    head
}
