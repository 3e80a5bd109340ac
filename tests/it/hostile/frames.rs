//! Frames that RFC 6455 forbids, and ends that come too early.

use floodway_tests::raw::opcode::{BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT};
use floodway_tests::raw::{FIN, Raw, frame, unmasked_frame};

use super::Scene;

/// A frame's head with any length claimed, masked with zeros, without its payload.
fn claim(first: u8, form: u8, length: u64) -> Vec<u8> {
    let mut head = vec![first, 0x80 | form];
    match form {
        126 => head.extend((length as u16).to_be_bytes()),
        127 => head.extend(length.to_be_bytes()),
        _ => {}
    }
    head.extend([0; 4]);
    head
}

fn close(code: u16, reason: &[u8]) -> Vec<u8> {
    frame(FIN | CLOSE, &[&code.to_be_bytes()[..], reason].concat())
}

const PROTOCOL: &[u16] = &[1002];
const NOT_UTF8: &[u16] = &[1007];
const TOO_LARGE: &[u16] = &[1009];

/// Name, bytes, and the close codes of which one must answer them.
type Row = (String, Vec<u8>, &'static [u16]);

fn violations() -> Vec<Row> {
    let mut rows = forbidden();
    rows.extend(too_large());
    rows.extend(not_utf8());
    rows.extend(bad_closes());
    rows
}

fn row(name: &str, bytes: Vec<u8>, codes: &'static [u16]) -> Row {
    (name.to_owned(), bytes, codes)
}

/// RFC 6455, 5.1 to 5.5.
fn forbidden() -> Vec<Row> {
    let mut rows = Vec::new();
    for opcode in [TEXT, CLOSE, PING, PONG] {
        let bytes = unmasked_frame(FIN | opcode, b"{}");
        rows.push(row(&format!("unmasked frame of type {opcode}"), bytes, PROTOCOL));
    }
    let bytes = unmasked_frame(FIN | BINARY, b"{}");
    rows.push(row("unmasked binary frame", bytes, &[1002, 1003]));
    for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        rows.push(row(&format!("reserved type {opcode}"), frame(FIN | opcode, b"x"), PROTOCOL));
    }
    for bit in [0x40, 0x20, 0x10, 0x70] {
        rows.push(row(&format!("reserved bits {bit:#x}"), frame(FIN | bit | TEXT, b"{}"), PROTOCOL));
        rows.push(row(&format!("reserved bits {bit:#x} on a ping"), frame(FIN | bit | PING, b""), PROTOCOL));
    }
    for opcode in [CLOSE, PING, PONG] {
        rows.push(row(&format!("control frame {opcode} in fragments"), frame(opcode, b"x"), PROTOCOL));
        rows.push(row(&format!("control frame {opcode} of 126 bytes"), frame(FIN | opcode, &[b'x'; 126]), PROTOCOL));
        rows.push(row(&format!("control frame {opcode} of 300 bytes"), frame(FIN | opcode, &[b'x'; 300]), PROTOCOL));
    }
    let open = frame(TEXT, b"{");
    rows.extend([
        row("last fragment of nothing", frame(FIN | CONTINUATION, b"x"), PROTOCOL),
        row("first fragment of nothing", frame(CONTINUATION, b"x"), PROTOCOL),
        row("text within fragments", [open.clone(), frame(FIN | TEXT, b"}")].concat(), PROTOCOL),
        row("another first fragment", [open.clone(), open.clone()].concat(), PROTOCOL),
        row("binary within fragments", [open, frame(FIN | BINARY, b"}")].concat(), PROTOCOL),
        row("a length with its highest bit", claim(FIN | TEXT, 127, 1 << 63), &[1002, 1009]),
    ]);
    rows
}

/// RFC 6455, 7.4.1: 1009.
fn too_large() -> Vec<Row> {
    let space = [b' '; 900];
    let endless = [frame(TEXT, &space), frame(CONTINUATION, &space).repeat(2000)].concat();
    let empty = [frame(TEXT, b""), frame(CONTINUATION, b"").repeat(1000), frame(CONTINUATION, &[b' '; 20_000])];
    vec![
        row("a large message", frame(FIN | TEXT, &[b' '; 100_000]), TOO_LARGE),
        row("a large binary message", frame(FIN | BINARY, &[b' '; 100_000]), &[1003, 1009]),
        row("a claim of 60 MiB", claim(FIN | TEXT, 127, 60 << 20), TOO_LARGE),
        row("a claim of an exabyte", claim(FIN | TEXT, 127, 1 << 60), TOO_LARGE),
        row("a claim of 65535", claim(FIN | TEXT, 126, 65_535), TOO_LARGE),
        row("fragments without end", endless, TOO_LARGE),
        row("empty fragments, then too much", empty.concat(), TOO_LARGE),
    ]
}

/// RFC 6455, 8.1.
fn not_utf8() -> Vec<Row> {
    let cut = [frame(TEXT, b"\xe2"), frame(FIN | CONTINUATION, b"\x82")].concat();
    let mut rows = vec![row("a code point that its last fragment cuts", cut, NOT_UTF8)];
    for (name, text) in [
        ("a stray byte", &b"\xff"[..]),
        ("a continuation byte", b"\x80"),
        ("an overlong form", b"\xc0\x80"),
        ("a surrogate", b"\xed\xa0\x80"),
        ("past the last code point", b"\xf4\x90\x80\x80"),
        ("a cut code point", b"{}\xe2\x82"),
    ] {
        rows.push(row(&format!("text with {name}"), frame(FIN | TEXT, text), NOT_UTF8));
    }
    rows
}

/// RFC 6455, 5.5.1 and 7.4.
fn bad_closes() -> Vec<Row> {
    let mut rows = vec![
        row("a close of one byte", frame(FIN | CLOSE, b"\x03"), PROTOCOL),
        row("a close with a bad reason", close(1000, b"\xff\xfe"), &[1002, 1007]),
    ];
    for code in [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535] {
        rows.push(row(&format!("a close with code {code}"), close(code, b""), PROTOCOL));
    }
    rows
}

/// No violation by itself: the client goes in the middle of it.
fn broken_off() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("nothing", Vec::new()),
        ("one byte of a frame", vec![FIN | TEXT]),
        ("a head without a mask", vec![FIN | TEXT, 0x85]),
        ("half a long length", vec![FIN | TEXT, 0xfe, 0x10]),
        ("half a payload", frame(FIN | TEXT, b"{\"action\":\"ping\"}")[..12].to_vec()),
        ("an open fragment", frame(TEXT, b"{\"action\":")),
        ("a ping and half a ping", [frame(FIN | PING, b"x"), vec![FIN | PING]].concat()),
        ("a thousand pings", frame(FIN | PING, b"are you there").repeat(1000)),
        ("a thousand pongs", frame(FIN | PONG, b"I am").repeat(1000)),
        ("a thousand actions", frame(FIN | TEXT, b"{\"action\":\"get_filters\"}").repeat(1000)),
        ("empty texts", frame(FIN | TEXT, b"").repeat(500)),
        ("a close and more", [close(1000, b""), frame(FIN | TEXT, b"{}").repeat(100)].concat()),
        ("two closes", close(1000, b"bye").repeat(2)),
        ("a close without a code", frame(FIN | CLOSE, b"")),
        ("a close with a code of one's own", close(4999, b"mine")),
    ]
}

#[tokio::test]
async fn forbidden_frames_are_closed_with_their_codes() {
    let mut scene = Scene::start().await;
    let token = scene.good_token();
    for (name, bytes, codes) in violations() {
        let mut raw = Raw::websocket(scene.gateway.address(), &token, "device_id=nothing").await;
        // The gateway may close before it has read all.
        let _ = raw.write(&bytes).await;
        let code = raw.close_code().await;
        assert!(code.is_some_and(|code| codes.contains(&code)), "{name}: {code:?}, not {codes:?}");
        scene.unharmed_by(format!("frame: {name}")).await;
    }
    scene.leaves_nothing(61).await;
}

#[tokio::test]
async fn clients_that_go_within_a_frame_leave_nothing() {
    let mut scene = Scene::start().await;
    let token = scene.good_token();
    for (name, bytes) in broken_off() {
        for way in 0..3 {
            let mut raw = Raw::websocket(scene.gateway.address(), &token, "").await;
            // The gateway may close before it has read all.
            let _ = raw.write(&bytes).await;
            match way {
                0 => drop(raw),
                1 => raw.reset(),
                _ => {
                    raw.finish().await;
                    raw.read_to_end().await;
                }
            }
        }
        scene.unharmed_by(format!("then gone: {name}")).await;
    }
    scene.leaves_nothing(15).await;
}

#[tokio::test]
async fn noise_after_the_handshake_harms_nobody() {
    let mut scene = Scene::start().await;
    let token = scene.good_token();
    let mut random = fastrand::Rng::with_seed(11);
    for round in 0..60 {
        let mut raw = Raw::websocket(scene.gateway.address(), &token, "").await;
        let noise: Vec<u8> = (0..random.usize(1..3000)).map(|_| random.u8(..)).collect();
        // The gateway may close before it has read all.
        let _ = raw.write(&noise).await;
        raw.finish().await;
        raw.read_to_end().await;
        scene.unharmed_by(format!("noise of round {round}")).await;
    }
    scene.leaves_nothing(60).await;
}
