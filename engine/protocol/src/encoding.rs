//! The forms in which events, answers and notices go to a socket; what a stream begins with, what keeps it alive, and what
//! it ends with.
//!
//! Another encoding is added here, in the event's encoded forms (`floodway_core::event`), and where a stream is set up
//! (`floodway_server::http`). Nothing else names one.

use std::time::{Duration, SystemTime};

use crate::ends::End;
use crate::messages::notice;
use crate::sse;
use crate::ws::{close, frame};

/// The form in which a stream's bytes go to its socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// One WebSocket text frame (RFC 6455, 5.2) for each message.
    Ws,
    /// The same, with an event's id as the last key of its JSON, for streams that resume.
    WsWithId,
    /// One SSE message for each.
    Sse,
    /// One SSE message as one HTTP/1.1 chunk (RFC 9112, 7.1).
    SseChunked,
}

impl Encoding {
    /// Whether it is spoken over a WebSocket, whose clients may send actions. The others are event streams.
    #[inline]
    pub fn is_websocket(self) -> bool {
        match self {
            Self::Ws | Self::WsWithId => true,
            Self::Sse | Self::SseChunked => false,
        }
    }

    /// Appends a message that is no event, as JSON; over SSE it is an event of this name.
    pub fn message(self, name: &str, json: &str, out: &mut Vec<u8>) {
        if self.is_websocket() {
            return frame::write(frame::TEXT, json.as_bytes(), out);
        }
        let mut message = Vec::with_capacity(json.len() + name.len() + 32);
        sse::message(Some(name), None, json.as_bytes(), &mut message);
        self.sse_text(&message, out);
    }

    /// The answer to an action. Only a WebSocket has actions.
    pub fn answer(self, json: &str) -> Vec<u8> {
        let mut out = Vec::with_capacity(json.len() + frame::HEADER_BYTES_MAX);
        self.message("answer", json, &mut out);
        out
    }

    /// Appends what a stream begins with, before its first message.
    pub fn open(self, out: &mut Vec<u8>) {
        self.retry(sse::RETRY_MS, out);
    }

    /// Appends the last bytes of a stream that ends so. Nothing follows them.
    pub fn close(self, end: &End, out: &mut Vec<u8>) {
        if let End::Draining { after_ms } = end {
            self.retry(*after_ms, out);
            let json = notice::reconnect(Duration::from_millis(*after_ms));
            self.message("reconnect", &json, out);
        }
        if self.is_websocket() {
            // RFC 6455, 5.5.1: a client's close frame without a code is answered by one without.
            let code = end.code().filter(|_| *end != End::Closed(None));
            close::write(code, end.text(), out);
        } else if *end == End::Expired {
            // Its browser would come back with the same token, and never again after the 401.
            self.message("expired", notice::EXPIRED, out);
        }
        if self == Self::SseChunked {
            out.extend_from_slice(sse::LAST_CHUNK);
        }
    }

    /// Appends what a client waits before it comes back. A WebSocket client decides that for itself.
    fn retry(self, pause_ms: u64, out: &mut Vec<u8>) {
        if !self.is_websocket() {
            self.sse_text(format!("retry: {pause_ms}\n\n").as_bytes(), out);
        }
    }

    /// Appends what keeps a silent stream alive: a ping over WebSocket, a comment over SSE.
    fn heartbeat(self, now: SystemTime, out: &mut Vec<u8>) {
        let now = humantime::format_rfc3339_millis(now);
        if self.is_websocket() {
            let json = format!(r#"{{"type":"ping","ts":"{now}"}}"#);
            self.message("ping", &json, out);
        } else {
            self.sse_text(format!(": keepalive {now}\n\n").as_bytes(), out);
        }
    }

    /// Appends ready SSE text, in a chunk of its own where the body has chunks.
    fn sse_text(self, text: &[u8], out: &mut Vec<u8>) {
        if self == Self::SseChunked {
            sse::chunk(text, out);
        } else {
            out.extend_from_slice(text);
        }
    }
}

/// What many streams are sent alike, encoded once for each way of sending it.
#[derive(Debug)]
pub struct Frames([Box<[u8]>; 3]);

impl Frames {
    /// A message as [`Encoding::message`] sends it.
    pub fn message(name: &str, json: &str) -> Self {
        Self::new(|encoding, out| encoding.message(name, json, out))
    }

    /// What keeps a silent stream alive.
    pub fn heartbeat(now: SystemTime) -> Self {
        Self::new(|encoding, out| encoding.heartbeat(now, out))
    }

    fn new(append: impl Fn(Encoding, &mut Vec<u8>)) -> Self {
        Self([Encoding::Ws, Encoding::Sse, Encoding::SseChunked].map(|encoding| {
            let mut out = Vec::new();
            append(encoding, &mut out);
            out.into_boxed_slice()
        }))
    }

    /// The bytes in this encoding.
    pub fn get(&self, encoding: Encoding) -> &[u8] {
        match encoding {
            Encoding::Ws | Encoding::WsWithId => &self.0[0],
            Encoding::Sse => &self.0[1],
            Encoding::SseChunked => &self.0[2],
        }
    }
}

#[cfg(test)]
mod tests;
