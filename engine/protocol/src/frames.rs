//! What a stream says besides events: gaps, heartbeats, farewells.

use std::time::SystemTime;

use crate::Encoding;
use crate::framing as wire;

/// RFC 6455, 5.2: a text frame.
const TEXT: u8 = 1;

/// The state of a tenant's source, as its subscribers are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The broker refuses to send the tenant's events.
    Refused,
    /// It sends them again.
    Up,
}

/// Why events are missing at a place of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gap {
    /// This subscriber lagged; so many events that matched were dropped.
    Overflow(u64),
    /// They are older than what is kept.
    Replay,
    /// The broker was away.
    Upstream,
}

impl Gap {
    /// The gap as JSON.
    pub fn json(self) -> String {
        match self {
            Self::Overflow(dropped) => {
                format!(r#"{{"type":"gap","reason":"overflow","dropped":{dropped}}}"#)
            }
            Self::Replay => r#"{"type":"gap","reason":"replay","dropped":null}"#.to_owned(),
            Self::Upstream => r#"{"type":"gap","reason":"upstream","dropped":null}"#.to_owned(),
        }
    }

    /// The gap as `encoding` sends it, appended to `out`.
    pub fn encode(self, encoding: Encoding, out: &mut Vec<u8>) {
        named(encoding, "gap", &self.json(), out);
    }
}

/// The state of its source as JSON, as a subscriber is told.
pub fn source(state: Source) -> &'static str {
    match state {
        Source::Refused => r#"{"type":"upstream","state":"refused"}"#,
        Source::Up => r#"{"type":"upstream","state":"up"}"#,
    }
}

/// Appends `json` as `encoding` sends it; over SSE as a named event.
pub fn named(encoding: Encoding, name: &str, json: &str, out: &mut Vec<u8>) {
    match encoding {
        Encoding::Ws | Encoding::WsWithId => wire::ws_frame(TEXT, json.as_bytes(), out),
        Encoding::Sse | Encoding::SseChunked => {
            let mut message = Vec::with_capacity(json.len() + name.len() + 32);
            wire::sse_message(Some(name), None, json.as_bytes(), &mut message);
            sse_text(encoding, &message, out);
        }
    }
}

/// Appends ready SSE text, in a chunk of its own where the transport has chunks.
pub fn sse_text(encoding: Encoding, text: &[u8], out: &mut Vec<u8>) {
    if encoding == Encoding::SseChunked {
        wire::sse_chunk(text, out);
    } else {
        out.extend_from_slice(text);
    }
}

/// Appends what keeps a silent stream alive: a ping over WebSocket, a comment over SSE.
pub fn heartbeat(encoding: Encoding, now: SystemTime, out: &mut Vec<u8>) {
    let now = humantime::format_rfc3339_millis(now);
    match encoding {
        Encoding::Ws | Encoding::WsWithId => {
            wire::ws_frame(
                TEXT,
                format!(r#"{{"type":"ping","ts":"{now}"}}"#).as_bytes(),
                out,
            );
        }
        Encoding::Sse | Encoding::SseChunked => {
            sse_text(encoding, format!(": keepalive {now}\n\n").as_bytes(), out)
        }
    }
}

/// A notice that many subscribers get, encoded once for each way of sending it.
#[derive(Debug)]
pub struct Notice {
    frames: [Box<[u8]>; 3],
    /// Gaps that it tells of: one or none.
    gaps: u64,
}

impl Notice {
    /// Of a gap.
    pub fn gap(gap: Gap) -> Self {
        Self::new("gap", &gap.json(), 1)
    }

    /// Of the state of a tenant's source.
    pub fn source(state: Source) -> Self {
        Self::new("upstream", source(state), 0)
    }

    fn new(name: &str, json: &str, gaps: u64) -> Self {
        let frame = |encoding| {
            let mut out = Vec::new();
            named(encoding, name, json, &mut out);
            out.into_boxed_slice()
        };
        Self {
            frames: [Encoding::Ws, Encoding::Sse, Encoding::SseChunked].map(frame),
            gaps,
        }
    }

    /// Gaps that it tells of: one or none.
    pub fn gaps(&self) -> u64 {
        self.gaps
    }

    /// Its bytes in this encoding.
    pub fn frame(&self, encoding: Encoding) -> &[u8] {
        match encoding {
            Encoding::Ws | Encoding::WsWithId => &self.frames[0],
            Encoding::Sse => &self.frames[1],
            Encoding::SseChunked => &self.frames[2],
        }
    }
}
