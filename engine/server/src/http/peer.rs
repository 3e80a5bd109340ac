//! The other end of a connection.

use std::net::SocketAddr;

use http::Extensions;

/// The client's end, as each request of the connection carries it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer {
    pub(super) address: Option<SocketAddr>,
    pub(super) tls: bool,
}

/// The address of a request's peer.
pub(super) fn address(extensions: &Extensions) -> Option<SocketAddr> {
    extensions.get::<Peer>()?.address
}
