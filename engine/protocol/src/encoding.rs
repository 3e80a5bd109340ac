//! The forms in which events, answers and notices go to a socket.
//!
//! Another encoding is added here, in the event's encoded forms (`floodway_core::event`), and where a stream is set up
//! (`floodway_server::http`). Nothing else names one.

use crate::EventId;
use crate::sse;
use crate::ws::frame;

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

    /// As [`Encoding::message`], with an id over SSE.
    pub(crate) fn message_with_id(self, name: &str, id: EventId, json: &str, out: &mut Vec<u8>) {
        if self.is_websocket() {
            return self.message(name, json, out);
        }
        let mut message = Vec::with_capacity(json.len() + name.len() + 64);
        sse::message(Some(name), Some(id), json.as_bytes(), &mut message);
        self.sse_text(&message, out);
    }

    /// Appends a message as an event is sent, but without an id.
    pub fn unnamed(self, json: &[u8], out: &mut Vec<u8>) {
        if self.is_websocket() {
            return frame::write(frame::TEXT, json, out);
        }
        let mut message = Vec::with_capacity(json.len() + 16);
        sse::message(None, None, json, &mut message);
        self.sse_text(&message, out);
    }

    /// The answer to an action. Only a WebSocket has actions.
    pub fn answer(self, json: &str) -> Vec<u8> {
        let mut out = Vec::with_capacity(json.len() + frame::HEADER_BYTES_MAX);
        self.message("answer", json, &mut out);
        out
    }

    /// Appends ready SSE text, in a chunk of its own where the body has chunks.
    pub(crate) fn sse_text(self, text: &[u8], out: &mut Vec<u8>) {
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

    pub(crate) fn new(append: impl Fn(Encoding, &mut Vec<u8>)) -> Self {
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
