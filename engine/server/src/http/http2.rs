//! HTTP/2 on one connection. Its streams stay in hyper.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

use super::pending::Ticket;
use super::routes::{self, Outcome};
use super::shard_context::{Peer, ShardContext};

/// Streams of one HTTP/2 connection at once.
const STREAMS: u32 = 200;

/// Between two pings to an HTTP/2 peer (RFC 9113, 6.7), and how long its answer may take. It answers even if a stream
/// of its is not read.
const PING: Duration = Duration::from_secs(30);

/// What hyper may buffer for one HTTP/2 stream; the rest waits in the ring, under its policy.
const SEND_BYTES: usize = 16 * 1024;

/// Spawns hyper's tasks on the shard's own thread.
#[derive(Clone, Copy, Debug)]
struct LocalExecutor;

impl<F: Future + 'static> Executor<F> for LocalExecutor {
    fn execute(&self, future: F) {
        tokio::task::spawn_local(async move {
            future.await;
        });
    }
}

/// Serves the connection until it is over. One that carries no stream is closed after a time.
pub(super) async fn serve<I>(io: I, peer: Peer, ticket: &Ticket, shard_context: &Rc<ShardContext>) -> io::Result<()>
where
    I: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let service = service_fn(|mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(peer);
        let shard_context = Rc::clone(shard_context);
        let busy = ticket.busy();
        async move {
            let Outcome::Response(mut response) = routes::answer(request, &shard_context).await else {
                unreachable!("over HTTP/2 there is no WebSocket, and an SSE stream is a response")
            };
            // Only a stream may stay as long as it likes: it has a permit. A client that reads no other answer is cut.
            if response.body().is_stream() {
                response.body_mut().keep(busy);
            }
            Ok::<_, Infallible>(response)
        }
    });
    let http = &shard_context.shared.http;
    let connection = http2::Builder::new(LocalExecutor)
        .timer(TokioTimer::new())
        .keep_alive_interval(PING)
        .keep_alive_timeout(PING)
        .max_concurrent_streams(STREAMS)
        .max_send_buf_size(SEND_BYTES)
        .max_header_list_size(u32::try_from(http.read_head_bytes()).unwrap_or(u32::MAX))
        .serve_connection(TokioIo::new(io), service);
    let mut connection = pin!(connection);
    let mut is_closing = false;
    loop {
        match timeout(http.header_timeout, connection.as_mut()).await {
            Ok(served) => return served.map_err(io::Error::other),
            // It was asked to close, or has not even got through its preface.
            Err(_) if !ticket.is_busy() && is_closing => return Err(io::ErrorKind::TimedOut.into()),
            Err(_) if !ticket.is_busy() => {
                is_closing = true;
                connection.as_mut().graceful_shutdown();
            }
            // It carries streams, which have permits of their own, so it no longer counts as pending.
            Err(_) => ticket.release_permit(),
        }
    }
}

#[cfg(all(test, not(floodway_loom)))]
mod tests;
