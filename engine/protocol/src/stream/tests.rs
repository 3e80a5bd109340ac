//! Tests of `stream`.

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
    let draining = "retry: 7\n\nevent: reconnect\ndata: {\"type\":\"reconnect\",\"after_ms\":7}\n\n";
    assert_eq!(text(Encoding::Sse, End::Draining { after_ms: 7 }), draining);
}

#[test]
fn a_websocket_ends_with_a_close_frame() {
    assert_eq!(closing(Encoding::Ws, &End::SlowConsumer), b"\x88\x0f\x0f\xa8Slow consumer");
    assert_eq!(closing(Encoding::WsWithId, &End::Closed(None)), [0x88, 0]);
    let answered = closing(Encoding::Ws, &End::Closed(Some(1001)));
    assert_eq!(answered, [0x88, 2, 0x03, 0xE9]);
    let draining = closing(Encoding::Ws, &End::Draining { after_ms: 7 });
    let notice = b"\x81\x21{\"type\":\"reconnect\",\"after_ms\":7}";
    assert_eq!(draining[..notice.len()], *notice);
    assert_eq!(draining[notice.len()..], *b"\x88\x11\x03\xf4Server draining");
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
