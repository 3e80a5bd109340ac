//! The reader against fastwebsockets, an independent one.
//!
//! Laws: where only well-formed, unfragmented, masked frames are sent, both read the same messages and refuse at the
//! same place. Fragmented text sent well is joined alike. And whatever bytes are sent, everything that ours reads,
//! fastwebsockets reads too, in this order: ours is stricter, never laxer.
//!
//! Known differences of fastwebsockets 0.10.0, in which ours keeps to the RFC or to the contract:
//! * it reads unmasked frames, lengths not in their shortest form, and pong and close frames over 125 bytes;
//! * it drops half a character at the end of a fragmented text, and a text that another one interrupts;
//! * it delivers binary messages, which ours refuses with 1003, and reads on behind a close frame;
//! * it refuses a close with 1014, which is registered;
//! * it refuses a message of exactly its limit, and bounds single frames only, so its limit is set far away here.

use fastwebsockets::{FragmentCollector, OpCode, Role, WebSocket};
use proptest::prelude::*;
use tokio::io::{AsyncWriteExt, DuplexStream};

use super::properties::any_frame;
use super::tests::{CLOSE, CONTINUATION, FIN, Got, LIMIT, PING, PONG, TEXT, frame, read_all};

/// What fastwebsockets makes of a client's bytes, and whether it refused them before their end.
fn oracle(bytes: &[u8]) -> (Vec<Got>, bool) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        // Room for its answers as well, which nobody reads.
        let room = 2 * bytes.len() + 1024;
        let (mut client, server) = tokio::io::duplex(room);
        client.write_all(bytes).await.expect("fits");
        client.shutdown().await.expect("open");
        read_to_end(server).await
    })
}

async fn read_to_end(server: DuplexStream) -> (Vec<Got>, bool) {
    let mut socket = WebSocket::after_handshake(server, Role::Server);
    socket.set_auto_pong(false);
    let mut socket = FragmentCollector::new(socket);
    let mut got = Vec::new();
    loop {
        let frame = match socket.read_frame().await {
            Ok(frame) => frame,
            Err(fastwebsockets::WebSocketError::UnexpectedEOF) => return (got, false),
            Err(_) => return (got, true),
        };
        match frame.opcode {
            OpCode::Text => {
                let text = String::from_utf8(frame.payload.to_vec()).expect("checked by it");
                got.push(Got::Text(text));
            }
            OpCode::Ping => got.push(Got::Ping(frame.payload.to_vec())),
            OpCode::Pong => got.push(Got::Pong),
            OpCode::Close => {
                let code = frame.payload.first_chunk().copied().map(u16::from_be_bytes);
                got.push(Got::Close(code));
                return (got, false);
            }
            OpCode::Binary | OpCode::Continuation => {}
        }
    }
}

/// A well-formed, unfragmented, masked frame; its content may still be wrong.
fn whole_frame() -> impl Strategy<Value = Vec<u8>> {
    let text = prop_oneof![
        6 => ".{0,200}".prop_map(String::into_bytes),
        1 => prop::collection::vec(any::<u8>(), 0..20),
        1 => (120..130_usize).prop_map(|length| vec![b'x'; length]),
        1 => (65_530..65_540_usize).prop_map(|length| vec![b'x'; length]),
    ];
    let control = || prop::collection::vec(any::<u8>(), 0..126);
    let code = prop_oneof![any::<u16>(), 990..1020_u16].prop_filter("known difference", |&code| code != 1014);
    let reason = prop_oneof![".{0,30}".prop_map(String::into_bytes), prop::collection::vec(any::<u8>(), 0..9)];
    let close = (code, reason).prop_map(|(code, reason)| [&code.to_be_bytes(), &*reason].concat());
    prop_oneof![
        8 => text.prop_map(|body| frame(FIN | TEXT, &body)),
        2 => control().prop_map(|body| frame(FIN | PING, &body)),
        2 => control().prop_map(|body| frame(FIN | PONG, &body)),
        1 => close.prop_map(|body| frame(FIN | CLOSE, &body)),
        1 => prop::collection::vec(any::<u8>(), 0..2).prop_map(|body| frame(FIN | CLOSE, &body)),
    ]
}

fn fragmented_text() -> impl Strategy<Value = Vec<u8>> {
    (".{1,60}", 1..8_usize).prop_map(|(text, length)| {
        let mut bytes = Vec::new();
        let mut opcode = TEXT;
        for fragment in text.as_bytes().chunks(length) {
            bytes.extend(frame(opcode, fragment));
            opcode = CONTINUATION;
        }
        bytes.extend(frame(FIN | CONTINUATION, b""));
        bytes
    })
}

#[test]
fn the_oracle_reads_and_refuses() {
    let hello = frame(FIN | TEXT, b"Hello");
    assert_eq!(oracle(&hello), (vec![Got::Text("Hello".to_owned())], false));
    assert_eq!(oracle(&frame(FIN | TEXT, b"\xff")), (vec![], true));
    assert_eq!(oracle(&[0x81, 0x01, b'x']), (vec![Got::Text("x".to_owned())], false));
}

proptest! {
    #[test]
    fn whole_frames_are_read_alike(frames in prop::collection::vec(whole_frame(), 0..6)) {
        let bytes = frames.concat();
        let (ours, read) = read_all(&bytes, LIMIT);
        prop_assert_eq!((ours, read.is_err()), oracle(&bytes));
    }

    #[test]
    fn fragmented_text_is_read_alike(
        messages in prop::collection::vec(prop_oneof![fragmented_text(), whole_frame()], 0..6),
    ) {
        let bytes = messages.concat();
        let (ours, read) = read_all(&bytes, LIMIT);
        prop_assert_eq!((ours, read.is_err()), oracle(&bytes));
    }

    #[test]
    fn whatever_ours_reads_is_read_by_both(frames in prop::collection::vec(any_frame(), 0..8)) {
        let bytes = frames.concat();
        let (ours, _) = read_all(&bytes, LIMIT);
        prop_assume!(ours.last() != Some(&Got::Close(Some(1014))));
        let (theirs, _) = oracle(&bytes);
        prop_assert!(theirs.starts_with(&ours), "ours {:?}, theirs {:?}", ours, theirs);
    }
}
