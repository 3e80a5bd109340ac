//! One connection of the public listener: TLS, and which HTTP is spoken on it.

use std::io;
use std::rc::Rc;

use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::pending::Ticket;
use super::shard_context::{Peer, ShardContext};
use super::tls::TlsPipe;
use super::{http1, http2};
use crate::tls::ServerStream;
use floodway_core::shard::Outlet;

/// RFC 9113, 3.4: how a client that speaks HTTP/2 without asking begins.
const H2_PREFACE: &[u8] = b"PRI * HTTP/2.0";

/// Serves a connection, unless its permit is needed by another one while no request is being answered.
pub(super) async fn serve(socket: TcpStream, ticket: Ticket, shard_context: Rc<ShardContext>) {
    let served = tokio::select! {
        served = serve_wanted(socket, &ticket, &shard_context) => served,
        () = ticket.unwanted() => Err(io::Error::other("cut to make room")),
    };
    if let Err(error) = served {
        tracing::debug!(%error, "connection ended");
    }
}

async fn serve_wanted(socket: TcpStream, ticket: &Ticket, shard_context: &Rc<ShardContext>) -> io::Result<()> {
    let tls = &shard_context.shared.tls;
    let peer = Peer { address: socket.peer_addr().ok(), tls: tls.is_some() };
    let patience = shard_context.shared.http.header_timeout;
    if let Some(tls) = tls {
        let stream = timeout(patience, tls.accept(socket)).await??;
        if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
            http2::serve(stream, peer, ticket, shard_context).await
        } else {
            http1::serve(stream, peer, ticket, shard_context, encrypted).await
        }
    } else if timeout(patience, speaks_h2(&socket)).await?? {
        http2::serve(socket, peer, ticket, shard_context).await
    } else {
        http1::serve(socket, peer, ticket, shard_context, plain).await
    }
}

fn plain(socket: TcpStream) -> io::Result<Outlet> {
    let socket = mio::net::TcpStream::from_std(socket.into_std()?);
    Ok(Outlet::Socket(socket))
}

fn encrypted(stream: ServerStream<TcpStream>) -> io::Result<Outlet> {
    let (socket, tls) = stream.into_inner();
    let socket = mio::net::TcpStream::from_std(socket.into_std()?);
    Ok(Outlet::Pipe(Box::new(TlsPipe::new(socket, tls))))
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
            // The peer has closed its side: such a socket stays readable, and would be looked at without a pause.
            if socket.ready(Interest::READABLE).await?.is_read_closed() {
                return Ok(false);
            }
            // Part of the preface, and nothing new: the runtime has to forget that there is something to read.
            let nothing_new = || Err::<(), _>(io::ErrorKind::WouldBlock.into());
            let _ = socket.try_io(Interest::READABLE, nothing_new);
        }
        seen = n;
    }
}

#[cfg(all(test, not(floodway_loom)))]
mod tests;
