//! The listener, and the connections that come from it.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs};

use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};
use rustix::process::{Resource, getrlimit, setrlimit};

use crate::lowat;

/// Connections that wait to be accepted: as many as the engine's listener lets wait.
const BACKLOG: i32 = 4096;

/// Bytes that the kernel may hold unsent for one socket, as with the engine (`stream.unsent_bytes`).
const UNSENT_BYTES: u32 = 16 * 1024;

/// How long a peer may acknowledge nothing, in milliseconds, as with the engine (`stream.user_timeout_seconds`).
const USER_TIMEOUT_MS: u32 = 120_000;

/// Raises the number of open files to the most that this process may have. Without leave it stays what it is, and
/// accepting says so once it is reached.
pub(crate) fn allow_descriptors() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    let _ = setrlimit(Resource::Nofile, limit);
}

/// Opens a listener that does not block. Connections inherit the options that are set on it.
///
/// # Errors
/// If the address is unknown, in use or not ours.
pub(crate) fn listen(address: &str) -> io::Result<TcpListener> {
    let unknown = || io::Error::new(io::ErrorKind::AddrNotAvailable, "no such address");
    let address = address.to_socket_addrs()?.next().ok_or_else(unknown)?;
    let family = match address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = rustix::net::socket_with(family, SocketType::STREAM, flags, None)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    rustix::net::bind(&socket, &address)?;
    rustix::net::listen(&socket, BACKLOG)?;
    sockopt::set_tcp_nodelay(&socket, true)?;
    sockopt::set_tcp_user_timeout(&socket, USER_TIMEOUT_MS)?;
    lowat::set_tcp_notsent_lowat(&socket, UNSENT_BYTES)?;
    Ok(socket.into())
}

/// The next connection, which does not block; none if nobody waits.
///
/// # Errors
/// If this process can't have another one.
pub(crate) fn accept(listener: &TcpListener) -> io::Result<Option<TcpStream>> {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted, WouldBlock};
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    loop {
        match rustix::net::accept_with(listener, flags).map_err(io::Error::from) {
            Ok(socket) => return Ok(Some(socket.into())),
            Err(error) => match error.kind() {
                WouldBlock => return Ok(None),
                // The peer was gone before it was accepted (accept(2)).
                ConnectionAborted | ConnectionReset | Interrupted => {}
                _ => return Err(error),
            },
        }
    }
}

#[cfg(test)]
mod tests;
