//! Handshakes and requests that are wrong, half, or not HTTP at all.

use std::net::SocketAddr;
use std::time::Duration;

use floodway_tests::raw::{Raw, upgrade_request};
use floodway_tests::{SSE_PATH, WS_PATH};
use futures_util::future::join_all;

use super::Scene;

fn requests(token: &str) -> Vec<(&'static str, Vec<u8>)> {
    let get = |path: &str, headers: &str| format!("GET {path} HTTP/1.1\r\nHost: x\r\n{headers}\r\n").into_bytes();
    let good = upgrade_request(token, "");
    let edit = |from: &str, to: &str| good.replace(from, to).into_bytes();
    let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let tls = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec();
    vec![
        ("nothing", Vec::new()),
        ("one byte", b"G".to_vec()),
        ("zero bytes", vec![0; 100]),
        ("all ones", vec![0xff; 100]),
        ("line breaks", b"\r\n\r\n\r\n\r\n".to_vec()),
        ("no method", b" / HTTP/1.1\r\n\r\n".to_vec()),
        ("a lone method", b"GET\r\n\r\n".to_vec()),
        ("no version of HTTP", b"GET /\r\n\r\n".to_vec()),
        ("HTTP 0.9", b"GET /livez HTTP/0.9\r\n\r\n".to_vec()),
        ("HTTP 3 by name", b"GET /livez HTTP/3.0\r\n\r\n".to_vec()),
        ("another protocol", b"GET /livez FTP/1.1\r\nHost: x\r\n\r\n".to_vec()),
        ("SSH", b"SSH-2.0-OpenSSH_9.2\r\n".to_vec()),
        ("MQTT", b"\x10\x0c\x00\x04MQTT\x05\x02\x00\x3c\x00\x00".to_vec()),
        ("TLS to a plain port", tls),
        ("SOCKS", b"\x05\x01\x00".to_vec()),
        ("redis", b"*1\r\n$4\r\nPING\r\n".to_vec()),
        ("a long method", [vec![b'A'; 20_000], b" / HTTP/1.1\r\n\r\n".to_vec()].concat()),
        ("a long path", get(&format!("/{}", "a".repeat(70_000)), "")),
        ("a long query", get(&format!("{SSE_PATH}?device_id={}", "a,".repeat(35_000)), "")),
        ("a long header", get("/livez", &format!("X: {}\r\n", "a".repeat(70_000)))),
        ("a long header name", get("/livez", &format!("{}: x\r\n", "a".repeat(70_000)))),
        ("many headers", get("/livez", &(0..5000).map(|n| format!("x-{n}: y\r\n")).collect::<String>())),
        ("a header without a colon", get("/livez", "nonsense\r\n")),
        ("a header with a zero byte", get("/livez", "x: a\0b\r\n")),
        ("a header name with a space", get("/livez", "x y: z\r\n")),
        ("a folded header", get("/livez", "x: a\r\n b\r\n")),
        ("two hosts", get("/livez", "Host: y\r\n")),
        ("no host", b"GET /livez HTTP/1.1\r\n\r\n".to_vec()),
        ("a path of bytes", b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n".to_vec()),
        ("an absolute address", get("http://evil.example/livez", "")),
        ("a path with dots", get("/../../etc/passwd", "")),
        ("CONNECT", b"CONNECT evil.example:443 HTTP/1.1\r\nHost: x\r\n\r\n".to_vec()),
        ("TRACE", b"TRACE / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec()),
        ("OPTIONS of all", b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n".to_vec()),
        ("HEAD of a stream", format!("HEAD {SSE_PATH} HTTP/1.1\r\nHost: x\r\n\r\n").into_bytes()),
        ("two lengths", get("/livez", "Content-Length: 1\r\nContent-Length: 2\r\n")),
        ("a negative length", get("/livez", "Content-Length: -1\r\n")),
        ("an endless length", get("/livez", "Content-Length: 99999999999999999999\r\n")),
        ("a length and chunks", get("/livez", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n")),
        ("a body that never comes", get(SSE_PATH, "Content-Length: 1000\r\n")),
        ("bad chunks", [get(SSE_PATH, "Transfer-Encoding: chunked\r\n"), b"zz\r\n\r\n".to_vec()].concat()),
        ("an unknown coding", get("/livez", "Transfer-Encoding: magic\r\n")),
        ("an expectation", get("/livez", "Expect: 100-continue\r\nContent-Length: 10\r\n")),
        (
            "an upgrade to HTTP 2",
            get("/livez", "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AA\r\n"),
        ),
        (
            "the preface of HTTP 2 and noise",
            [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), vec![0xff; 100]].concat(),
        ),
        ("half the preface of HTTP 2", b"PRI * HTTP/2.0\r\n".to_vec()),
        ("no upgrade header", edit("Upgrade: websocket\r\n", "")),
        ("no connection header", edit("Connection: Upgrade\r\n", "")),
        ("another upgrade", edit("Upgrade: websocket", "Upgrade: webhook")),
        ("no version of WebSocket", edit("Sec-WebSocket-Version: 13\r\n", "")),
        ("version 8", edit("Version: 13", "Version: 8")),
        ("version 99", edit("Version: 13", "Version: 99")),
        ("a version of text", edit("Version: 13", "Version: thirteen")),
        ("no key", edit(key, "")),
        ("an empty key", edit(key, "Sec-WebSocket-Key: \r\n")),
        ("a short key", edit(key, "Sec-WebSocket-Key: c2hvcnQ=\r\n")),
        ("a key that is not base64", edit(key, "Sec-WebSocket-Key: ************************\r\n")),
        ("a long key", edit(key, &format!("Sec-WebSocket-Key: {}\r\n", "A".repeat(4000)))),
        ("POST with upgrade", edit("GET ", "POST ")),
        ("upgrade by HTTP 1.0", edit("HTTP/1.1", "HTTP/1.0")),
        ("upgrade of an unknown path", edit(&format!("GET {WS_PATH}?"), "GET /api/v1/nothing?")),
        ("bad escapes", edit("stream? ", "stream?device_id=%zz&metric=%&token=%0 ")),
        ("escapes that are no UTF-8", edit("stream? ", "stream?device_id=%ff%fe ")),
        ("a query of signs", edit("stream? ", "stream?&&&===&device_id&=A& ")),
        ("a wildcard in the query", edit("stream? ", "stream?device_id=%23 ")),
        ("two thousand ids", edit("stream? ", &format!("stream?device_id={} ", "a,".repeat(2000)))),
        ("half a handshake", good.as_bytes()[..good.len() / 2].to_vec()),
        ("all but the last byte", good.as_bytes()[..good.len() - 1].to_vec()),
    ]
}

/// Sends `bytes` on three connections and leaves each in another way.
async fn send_and_leave(address: SocketAddr, bytes: &[u8]) {
    let sent = async || {
        let mut raw = Raw::connect(address).await;
        // The gateway may close before it has read all.
        let _ = raw.write(bytes).await;
        raw
    };
    let patient = async {
        // Not every row is refused: what keeps a connection is ended by the idle time-out, or is a stream.
        sent().await.read_until(br#""connected""#).await;
    };
    let finishing = async {
        let mut raw = sent().await;
        raw.finish().await;
        raw.read_until(br#""connected""#).await;
    };
    let resetting = async { sent().await.reset() };
    tokio::join!(patient, finishing, resetting);
}

#[tokio::test]
async fn bad_requests_hold_nothing() {
    let mut scene = Scene::start().await;
    let address = scene.gateway.address();
    let rows = requests(&scene.good_token());
    for some in rows.chunks(8) {
        join_all(some.iter().map(|(_, bytes)| send_and_leave(address, bytes))).await;
        for (name, _) in some {
            scene.unharmed_by(format!("request: {name}")).await;
        }
    }
    scene.leaves_nothing(66).await;
}

#[tokio::test]
async fn who_sends_its_head_drop_by_drop_is_cut() {
    let mut scene = Scene::start().await;
    let token = scene.good_token();
    let request = upgrade_request(&token, "");
    let mut slow = Vec::new();
    for _ in 0..200 {
        slow.push(Raw::connect(scene.gateway.address()).await);
    }
    // Each connection sends a byte, now and then; the whole head would take a quarter of a minute.
    let mut pace = tokio::time::interval(Duration::from_millis(40));
    for (sent, byte) in request.as_bytes().chunks(1).enumerate() {
        let mut open = Vec::new();
        for mut raw in slow {
            if !raw.is_closed() && raw.write(byte).await.is_ok() {
                open.push(raw);
            }
        }
        slow = open;
        if slow.is_empty() {
            return scene.leaves_nothing(1).await;
        }
        scene.unharmed_by(format!("drop {sent}")).await;
        pace.tick().await;
    }
    panic!("{} heads in drops were read to their end", slow.len());
}
