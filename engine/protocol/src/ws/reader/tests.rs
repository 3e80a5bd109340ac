//! A row for each rule of RFC 6455 that a client can keep or break, read whole and byte by byte.

mod memory;

use super::*;

pub(super) const FIN: u8 = 0x80;
pub(super) const CONTINUATION: u8 = 0x0;
pub(super) const TEXT: u8 = 0x1;
pub(super) const BINARY: u8 = 0x2;
pub(super) const CLOSE: u8 = 0x8;
pub(super) const PING: u8 = 0x9;
pub(super) const PONG: u8 = 0xA;

pub(super) const MASK: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];
pub(super) const LIMIT: usize = 1 << 17;

/// A message that outlives its buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Got {
    Text(String),
    Ping(Vec<u8>),
    Pong,
    Close(Option<u16>),
}

impl From<Message<'_>> for Got {
    fn from(message: Message<'_>) -> Self {
        match message {
            Message::Text(text) => Self::Text(text.to_owned()),
            Message::Ping(body) => Self::Ping(body.to_vec()),
            Message::Pong => Self::Pong,
            Message::Close(code) => Self::Close(code.map(u16::from)),
        }
    }
}

/// A masked frame with `first` as its first byte and the shortest length.
pub(super) fn frame(first: u8, body: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match body.len() {
        short @ 0..126 => frame.push(0x80 | short as u8),
        long @ 126..65536 => {
            frame.push(0x80 | 126);
            frame.extend((long as u16).to_be_bytes());
        }
        huge => {
            frame.push(0x80 | 127);
            frame.extend((huge as u64).to_be_bytes());
        }
    }
    frame.extend(MASK);
    frame.extend(masked(body));
    frame
}

pub(super) fn masked(body: &[u8]) -> impl Iterator<Item = u8> {
    body.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask)
}

fn text(text: &str) -> Got {
    Got::Text(text.to_owned())
}

/// Reads `pieces`, one call each, up to the end of the stream. Checks on the way that the bound on memory holds.
pub(super) fn read_pieces<'a>(
    pieces: impl IntoIterator<Item = &'a [u8]>,
    limit: usize,
) -> (Vec<Got>, Result<(), Violation>) {
    let mut reader = Reader::default();
    let mut got = Vec::new();
    for piece in pieces {
        let mut piece = piece.to_vec();
        let read = reader.read(&mut piece, limit, &mut |message| {
            got.push(message.into());
        });
        if let Some(partial) = &reader.partial {
            assert!(partial.message.capacity() <= limit);
            assert!(partial.control.capacity() <= header::CONTROL_BYTES_MAX);
        }
        if read.is_err() || matches!(got.last(), Some(Got::Close(_))) {
            assert!(reader.partial.is_none(), "nothing is held after the end");
            return (got, read);
        }
    }
    (got, Ok(()))
}

pub(super) fn read_all(bytes: &[u8], limit: usize) -> (Vec<Got>, Result<(), Violation>) {
    read_pieces([bytes], limit)
}

/// Both whole and byte by byte.
#[track_caller]
fn reads(bytes: &[u8], expected: &[Got]) {
    let expected = (expected.to_vec(), Ok(()));
    assert_eq!(read_all(bytes, LIMIT), expected);
    assert_eq!(read_pieces(bytes.chunks(1), LIMIT), expected, "byte by byte");
}

#[track_caller]
fn refuses(bytes: &[u8], violation: Violation) {
    let expected = (vec![], Err(violation));
    assert_eq!(read_all(bytes, LIMIT), expected);
    assert_eq!(read_pieces(bytes.chunks(1), LIMIT), expected, "byte by byte");
}

#[test]
fn the_rfc_s_example_is_read() {
    // 5.7: a single-frame masked text message.
    let hello = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
    reads(&hello, &[text("Hello")]);
    // 5.7: a masked pong.
    let pong = [0x8a, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
    reads(&pong, &[Got::Pong]);
}

#[test]
fn every_form_of_length_is_read() {
    for length in [0, 1, 125, 126, 127, 65535, 65536, LIMIT] {
        let body = "x".repeat(length);
        let bytes = frame(FIN | TEXT, body.as_bytes());
        assert_eq!(read_all(&bytes, LIMIT), (vec![Got::Text(body)], Ok(())));
    }
}

#[test]
fn a_fragmented_message_is_joined() {
    let mut bytes = frame(TEXT, b"one ");
    bytes.extend(frame(CONTINUATION, b""));
    bytes.extend(frame(CONTINUATION, b"two "));
    bytes.extend(frame(FIN | CONTINUATION, b"three"));
    bytes.extend(frame(FIN | TEXT, b"next"));
    reads(&bytes, &[text("one two three"), text("next")]);
}

#[test]
fn control_frames_stand_between_fragments() {
    let mut bytes = frame(TEXT, b"a");
    bytes.extend(frame(FIN | PING, b"in between"));
    bytes.extend(frame(CONTINUATION, b"b"));
    bytes.extend(frame(FIN | PONG, b""));
    bytes.extend(frame(FIN | CONTINUATION, b"c"));
    reads(&bytes, &[Got::Ping(b"in between".to_vec()), Got::Pong, text("abc")]);
}

#[test]
fn control_frames_carry_up_to_125_bytes() {
    let body = [7; 125];
    reads(&frame(FIN | PING, &body), &[Got::Ping(body.to_vec())]);
    reads(&frame(FIN | PONG, &body), &[Got::Pong]);
    for opcode in [PING, PONG, CLOSE] {
        refuses(&frame(FIN | opcode, &[b'x'; 126]), Violation::ControlTooLong);
        refuses(&frame(FIN | opcode, &[b'x'; 70_000]), Violation::ControlTooLong);
    }
}

#[test]
fn a_character_may_be_split_over_fragments() {
    let crab = "🦀".as_bytes();
    let mut bytes = frame(TEXT, &crab[..1]);
    bytes.extend(frame(CONTINUATION, &crab[1..3]));
    bytes.extend(frame(FIN | CONTINUATION, &crab[3..]));
    reads(&bytes, &[text("🦀")]);
}

#[test]
fn a_close_ends_the_reading() {
    let mut bytes = frame(FIN | CLOSE, b"\x03\xe9bye");
    bytes.extend(frame(FIN | TEXT, b"too late"));
    bytes.extend([0xFF; 20]);
    reads(&bytes, &[Got::Close(Some(1001))]);
    reads(&frame(FIN | CLOSE, b""), &[Got::Close(None)]);

    let mut unfinished = frame(TEXT, b"half");
    unfinished.extend(frame(FIN | CLOSE, b"\x10\xe1"));
    reads(&unfinished, &[Got::Close(Some(4321))]);
}

#[test]
fn frames_must_be_masked() {
    refuses(b"\x81\x05Hello", Violation::Unmasked);
    refuses(b"\x89\x00", Violation::Unmasked);
    refuses(b"\x81\x7e\x01\x00", Violation::Unmasked);
}

#[test]
fn reserved_bits_and_opcodes_are_refused() {
    for bit in [0x40, 0x20, 0x10, 0x70] {
        refuses(&frame(FIN | bit | TEXT, b"x"), Violation::ReservedBits);
        refuses(&frame(FIN | bit | PING, b"x"), Violation::ReservedBits);
    }
    for opcode in [0x3, 0x4, 0x5, 0x6, 0x7, 0xB, 0xC, 0xD, 0xE, 0xF] {
        refuses(&frame(FIN | opcode, b"x"), Violation::ReservedOpcode);
    }
}

#[test]
fn control_frames_must_not_be_fragmented() {
    for opcode in [PING, PONG, CLOSE] {
        refuses(&frame(opcode, b""), Violation::ControlFragmented);
    }
}

#[test]
fn fragments_must_follow_each_other() {
    refuses(&frame(FIN | CONTINUATION, b"x"), Violation::StrayContinuation);
    refuses(&frame(CONTINUATION, b""), Violation::StrayContinuation);
    for opcode in [TEXT, FIN | TEXT, BINARY, FIN | BINARY] {
        let mut bytes = frame(TEXT, b"a");
        bytes.extend(frame(opcode, b"b"));
        refuses(&bytes, Violation::MessageOpen);
    }
    let mut ended = frame(TEXT, b"a");
    ended.extend(frame(FIN | CONTINUATION, b"b"));
    ended.extend(frame(CONTINUATION, b"c"));
    let expected = (vec![text("ab")], Err(Violation::StrayContinuation));
    assert_eq!(read_all(&ended, LIMIT), expected);
}

#[test]
fn lengths_take_their_shortest_form() {
    refuses(&[0x81, 0xFE, 0, 125], Violation::LengthNotMinimal);
    refuses(&[0x81, 0xFE, 0, 0], Violation::LengthNotMinimal);
    refuses(&[0x81, 0xFF, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF], Violation::LengthNotMinimal);
    refuses(&[0x81, 0xFF, 0, 0, 0, 0, 0, 0, 0, 1], Violation::LengthNotMinimal);
    refuses(&[0x81, 0xFF, 0x80, 0, 0, 0, 0, 1, 0, 0], Violation::LengthHighBit);
}

#[test]
fn close_frames_are_checked() {
    refuses(&frame(FIN | CLOSE, b"\x03"), Violation::CloseBody);
    for code in [0, 999, 1005, 1006, 1015, 2999, 5000_u16] {
        refuses(&frame(FIN | CLOSE, &code.to_be_bytes()), Violation::CloseCode);
    }
    refuses(&frame(FIN | CLOSE, b"\x03\xe8\xc3"), Violation::NotUtf8);
    let expected = [Got::Close(Some(1014))];
    reads(&frame(FIN | CLOSE, &1014_u16.to_be_bytes()), &expected);
}

#[test]
fn text_must_be_utf_8() {
    for body in [&b"\xff"[..], b"a\xc3", b"\xed\xa0\x80", b"\xc0\x80", b"\xf4\x90\x80\x80"] {
        refuses(&frame(FIN | TEXT, body), Violation::NotUtf8);
    }
    let mut cut = frame(TEXT, b"ok");
    cut.extend(frame(FIN | CONTINUATION, b"\xf0\x9f\xa6"));
    refuses(&cut, Violation::NotUtf8);
}

#[test]
fn a_bad_fragment_is_refused_before_the_message_ends() {
    refuses(&frame(TEXT, b"\xff"), Violation::NotUtf8);
    let mut bytes = frame(TEXT, b"\xe2\x82");
    bytes.extend(frame(CONTINUATION, b"\x41"));
    refuses(&bytes, Violation::NotUtf8);
}

#[test]
fn binary_is_refused() {
    refuses(&frame(FIN | BINARY, b"x"), Violation::Binary);
    refuses(&frame(BINARY, b""), Violation::Binary);
}

#[test]
fn a_message_over_the_limit_is_refused_at_its_header() {
    let hello = frame(FIN | TEXT, b"Hello");
    assert_eq!(read_all(&hello, 5), (vec![text("Hello")], Ok(())));
    assert_eq!(read_all(&hello[..2], 4), (vec![], Err(Violation::TooLarge)));
    assert_eq!(read_all(&[0x81, 0xFE, 1, 0], 255), (vec![], Err(Violation::TooLarge)));
    let huge = [0x81, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF];
    refuses(&huge, Violation::TooLarge);
}

#[test]
fn the_limit_is_for_all_fragments_together() {
    let mut bytes = frame(TEXT, b"abc");
    bytes.extend(frame(FIN | PING, b"does not count"));
    bytes.extend(frame(FIN | CONTINUATION, b"de"));
    let ping = Got::Ping(b"does not count".to_vec());
    assert_eq!(read_all(&bytes, 5), (vec![ping.clone(), text("abcde")], Ok(())));
    assert_eq!(read_all(&bytes, 4), (vec![ping], Err(Violation::TooLarge)));
}

#[test]
fn every_violation_has_its_code() {
    use Violation::*;
    let protocol = [
        Unmasked,
        ReservedBits,
        ReservedOpcode,
        LengthNotMinimal,
        LengthHighBit,
        StrayContinuation,
        MessageOpen,
        ControlFragmented,
        ControlTooLong,
        CloseBody,
        CloseCode,
    ];
    for violation in protocol {
        assert_eq!(violation.close().0, 1002, "{violation}");
    }
    assert_eq!(NotUtf8.close().0, 1007);
    assert_eq!(Binary.close().0, 1003);
    assert_eq!(TooLarge.close(), (1009, "Message too large"));
}
