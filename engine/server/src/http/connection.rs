//! One connection of the public listener, from its first byte until it is answered, or taken over by the shard.

use std::cell::RefCell;
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use http::StatusCode;
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, Interest};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::automatic::Automatic;
use super::pending::Ticket;
use super::refusal::Refusal;
use super::routes;
use super::shard_context::ShardContext;
use super::stream_setup::Takeover;
use super::tls::TlsPipe;
use crate::tls::ServerStream;
use floodway_core::shard::Outlet;

/// RFC 9113, 3.4: how a client that speaks HTTP/2 without asking begins.
const H2_PREFACE: &[u8] = b"PRI * HTTP/2.0";

/// Streams of one HTTP/2 connection at once.
const H2_STREAMS: u32 = 200;

/// Between two pings to an HTTP/2 peer (RFC 9113, 6.7), and how long its answer may take. It answers even if a stream
/// of its is not read.
const H2_PING: Duration = Duration::from_secs(30);

/// What hyper may buffer for one HTTP/2 stream; the rest waits in the ring, under its policy.
const H2_SEND_BYTES: usize = 16 * 1024;

/// Request heads up to so many times `http.header_bytes` are read, so that it can be said in words, and to a WebSocket by
/// its close, that they are too large.
const HEADS_READ: usize = 2;

/// Where a connection comes from, as each of its requests carries it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Origination {
    pub(super) peer: Option<SocketAddr>,
    pub(super) tls: bool,
}

/// The other end of a request's connection.
pub(super) fn peer(extensions: &http::Extensions) -> Option<SocketAddr> {
    extensions.get::<Origination>()?.peer
}

/// Serves a connection, unless its place is needed more by somebody else while nothing is being answered on it.
pub(super) async fn serve(socket: TcpStream, ticket: Ticket, shard_context: Rc<ShardContext>) {
    let ticket = Rc::new(ticket);
    let served = tokio::select! {
        served = serve_wanted(socket, &ticket, &shard_context) => served,
        () = ticket.unwanted() => Err(io::Error::other("cut to make room")),
    };
    if let Err(error) = served {
        tracing::debug!(%error, "connection ended");
    }
}

async fn serve_wanted(
    socket: TcpStream,
    ticket: &Rc<Ticket>,
    shard_context: &Rc<ShardContext>,
) -> io::Result<()> {
    let from = Origination {
        peer: socket.peer_addr().ok(),
        tls: shard_context.shared.tls.is_some(),
    };
    match &shard_context.shared.tls {
        None => serve_plain(socket, from, ticket, shard_context).await,
        Some(tls) => {
            let accepting = tls.accept(socket);
            match timeout(shard_context.shared.http.header_timeout, accepting).await {
                Ok(Ok(stream)) => serve_tls(stream, from, ticket, shard_context).await,
                Ok(Err(error)) => Err(error),
                Err(_) => Err(io::ErrorKind::TimedOut.into()),
            }
        }
    }
}

async fn serve_plain(
    socket: TcpStream,
    from: Origination,
    ticket: &Rc<Ticket>,
    shard_context: &Rc<ShardContext>,
) -> io::Result<()> {
    match timeout(shard_context.shared.http.header_timeout, speaks_h2(&socket)).await {
        Ok(Ok(true)) => return serve_h2(socket, from, ticket, shard_context).await,
        Ok(Ok(false)) => {}
        Ok(Err(error)) => return Err(error),
        Err(_) => return Err(io::ErrorKind::TimedOut.into()),
    }
    let Some((taken_back, socket, early)) = serve_h1(socket, from, ticket, shard_context).await?
    else {
        return Ok(());
    };
    match taken_back {
        Takeover::Stream(beginning) => {
            let outlet = Outlet::Socket(mio::net::TcpStream::from_std(socket.into_std()?));
            shard_context
                .shard
                .attach(beginning.new_subscriber(outlet, early))
        }
        Takeover::Farewell(bytes) => {
            send_close(socket, &bytes, shard_context.shared.stream.close_timeout).await
        }
    }
}

async fn serve_tls(
    stream: ServerStream<TcpStream>,
    from: Origination,
    ticket: &Rc<Ticket>,
    shard_context: &Rc<ShardContext>,
) -> io::Result<()> {
    if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
        return serve_h2(stream, from, ticket, shard_context).await;
    }
    let Some((taken_back, stream, early)) = serve_h1(stream, from, ticket, shard_context).await?
    else {
        return Ok(());
    };
    match taken_back {
        Takeover::Stream(beginning) => {
            let (socket, tls) = stream.into_inner();
            let socket = mio::net::TcpStream::from_std(socket.into_std()?);
            let outlet = Outlet::Pipe(Box::new(TlsPipe::new(socket, tls)));
            shard_context
                .shard
                .attach(beginning.new_subscriber(outlet, early))
        }
        Takeover::Farewell(bytes) => {
            send_close(stream, &bytes, shard_context.shared.stream.close_timeout).await
        }
    }
}

/// Looks at the first bytes, without taking them.
async fn speaks_h2(socket: &TcpStream) -> io::Result<bool> {
    let mut first = [0; H2_PREFACE.len()];
    let mut seen = 0;
    loop {
        let n = socket.peek(&mut first).await?;
        if n == 0 || !H2_PREFACE.starts_with(&first[..n]) {
            return Ok(false);
        }
        if n == H2_PREFACE.len() {
            return Ok(true);
        }
        if n == seen {
            // The peer has closed its side: a socket that is so stays readable, and would be looked at without a pause.
            if socket.ready(Interest::READABLE).await?.is_read_closed() {
                return Ok(false);
            }
            // Part of the preface, and nothing new: the runtime is to forget that there is something to read.
            let nothing_new = || Err::<(), _>(io::ErrorKind::WouldBlock.into());
            let _ = socket.try_io(Interest::READABLE, nothing_new);
        }
        seen = n;
    }
}

/// Serves HTTP/1.x until the connection is over, or a request wants it back: then with what was read too far.
async fn serve_h1<I>(
    io: I,
    from: Origination,
    ticket: &Rc<Ticket>,
    shard_context: &Rc<ShardContext>,
) -> io::Result<Option<(Takeover, I, Vec<u8>)>>
where
    I: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let slot: routes::TakeoverSlot = Rc::new(RefCell::new(None));
    let service = service_fn(|mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(from);
        let answer = routes::answer(request, Rc::clone(&slot), Rc::clone(shard_context));
        let busy = ticket.busy();
        async move {
            let answer = answer.await;
            drop(busy);
            Ok::<_, Infallible>(answer)
        }
    });
    let io = Automatic::new(io, |status| {
        let refusal = match status {
            StatusCode::BAD_REQUEST => Refusal::Malformed,
            _ => Refusal::HeadTooLarge,
        };
        shard_context.note(&refusal, None, from.peer, None);
    });
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(shard_context.shared.http.header_timeout)
        .max_buf_size(HEADS_READ * shard_context.shared.http.header_bytes)
        .serve_connection(TokioIo::new(io), service);
    // Hyper flushes an answer before it starts the next request, unless a client that sent a request with a body does not
    // read: it may lose the end of that answer with the connection's state, and nobody else anything.
    let taken_back = poll_fn(|cx| match Pin::new(&mut connection).poll(cx) {
        Poll::Ready(served) => Poll::Ready(served.map(|()| None)),
        Poll::Pending => match slot.borrow_mut().take() {
            Some(taken_back) => Poll::Ready(Ok(Some(taken_back))),
            None => Poll::Pending,
        },
    });
    let taken_back = taken_back.await;
    let parts = connection.into_parts();
    let mut io = parts.io.into_inner().into_inner();
    match taken_back {
        Ok(None) => Ok(None),
        Ok(Some(taken_back)) => Ok(Some((taken_back, io, parts.read_buf.to_vec()))),
        Err(error) => {
            if error.is_parse() {
                // hyper has told it so, and closed its side.
                let _ = timeout(shard_context.shared.stream.close_timeout, read_out(&mut io)).await;
            }
            Err(io::Error::other(error))
        }
    }
}

/// Tells a client why it is not wanted, and reads on until it has read that: a socket closed with bytes unread would
/// be reset, and the reason lost.
async fn send_close<I>(mut io: I, bytes: &[u8], patience: Duration) -> io::Result<()>
where
    I: AsyncRead + AsyncWrite + Unpin,
{
    let said = async {
        io.write_all(bytes).await?;
        io.shutdown().await?;
        read_out(&mut io).await
    };
    timeout(patience, said).await.unwrap_or(Ok(()))
}

/// Reads until the peer has closed its side, and forgets what it said.
async fn read_out(io: &mut (impl AsyncRead + Unpin)) -> io::Result<()> {
    let mut unread = [0; 1024];
    while io.read(&mut unread).await? > 0 {}
    Ok(())
}

/// Spawns hyper's tasks on the shard's own thread.
#[derive(Clone, Copy, Debug)]
struct OnThisThread;

impl<F> Executor<F> for OnThisThread
where
    F: Future + 'static,
{
    fn execute(&self, future: F) {
        tokio::task::spawn_local(async move {
            future.await;
        });
    }
}

async fn serve_h2<I>(
    io: I,
    from: Origination,
    ticket: &Rc<Ticket>,
    shard_context: &Rc<ShardContext>,
) -> io::Result<()>
where
    I: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let service = service_fn(|mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(from);
        let answer = routes::answer(
            request,
            routes::TakeoverSlot::default(),
            Rc::clone(shard_context),
        );
        let busy = ticket.busy();
        async move {
            let mut answer = answer.await;
            // Only a stream may stay as long as it likes: it has a place. Who does not read another answer is cut.
            if answer.body().is_stream() {
                answer.body_mut().keep(busy);
            }
            Ok::<_, Infallible>(answer)
        }
    });
    let connection = http2::Builder::new(OnThisThread)
        .timer(TokioTimer::new())
        .keep_alive_interval(H2_PING)
        .keep_alive_timeout(H2_PING)
        .max_concurrent_streams(H2_STREAMS)
        .max_send_buf_size(H2_SEND_BYTES)
        .max_header_list_size(
            u32::try_from(HEADS_READ * shard_context.shared.http.header_bytes).unwrap_or(u32::MAX),
        )
        .serve_connection(TokioIo::new(io), service);
    let mut connection = pin!(connection);
    let mut is_closing = false;
    loop {
        match timeout(
            shard_context.shared.http.header_timeout,
            connection.as_mut(),
        )
        .await
        {
            Ok(served) => return served.map_err(io::Error::other),
            // It was told that it is unwanted, or never even got through its preface.
            Err(_) if !ticket.is_busy() && is_closing => return Err(io::ErrorKind::TimedOut.into()),
            Err(_) if !ticket.is_busy() => {
                is_closing = true;
                connection.as_mut().graceful_shutdown();
            }
            // It carries streams, which have places of their own, so it no longer counts as pending.
            Err(_) => ticket.give_place_back(),
        }
    }
}

#[cfg(all(test, not(floodway_loom)))]
#[path = "connection_tests.rs"]
mod tests;
