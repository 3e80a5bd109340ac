//! Tests of `instruments::floor::handshake`.

use super::*;

const REQUEST: &[u8] = b"GET /any?token=x HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n\
        SEC-WebSocket-key:  dGhlIHNhbXBsZSBub25jZQ== \r\nSec-WebSocket-Version: 13\r\n\r\n";

fn subscribed(answer: Answer) -> String {
    match answer {
        Answer::Subscribed(head) => String::from_utf8(head).unwrap(),
        other => panic!("{other:?}"),
    }
}

/// The key and its answer are those of RFC 6455, 1.3.
#[test]
fn a_websocket_is_answered_by_the_hash_of_its_key() {
    assert_eq!(
        subscribed(answer(Transport::Ws, REQUEST)),
        "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
    );
}

#[test]
fn an_event_stream_is_chunked_and_kept_alive() {
    let head = subscribed(answer(Transport::Sse, b"GET / HTTP/1.1\r\n\r\n"));
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && head.ends_with("\r\n\r\n"));
    for field in ["content-type: text/event-stream", "connection: keep-alive", "transfer-encoding: chunked"] {
        assert!(head.lines().any(|line| line == field), "{field}");
    }
}

#[test]
fn a_head_is_waited_for_to_its_last_byte() {
    for end in 0..REQUEST.len() {
        for transport in [Transport::Ws, Transport::Sse] {
            assert_eq!(answer(transport, &REQUEST[..end]), Answer::NotYet, "{end}");
        }
    }
}

#[test]
fn no_key_and_no_end_are_refused() {
    for head in [
        &b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"[..],
        b"GET / HTTP/1.1\r\nSec-WebSocket-Key: \r\n\r\n",
        b"GET / HTTP/1.1\r\nX-Sec-WebSocket-Key: a\r\n\r\nSec-WebSocket-Key: b\r\n\r\n",
    ] {
        assert!(matches!(answer(Transport::Ws, head), Answer::Refused(_)));
    }
    let endless = vec![b'x'; HEAD_BYTES_MAX];
    assert!(matches!(answer(Transport::Sse, &endless), Answer::Refused(_)));
}
