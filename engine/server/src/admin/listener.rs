//! Serves connections of the private listener.
//!
//! Invariant: there are at most [`CONNECTIONS`] of them, those in their TLS handshake included, and a peer that never
//! asks for anything does not keep one.

use std::convert::Infallible;
use std::future::pending;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy, sink};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tonic::body::Body;

use super::calls::stopped;
use super::refused::Peer;
use super::routes::{self, Routes};
use crate::tls::{ServerStream, TlsAcceptor};
use floodway_core::parts;

/// Connections at once; further ones wait in the kernel.
pub const CONNECTIONS: usize = 256;

/// Calls of one HTTP/2 connection at once.
const CALLS: u32 = 100;

/// Time for the TLS handshake, for the first request, and for the head of each one over HTTP/1.1.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// Largest head over HTTP/1.1.
const HEAD_BYTES: usize = 16 * 1024;

/// What a client that failed its handshake may still send; it is not looked at.
const UNHEARD_BYTES: u64 = 64 * 1024;

/// Silence after which an HTTP/2 peer is asked whether it is still there, and its time to answer.
const PING: Duration = Duration::from_secs(30);

/// The pause after the process ran out of descriptors or memory.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(50);

/// How long answers that are under way may hold up the end.
const STOP_GRACE: Duration = Duration::from_millis(500);

/// Serves until `stop` turns true, over TLS if there is an acceptor.
pub(super) async fn serve(
    listener: &TcpListener,
    tls: Option<TlsAcceptor>,
    routes: Arc<Routes>,
    mut stop: watch::Receiver<bool>,
) {
    let mut connections = JoinSet::new();
    let for_connections = stop.clone();
    loop {
        tokio::select! {
            accepted = listener.accept(), if connections.len() < CONNECTIONS => match accepted {
                Ok((socket, _)) => {
                    let (routes, stop) = (Arc::clone(&routes), for_connections.clone());
                    connections.spawn(connection(socket, tls.clone(), routes, stop));
                }
                Err(error) => {
                    tracing::warn!(%error, "the private listener can't accept");
                    sleep(EXHAUSTED_PAUSE).await;
                }
            },
            Some(_) = connections.join_next() => {}
            () = stopped(&mut stop) => break,
        }
    }
    let ended = async { while connections.join_next().await.is_some() {} };
    // Those that are left are cut with the set.
    let _ = timeout(STOP_GRACE, ended).await;
}

async fn connection(socket: TcpStream, tls: Option<TlsAcceptor>, routes: Arc<Routes>, mut stop: watch::Receiver<bool>) {
    let peer = socket.peer_addr().ok();
    // Without it answers are only later, not wrong.
    let _ = socket.set_nodelay(true);
    let Some(tls) = tls else {
        return requests(socket, peer, routes, stop).await;
    };
    let shaken = tokio::select! {
        shaken = timeout(HEAD_TIMEOUT, shake_hands(socket, &tls)) => shaken.ok().flatten(),
        () = stopped(&mut stop) => None,
    };
    if let Some(stream) = shaken {
        requests(stream, peer, routes, stop).await;
    }
}

/// The TLS handshake. A client that fails it is sent an alert (RFC 8446, 6.2). By TLS 1.3 it may have sent its requests
/// before: were the socket closed on them, the kernel would take the alert back.
async fn shake_hands(socket: TcpStream, tls: &TlsAcceptor) -> Option<ServerStream<TcpStream>> {
    match tls.accept(socket).into_fallible().await {
        Ok(stream) => Some(stream),
        Err((error, mut socket)) => {
            tracing::debug!(%error, "TLS handshake of the private listener failed");
            if socket.shutdown().await.is_ok() {
                // How it ends is of no interest: the connection is over.
                let _ = copy(&mut socket.take(UNHEARD_BYTES), &mut sink()).await;
            }
            None
        }
    }
}

async fn requests<S>(socket: S, peer: Option<SocketAddr>, routes: Arc<Routes>, mut stop: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let is_known = AtomicBool::new(false);
    let service = service_fn(|mut request: Request<Incoming>| {
        request.extensions_mut().insert(Peer(peer));
        if routes.may_ask(request.headers()) {
            is_known.store(true, Ordering::Relaxed);
        }
        let request = request.map(Body::new);
        let (routes, form) = (Arc::clone(&routes), routes.form(&request));
        async move {
            // All calls of an HTTP/2 connection are one task: the others are not to end with this one.
            let answer = parts::guarded("call", async {
                parts::fault("call");
                routes.answer(request).await
            });
            let answer = answer.await.unwrap_or_else(|_| routes::failed(form));
            Ok::<_, Infallible>(answer)
        }
    });
    let server = server();
    let mut serving = pin!(server.serve_connection(TokioIo::new(socket), service));
    let silence = async {
        sleep(HEAD_TIMEOUT).await;
        if is_known.load(Ordering::Relaxed) {
            pending::<()>().await;
        }
    };
    let ended = tokio::select! {
        ended = &mut serving => ended,
        () = silence => return,
        () = stopped(&mut stop) => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "connection of the private listener ended");
    }
}

fn server() -> auto::Builder<TokioExecutor> {
    let mut server = auto::Builder::new(TokioExecutor::new());
    server
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_BYTES);
    server
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(CALLS)
        .keep_alive_interval(PING)
        .keep_alive_timeout(PING);
    server
}
