//! The forms in which an event goes to a socket.

use std::time::Duration;

use crate::ends::End;
use crate::frames::{named, sse_text};
use crate::{notices, ws};

/// What an SSE client waits before it comes back, in milliseconds.
const SSE_RETRY_MS: u64 = 2000;

/// RFC 9112, 7.1: the chunk that ends a body.
const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// The form in which an event goes to a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// One WebSocket text frame (RFC 6455, 5.2).
    Ws,
    /// The same, with the event's id as the last key of its JSON, for streams that resume.
    WsWithId,
    /// One SSE message.
    Sse,
    /// One SSE message as one HTTP/1.1 chunk (RFC 9112, 7.1).
    SseChunked,
}

impl Encoding {
    /// Whether it is spoken over a WebSocket, whose clients may send actions; the others are event streams.
    #[inline]
    pub fn is_websocket(self) -> bool {
        matches!(self, Self::Ws | Self::WsWithId)
    }

    /// The answer to an action. Only a WebSocket has actions; over SSE it would be an event of that name.
    pub fn answer(self, json: &str) -> Vec<u8> {
        let mut out = Vec::with_capacity(json.len() + 10);
        named(self, "answer", json, &mut out);
        out
    }

    /// Appends what a stream begins with, before its first message.
    pub fn open(self, out: &mut Vec<u8>) {
        if !self.is_websocket() {
            sse_text(self, format!("retry: {SSE_RETRY_MS}\n\n").as_bytes(), out);
        }
    }

    /// Appends the last bytes of a stream that ends so. Nothing follows them.
    pub fn close(self, end: &End, out: &mut Vec<u8>) {
        if let End::Draining { after_ms } = end {
            if !self.is_websocket() {
                sse_text(self, format!("retry: {after_ms}\n\n").as_bytes(), out);
            }
            let text = notices::reconnect(Duration::from_millis(*after_ms));
            named(self, "reconnect", &text, out);
        }
        if self.is_websocket() {
            out.extend_from_slice(&ws::closing(end));
        } else if *end == End::Expired {
            // Its browser would come back with the same token, and never again after the 401.
            named(self, "expired", notices::EXPIRED, out);
        }
        if self == Self::SseChunked {
            out.extend_from_slice(LAST_CHUNK);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closing(encoding: Encoding, end: &End) -> Vec<u8> {
        let mut out = Vec::new();
        encoding.close(end, &mut out);
        out
    }

    #[test]
    fn an_expired_event_stream_says_so_before_its_end() {
        let text = |encoding, end| String::from_utf8(closing(encoding, &end)).expect("text");
        let event = "event: expired\ndata: {\"type\":\"expired\",\"detail\":\"Invalid or expired token\"}\n\n";
        assert_eq!(text(Encoding::Sse, End::Expired), event);
        let chunked = format!("{:x}\r\n{event}\r\n0\r\n\r\n", event.len());
        assert_eq!(text(Encoding::SseChunked, End::Expired), chunked);
        assert_eq!(text(Encoding::Sse, End::SlowConsumer), "");
    }

    #[test]
    fn a_websocket_ends_with_a_close_frame() {
        assert_eq!(
            closing(Encoding::Ws, &End::SlowConsumer),
            b"\x88\x0f\x0f\xa8Slow consumer"
        );
        // RFC 6455, 5.5.1: a close frame with no code is answered with none.
        assert_eq!(closing(Encoding::WsWithId, &End::Closed(None)), [0x88, 0]);
        let draining = closing(Encoding::Ws, &End::Draining { after_ms: 7 });
        let notice = b"\x81\x21{\"type\":\"reconnect\",\"after_ms\":7}";
        assert_eq!(draining[..notice.len()], *notice);
        assert_eq!(
            draining[notice.len()..],
            *b"\x88\x11\x03\xf4Server draining"
        );
    }
}
