//! WebSocket (RFC 6455), the server's side of it.
//!
//! Invariant: nothing a client sends makes the gateway hold more than the limit it was given, and whatever breaks the
//! RFC ends the connection with the close code that the RFC names for it. Only this room and the handshake know
//! fastwebsockets.

pub mod close;
mod header;
pub mod reader;
mod violation;

use crate::ends::End;
use crate::framing::ws_frame;

/// Opcodes of RFC 6455, 11.8.
const CLOSE: u8 = 8;
const PONG: u8 = 10;

/// A close frame with this code and reason.
pub fn close_frame(code: u16, reason: &str) -> Vec<u8> {
    frame(CLOSE, &close::payload(code, reason))
}

/// The close frame of a stream that ends so.
pub(crate) fn closing(end: &End) -> Vec<u8> {
    match (end, end.close()) {
        // RFC 6455, 5.5.1: a close frame with no code is answered with none.
        (End::Closed(None), _) | (_, None) => frame(CLOSE, &[]),
        (_, Some((code, reason))) => close_frame(code, &reason),
    }
}

/// The answer to a ping with this payload.
pub(crate) fn pong(payload: &[u8]) -> Vec<u8> {
    frame(PONG, payload)
}

fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(payload.len() + 10);
    ws_frame(opcode, payload, &mut out);
    out
}
