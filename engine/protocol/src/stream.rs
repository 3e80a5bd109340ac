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
        let now = humantime::format_rfc3339_millis(now);
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
        let draining =
            "retry: 7\n\nevent: reconnect\ndata: {\"type\":\"reconnect\",\"after_ms\":7}\n\n";
        assert_eq!(text(Encoding::Sse, End::Draining { after_ms: 7 }), draining);
    }

    #[test]
    fn a_websocket_ends_with_a_close_frame() {
        assert_eq!(
            closing(Encoding::Ws, &End::SlowConsumer),
            b"\x88\x0f\x0f\xa8Slow consumer"
        );
        assert_eq!(closing(Encoding::WsWithId, &End::Closed(None)), [0x88, 0]);
        let answered = closing(Encoding::Ws, &End::Closed(Some(1001)));
        assert_eq!(answered, [0x88, 2, 0x03, 0xE9]);
        let draining = closing(Encoding::Ws, &End::Draining { after_ms: 7 });
        let notice = b"\x81\x21{\"type\":\"reconnect\",\"after_ms\":7}";
        assert_eq!(draining[..notice.len()], *notice);
        assert_eq!(
            draining[notice.len()..],
            *b"\x88\x11\x03\xf4Server draining"
        );
    }

    #[test]
    fn a_heartbeat_says_the_time() {
        let frames = Frames::heartbeat(SystemTime::UNIX_EPOCH);
        let json = br#"{"type":"ping","ts":"1970-01-01T00:00:00.000Z"}"#;
        assert_eq!(frames.get(Encoding::WsWithId)[2..], *json);
        let comment = b": keepalive 1970-01-01T00:00:00.000Z\n\n";
        assert_eq!(frames.get(Encoding::Sse), comment);
        let chunk = [b"26\r\n", &comment[..], b"\r\n"].concat();
        assert_eq!(frames.get(Encoding::SseChunked), chunk);
    }
}
