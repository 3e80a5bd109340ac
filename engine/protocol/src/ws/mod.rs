//! WebSocket (RFC 6455), the server's side of it.
//!
//! Invariant: nothing a client sends makes the gateway hold more than the limit it was given, and whatever breaks the
//! RFC ends the connection with the close code that the RFC names for it. Only this room and the handshake know
//! fastwebsockets.

pub mod close;
pub mod frame;
mod header;
pub mod reader;
mod violation;
