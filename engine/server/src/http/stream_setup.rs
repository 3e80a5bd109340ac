//! How a stream begins: its first bytes, and what becomes of its connection.
//!
//! Over HTTP/1.1 the connection is taken back from hyper before anything is answered, and the shard owns the socket
//! from then on: an idle stream then costs hundreds of bytes, not tens of kilobytes. Over HTTP/2 the stream stays in hyper.

use std::time::SystemTime;

use http::header::{AUTHORIZATION, DATE, SEC_WEBSOCKET_PROTOCOL, USER_AGENT};
use http::request::Parts;
use http::{HeaderValue, Request, Response, Version};

use super::admission::{Admitted, admit};
use super::h2_stream;
use super::handshake;
use super::query::{self, Query};
use super::refusal::Refusal;
use super::respond::{self, Answer};
use super::shard_context::{Peer, ShardContext, peer};
use crate::auth::TOKEN_BYTES_MAX;
use crate::origin::Origin;
use floodway_core::index::{ClientInfo, Transport};
use floodway_core::shard::{NewSubscriber, Outlet, Resume};
use floodway_protocol::ws::close;
use floodway_protocol::{Encoding, EventId};

/// What becomes of a connection that hyper gives back.
pub(super) enum Takeover {
    /// It carries a stream.
    Stream(Beginning),
    /// These bytes are sent, and it is closed.
    Close(Vec<u8>),
}

/// A stream that only lacks its outlet, and what its client sent behind its request.
pub(super) type Beginning = Box<dyn FnOnce(Outlet, Vec<u8>) -> NewSubscriber>;

/// The stream that `request` has been admitted to, whose first bytes are `head`.
fn begin(request: &Parts, admitted: Admitted, transport: Transport, encoding: Encoding, head: Vec<u8>) -> Beginning {
    let peer = request.extensions.get::<Peer>();
    let user_agent = request.headers.get(USER_AGENT);
    let mut client = ClientInfo::new(transport)
        .with_subject(admitted.identity.subject.as_deref())
        .with_user_agent(user_agent.map(HeaderValue::as_bytes));
    client.peer = peer.and_then(|peer| peer.address);
    client.tls = peer.is_some_and(|peer| peer.tls);
    let Admitted { identity, filter, resume, backlog, options, permit } = admitted;
    let expires_at = identity.expires_at;
    let resume = match resume {
        query::Resume::No | query::Resume::FromNow => Resume::FromNow,
        query::Resume::After(Some(id)) => Resume::After(EventId::new(id)),
        query::Resume::After(None) => Resume::AfterUnknown,
    };
    Box::new(move |outlet, early| NewSubscriber {
        outlet,
        encoding,
        filter,
        permit,
        client,
        expires_at,
        resume,
        backlog,
        options,
        head,
        early,
    })
}

/// A WebSocket: the upgrade is accepted, and what is to be refused is closed behind it with its code.
pub(super) async fn websocket(head: Response<()>, request: &Parts, shard_context: &ShardContext) -> Takeover {
    let mut head = respond::head(&head);
    match admit(request, shard_context).await {
        Ok(admitted) => {
            let encoding = if admitted.resume == query::Resume::No {
                Encoding::Ws
            } else {
                Encoding::WsWithId
            };
            Takeover::Stream(begin(request, admitted, Transport::WebSocket, encoding, head))
        }
        Err(refusal) => {
            let code = refusal.reason().row().code;
            close::write(code, &refusal.detail(), &mut head);
            Takeover::Close(head)
        }
    }
}

/// An SSE stream over HTTP/1.x.
///
/// # Errors
/// The reason not to begin it, to be answered as a plain response.
pub(super) async fn sse(request: &Parts, origin: &Origin, shard_context: &ShardContext) -> Result<Takeover, Refusal> {
    let admitted = admit(request, shard_context).await?;
    // HTTP/1.0 knows no chunks: the body ends with the connection (RFC 9112, 6.3).
    let (encoding, framing): (_, &[_]) = if request.version == Version::HTTP_10 {
        (Encoding::Sse, &[("connection", "close")])
    } else {
        let chunked = ("transfer-encoding", "chunked");
        (Encoding::SseChunked, &[("connection", "keep-alive"), chunked])
    };
    let mut response = respond::event_stream(());
    for &(name, value) in framing {
        respond::set(&mut response, name, value);
    }
    let date = httpdate::fmt_http_date(SystemTime::now());
    let date = HeaderValue::try_from(date).expect("a date is plain text");
    response.headers_mut().insert(DATE, date);
    let head = respond::head(&respond::with_origin(response, origin));
    Ok(Takeover::Stream(begin(request, admitted, Transport::Sse, encoding, head)))
}

/// An SSE stream over HTTP/2, as a response whose body the shard fills.
///
/// # Errors
/// As [`sse`].
pub(super) async fn sse_h2(request: &Parts, shard_context: &ShardContext) -> Result<Response<Answer>, Refusal> {
    let admitted = admit(request, shard_context).await?;
    let beginning = begin(request, admitted, Transport::SseH2, Encoding::Sse, Vec::new());
    let (pipe, body) = h2_stream::pipe();
    // A pipe has no socket, so there is nothing that could fail to be watched.
    let attached = shard_context.shard.attach(beginning(Outlet::Pipe(Box::new(pipe)), Vec::new()));
    debug_assert!(attached.is_ok(), "a pipe is attached without asking the kernel");
    Ok(respond::event_stream(Answer::stream(body)))
}

/// Whether a handshake is too large because of its token alone. It is then refused for the token's length, by a close code:
/// a browser shows a page nothing of what comes before the upgrade.
pub(super) fn is_too_large_by_its_token<B>(request: &Request<B>) -> bool {
    let query = Query::parse(request.uri());
    let headers = [AUTHORIZATION, SEC_WEBSOCKET_PROTOCOL].map(|name| request.headers().get(name));
    let lengths = headers.map(|value| value.map_or(0, HeaderValue::len));
    let tokens = lengths.into_iter().chain(query.token.map(|token| token.len()));
    tokens.max() > Some(TOKEN_BYTES_MAX) && handshake::is_one(request)
}

/// The response to a WebSocket handshake, or the plain answer that names what the request lacks.
pub(super) fn upgrade<B>(
    request: &mut Request<B>,
    shard_context: &ShardContext,
) -> Result<Response<()>, Box<Response<Answer>>> {
    handshake::accept(request).map_err(|error| {
        let refusal = Refusal::Handshake(error);
        shard_context.note(&refusal, None, peer(request.extensions()), None);
        let mut response = respond::error(refusal.status(), &refusal.detail());
        for &(name, value) in error.headers() {
            // RFC 9113, 8.2.2: HTTP/2 has no fields that are about the connection.
            if request.version() < Version::HTTP_2 || !matches!(name, "upgrade" | "connection") {
                respond::set(&mut response, name, value);
            }
        }
        Box::new(response)
    })
}
