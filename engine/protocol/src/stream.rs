//! What a stream begins with, what keeps it alive, and what it ends with.

use std::time::{Duration, SystemTime};

use crate::encoding::{Encoding, Frames};
use crate::ends::End;
use crate::messages::notice;
use crate::sse;
use crate::ws::close;

impl Encoding {
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
        let now = notice::millis(now);
        if self.is_websocket() {
            let json = format!(r#"{{"type":"ping","ts":"{now}"}}"#);
            self.message("ping", &json, out);
        } else {
            self.sse_text(format!(": keepalive {now}\n\n").as_bytes(), out);
        }
    }
}

impl Frames {
    /// What keeps a silent stream alive.
    pub fn heartbeat(now: SystemTime) -> Self {
        Self::new(|encoding, out| encoding.heartbeat(now, out))
    }
}

#[cfg(test)]
mod tests;
