//! A WebSocket whose server is the other end of a pipe.

use futures_util::StreamExt;
use tokio::io::{AsyncWriteExt, DuplexStream, duplex};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::*;
use crate::mqtt::link::error::LinkError;

fn open() -> (WebSocket, DuplexStream) {
    let (ours, theirs) = duplex(1024);
    (WebSocket::new(Box::new(ours), BytesMut::new()), theirs)
}

async fn why(ws: &mut WebSocket) -> String {
    let error = ws.read_u8().await.expect_err("it ends");
    LinkError::broken(error).to_string()
}

/// Reads a masked frame of a few bytes.
async fn frame(theirs: &mut DuplexStream) -> (u8, Vec<u8>) {
    let mut head = [0; 6];
    theirs.read_exact(&mut head).await.unwrap();
    let mut payload = vec![0; usize::from(head[1] & 0x7f)];
    theirs.read_exact(&mut payload).await.unwrap();
    assert_ne!(head[1] & 0x80, 0, "it is masked");
    let mask = head[2..].iter().cycle();
    (head[0], payload.iter().zip(mask).map(|(byte, mask)| byte ^ mask).collect())
}

#[tokio::test]
async fn what_is_written_is_read_by_a_server_of_another_making() {
    let (mut ws, theirs) = open();
    let mut server = WebSocketStream::from_raw_socket(theirs, Role::Server, None).await;
    for bytes in [1, 125, 126, 65_535, 65_536, 200_000] {
        let sent: Vec<u8> = (0..bytes).map(|n| n as u8).collect();
        let writing = async {
            ws.write_all(&sent).await.unwrap();
            ws.flush().await.unwrap();
        };
        let reading = async {
            let mut read = Vec::new();
            while read.len() < sent.len() {
                match server.next().await.unwrap().unwrap() {
                    Message::Binary(part) => read.extend_from_slice(&part),
                    other => panic!("{other:?}"),
                }
            }
            read
        };
        let ((), read) = tokio::join!(writing, reading);
        assert!(read == sent, "{bytes}");
    }
}

#[tokio::test]
async fn a_frame_of_any_length_is_passed_on_and_not_held() {
    const BYTES: usize = 3 << 20;
    let (mut ws, mut theirs) = open();
    let sending = async {
        theirs.write_all(&[0x82, 127, 0, 0, 0, 0, 0, 0x30, 0, 0]).await.unwrap();
        theirs.write_all(&vec![7; BYTES]).await.unwrap();
    };
    let reading = async {
        let mut left = BYTES;
        let mut some = [0; 4096];
        while left > 0 {
            left -= ws.read(&mut some).await.unwrap();
        }
    };
    tokio::join!(sending, reading);
    assert!(ws.read.capacity() <= 4 * READ_BYTES, "{}", ws.read.capacity());
}

#[tokio::test]
async fn what_rfc_6455_forbids_is_told() {
    for (bytes, words) in [
        (&b"\x81\x01a"[..], "text frame"),
        (b"\x82\x81\x00\x00\x00\x00a", "masked"),
        (b"\xc2\x01a", "extension"),
        (b"\x80\x01a", "without a beginning"),
        (b"\x02\x01a\x82\x01b", "within another"),
        (b"\x83\x01a", "unknown kind"),
        (b"\x09\x01a", "in pieces"),
        (b"\x89\x7e\x00\x80", "too long"),
    ] {
        let (mut ws, mut theirs) = open();
        theirs.write_all(bytes).await.unwrap();
        let mut read = Vec::new();
        let error = ws.read_to_end(&mut read).await.expect_err("it is forbidden");
        let told = LinkError::broken(error).to_string();
        assert!(told.starts_with("it broke the WebSocket protocol") && told.contains(words), "{bytes:x?}: {told}");
    }
}

#[tokio::test]
async fn a_ping_is_answered_and_a_pong_passed_over() {
    let (mut ws, mut theirs) = open();
    theirs.write_all(b"\x8a\x01x\x89\x03abc\x82\x01d").await.unwrap();
    assert_eq!(ws.read_u8().await.unwrap(), b'd');
    assert_eq!(frame(&mut theirs).await, (0x8a, b"abc".to_vec()));
}

#[tokio::test]
async fn an_end_is_answered_and_one_with_a_fault_is_told() {
    for (end, echoed) in [(&b"\x88\x00"[..], &b""[..]), (b"\x88\x02\x03\xe8", b"\x03\xe8")] {
        let (mut ws, mut theirs) = open();
        theirs.write_all(b"\x82\x01a").await.unwrap();
        theirs.write_all(end).await.unwrap();
        let mut read = Vec::new();
        assert_eq!(ws.read_to_end(&mut read).await.unwrap(), 1);
        assert_eq!(frame(&mut theirs).await, (0x88, echoed.to_vec()));
    }
    let (mut ws, mut theirs) = open();
    theirs.write_all(b"\x88\x0b\x03\xf1too large").await.unwrap();
    assert_eq!(why(&mut ws).await, "it closed the WebSocket: too large (1009)");
}

/// A server that answers an upgrade with this head, in which `KEY` stands for what the request demands.
async fn upgraded(head: &str) -> Result<WebSocket, LinkError> {
    let (ours, mut theirs) = duplex(4096);
    let serving = async {
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(theirs.read_u8().await.unwrap());
        }
        let request = String::from_utf8(request).unwrap();
        assert!(request.starts_with("GET /a HTTP/1.1\r\nHost: h:1\r\n"), "{request}");
        assert!(request.contains("\r\nSec-WebSocket-Protocol: mqtt\r\n"), "{request}");
        let key = request.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap();
        let head = head.replace("KEY", &derive_accept_key(key.as_bytes()));
        // It may hang up before it has read all of an answer that is too long.
        let _ = theirs.write_all(head.as_bytes()).await;
        drop(theirs);
    };
    let (upgraded, ()) = tokio::join!(upgrade(Box::new(ours), "h:1", "/a"), serving);
    upgraded
}

const AGREED: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n\
     Sec-WebSocket-Accept: KEY\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n";

#[tokio::test]
async fn an_upgrade_begins_the_stream_behind_its_head() {
    let mut ws = upgraded(&format!("{AGREED}\u{2}\u{1}a")).await.unwrap();
    assert_eq!(ws.read_u8().await.unwrap(), b'a');
}

#[tokio::test]
async fn an_upgrade_that_is_refused_is_told_with_what_to_look_at() {
    let endless = format!("HTTP/1.1 101 Yes\r\nA: {}", "x".repeat(20_000));
    for (head, words) in [
        ("HTTP/1.1 404 Not Found\r\n\r\n", "status 404; check the path in mqtt.url"),
        ("HTTP/1.1 403 Forbidden\r\n\r\n", "status 403; it, or a proxy before it"),
        ("HTTP/1.1 302 Found\r\nLocation: /b\r\n\r\n", "a redirect is not followed"),
        ("HTTP/1.1 503 Busy\r\n\r\n", "status 503; it is tried again"),
        (&AGREED.replace("KEY", "another"), "its answer is to another request"),
        (&AGREED.replace("WebSocket\r\n", "h2c\r\n"), "another protocol"),
        (&AGREED.replace("Sec-WebSocket-Protocol: mqtt\r\n", ""), "does not speak MQTT in it"),
        (&AGREED.replace("mqtt", "stomp"), "does not speak MQTT in it"),
        ("\u{15}\u{3}\u{1}", "it speaks TLS, as with wss://"),
        ("SSH-2.0-x\r\n", "no WebSocket server"),
        (&endless, "no end within"),
        ("HTTP/1.1 101", "without an answer to the WebSocket upgrade"),
        ("", "without an answer to the WebSocket upgrade"),
    ] {
        let told = upgraded(head).await.err().expect("refused").to_string();
        assert!(told.contains(words), "{head}: {told}");
    }
}
