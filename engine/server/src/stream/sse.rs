//! A live event stream (WHATWG HTML, 9.2): its client says nothing, and is told good-bye by the end of the body.

use std::time::Duration;

use floodway_core::event::Encoding;
use floodway_core::shard::{Session, SessionContext};
use floodway_protocol::frames::{named, sse_text};
use floodway_protocol::{End, notices};

/// What a client is told to wait before it comes back, in milliseconds.
pub const RETRY_MS: u64 = 2000;

/// RFC 9112, 7.1: the chunk that ends a body.
const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// The client's side of a stream, of which there is nothing to keep.
pub struct SseSession;

impl Session for SseSession {
    fn receive(&mut self, _: &mut [u8], line: &mut SessionContext<'_>) {
        // Nothing can be asked of an event stream. Whoever sends all the same is read slowly, and not listened to.
        line.count_messages(1);
    }

    fn farewell(&self, encoding: Encoding, end: &End, out: &mut Vec<u8>) {
        match end {
            End::Draining { after_ms } => {
                sse_text(encoding, format!("retry: {after_ms}\n\n").as_bytes(), out);
                let text = notices::reconnect(Duration::from_millis(*after_ms));
                named(encoding, "reconnect", &text, out);
            }
            // Its browser would come back with the same token, and never again after the 401.
            End::Expired => named(encoding, "expired", notices::EXPIRED, out),
            _ => {}
        }
        if encoding == Encoding::SseChunked {
            out.extend_from_slice(LAST_CHUNK);
        }
    }
}

#[cfg(all(test, not(floodway_loom)))]
mod tests {
    use super::*;

    #[test]
    fn an_expired_stream_is_told_so_before_its_end() {
        let told = |encoding, end| {
            let mut out = Vec::new();
            SseSession.farewell(encoding, &end, &mut out);
            String::from_utf8(out).expect("text")
        };
        let event = "event: expired\ndata: {\"type\":\"expired\",\"detail\":\"Invalid or expired token\"}\n\n";
        assert_eq!(told(Encoding::Sse, End::Expired), event);
        let chunked = format!("{:x}\r\n{event}\r\n0\r\n\r\n", event.len());
        assert_eq!(told(Encoding::SseChunked, End::Expired), chunked);
        assert_eq!(told(Encoding::Sse, End::SlowConsumer), "");
    }
}
