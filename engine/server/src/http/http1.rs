//! HTTP/1.x on one connection, until it is over or a stream takes the connection over.

use std::cell::Cell;
use std::convert::Infallible;
use std::future::{pending, poll_fn};
use std::io;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use http::StatusCode;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use super::error_bodies::ErrorBodies;
use super::pending::Ticket;
use super::refusal::Refusal;
use super::routes::{self, Outcome};
use super::shard_context::{Peer, ShardContext};
use super::stream_setup::Takeover;
use floodway_core::shard::Outlet;

/// Serves the connection. A stream gets it back from hyper, and reaches its client through the outlet that `outlet` makes.
pub(super) async fn serve<I: AsyncRead + AsyncWrite + Unpin + 'static>(
    io: I,
    peer: Peer,
    ticket: &Ticket,
    shard_context: &ShardContext,
    outlet: impl FnOnce(I) -> io::Result<Outlet>,
) -> io::Result<()> {
    let Some((takeover, io, early)) = until_takeover(io, peer, ticket, shard_context).await? else {
        return Ok(());
    };
    match takeover {
        Takeover::Stream(beginning) => shard_context.shard.attach(beginning(outlet(io)?, early)),
        Takeover::Close(bytes) => send_close(io, &bytes, shard_context.shared.stream.close_timeout).await,
    }
}

/// Answers requests. Returns the connection if one of them takes it over, with what was read behind that request.
async fn until_takeover<I: AsyncRead + AsyncWrite + Unpin + 'static>(
    io: I,
    peer: Peer,
    ticket: &Ticket,
    shard_context: &ShardContext,
) -> io::Result<Option<(Takeover, I, Vec<u8>)>> {
    let takeover = &Cell::new(None);
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(peer);
        let busy = ticket.busy();
        async move {
            match routes::answer(request, shard_context).await {
                Outcome::Response(response) => {
                    drop(busy);
                    Ok::<_, Infallible>(response)
                }
                // Hyper gets no answer, and is dropped with this future. Until then the connection stays busy.
                Outcome::Takeover(wanted) => {
                    takeover.set(Some(wanted));
                    pending().await
                }
            }
        }
    });
    let io = ErrorBodies::new(io, |status| {
        let refusal = match status {
            StatusCode::BAD_REQUEST => Refusal::Malformed,
            _ => Refusal::HeadTooLarge,
        };
        shard_context.note(&refusal, None, peer.address, None);
    });
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(shard_context.shared.http.header_timeout)
        .max_buf_size(shard_context.shared.http.read_head_bytes())
        .serve_connection(TokioIo::new(io), service);
    // Hyper flushes an answer before it starts the next request, unless a client that sent a request with a body does not
    // read: that client may lose the end of the answer with the connection.
    let served = poll_fn(|cx| match Pin::new(&mut connection).poll(cx) {
        Poll::Ready(served) => Poll::Ready(served.map(|()| None)),
        Poll::Pending => match takeover.take() {
            Some(takeover) => Poll::Ready(Ok(Some(takeover))),
            None => Poll::Pending,
        },
    })
    .await;
    let parts = connection.into_parts();
    let mut io = parts.io.into_inner().into_inner();
    match served {
        Ok(takeover) => Ok(takeover.map(|takeover| (takeover, io, parts.read_buf.to_vec()))),
        Err(error) => {
            if error.is_parse() {
                // Hyper has answered with an error, and closed its side.
                let _ = timeout(shard_context.shared.stream.close_timeout, read_out(&mut io)).await;
            }
            Err(io::Error::other(error))
        }
    }
}

/// Sends the client the reason why it is refused, and reads on until the client has read it: a socket closed with bytes
/// unread would be reset, and the reason lost.
async fn send_close(mut io: impl AsyncRead + AsyncWrite + Unpin, bytes: &[u8], patience: Duration) -> io::Result<()> {
    let sent = async {
        io.write_all(bytes).await?;
        io.shutdown().await?;
        read_out(&mut io).await
    };
    timeout(patience, sent).await.unwrap_or(Ok(()))
}

/// Reads until the peer has closed its side, and discards it.
async fn read_out(io: &mut (impl AsyncRead + Unpin)) -> io::Result<()> {
    let mut unread = [0; 1024];
    while io.read(&mut unread).await? > 0 {}
    Ok(())
}
