//! One JSON text in all encodings.
//!
//! Invariant: each encoding is made at most once, by the thread that needs it first, and its bytes never change or move
//! after that. The plain WebSocket frame is there from the beginning: it holds the text itself.

use std::sync::OnceLock;

use floodway_protocol::ws::frame::{self, HEADER_BYTES_MAX};
use floodway_protocol::{Encoding, EventId, sse};

/// A JSON text that is being written, with room before it for the header of its frame.
#[derive(Debug)]
pub(super) struct Draft(Vec<u8>);

impl Draft {
    /// An empty text that can grow to about `bytes` without moving.
    pub(super) fn with_capacity(bytes: usize) -> Self {
        let mut draft = Self(Vec::with_capacity(HEADER_BYTES_MAX + bytes));
        draft.clear();
        draft
    }

    /// Empties it, and keeps its memory.
    pub(super) fn clear(&mut self) {
        self.0.clear();
        self.0.extend_from_slice(&[0; HEADER_BYTES_MAX]);
    }

    /// The offset of the next byte in the text.
    pub(super) fn offset(&self) -> u32 {
        u32::try_from(self.len()).expect("an event is shorter than 4 GiB")
    }

    fn len(&self) -> usize {
        self.0.len() - HEADER_BYTES_MAX
    }

    pub(super) fn push(&mut self, byte: u8) {
        self.0.push(byte);
    }

    pub(super) fn append(&mut self, json: &[u8]) {
        self.0.extend_from_slice(json);
    }

    /// Appends `text` as a JSON string. The caller knows whether it is plain: no character of it needs an escape.
    pub(super) fn append_string(&mut self, text: &str, is_plain: bool) {
        if is_plain {
            self.0.push(b'"');
            self.0.extend_from_slice(text.as_bytes());
            self.0.push(b'"');
        } else {
            serde_json::to_writer(&mut self.0, text).expect("a Vec takes every write");
        }
    }

    /// Appends the raw text of a value. Its line breaks become spaces, so that the event is one `data:` line; in JSON they
    /// can only be white space between tokens.
    pub(super) fn append_value(&mut self, raw: &[u8]) {
        let from = self.0.len();
        self.0.extend_from_slice(raw);
        // Only an array or object has anything between its tokens.
        if matches!(raw.first(), Some(b'[' | b'{')) {
            for byte in &mut self.0[from..] {
                if matches!(*byte, b'\r' | b'\n') {
                    *byte = b' ';
                }
            }
        }
    }

    /// The finished text. The draft has to be cleared before it is written again.
    pub(super) fn encoded(&mut self) -> Encoded {
        let (header, header_bytes) = frame::header(frame::TEXT, self.len());
        let from = HEADER_BYTES_MAX - header_bytes;
        self.0[from..HEADER_BYTES_MAX].copy_from_slice(&header[..header_bytes]);
        Encoded {
            ws: Box::from(&self.0[from..]),
            json_at: header_bytes,
            ws_with_id: OnceLock::new(),
            sse: OnceLock::new(),
        }
    }
}

/// A JSON object with the frames around it.
#[derive(Debug)]
pub(super) struct Encoded {
    ws: Box<[u8]>,
    json_at: usize,
    ws_with_id: OnceLock<Box<[u8]>>,
    sse: OnceLock<Chunk>,
}

/// An SSE message inside its HTTP chunk.
#[derive(Debug)]
struct Chunk {
    bytes: Box<[u8]>,
    message_bytes: usize,
}

impl Encoded {
    /// The text.
    pub(super) fn json(&self) -> &[u8] {
        &self.ws[self.json_at..]
    }

    /// The bytes in this encoding. `id` must be the same in each call.
    pub(super) fn bytes(&self, encoding: Encoding, id: EventId) -> &[u8] {
        match encoding {
            Encoding::Ws => &self.ws,
            Encoding::WsWithId => self.ws_with_id.get_or_init(|| with_id(self.json(), id)),
            Encoding::Sse => self.chunk(id).message(),
            Encoding::SseChunked => &self.chunk(id).bytes,
        }
    }

    fn chunk(&self, id: EventId) -> &Chunk {
        self.sse.get_or_init(|| Chunk::new(self.json(), id))
    }
}

impl Chunk {
    fn new(json: &[u8], id: EventId) -> Self {
        let (mut message, mut bytes) = (Vec::new(), Vec::new());
        sse::message(None, Some(id), json, &mut message);
        sse::chunk(&message, &mut bytes);
        Self { bytes: bytes.into_boxed_slice(), message_bytes: message.len() }
    }

    fn message(&self) -> &[u8] {
        let end = self.bytes.len() - b"\r\n".len();
        &self.bytes[end - self.message_bytes..end]
    }
}

fn with_id(json: &[u8], id: EventId) -> Box<[u8]> {
    let open = json.strip_suffix(b"}").expect("an event is an object");
    let mut text = Vec::with_capacity(json.len() + 32);
    text.extend_from_slice(open);
    text.extend_from_slice(b",\"id\":\"");
    id.write(&mut text);
    text.extend_from_slice(b"\"}");
    let mut out = Vec::new();
    frame::write(frame::TEXT, &text, &mut out);
    out.into_boxed_slice()
}
