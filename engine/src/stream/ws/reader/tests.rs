//! A row for each rule of RFC 6455 that a client can break, and the laws of the module header:
//! the cut of the bytes does not matter, and what is held has a bound.

use proptest::prelude::*;

use super::*;

pub(super) const FIN: u8 = 0x80;
pub(super) const CONTINUATION: u8 = 0x0;
pub(super) const TEXT: u8 = 0x1;
pub(super) const BINARY: u8 = 0x2;
pub(super) const CLOSE: u8 = 0x8;
pub(super) const PING: u8 = 0x9;
pub(super) const PONG: u8 = 0xA;

pub(super) const MASK: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];
const LIMIT: usize = 1 << 17;

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
    body.iter()
        .zip(MASK.iter().cycle())
        .map(|(byte, mask)| byte ^ mask)
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
            ControlFlow::Continue(())
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
    assert_eq!(
        read_pieces(bytes.chunks(1), LIMIT),
        expected,
        "byte by byte"
    );
}

#[track_caller]
fn refuses(bytes: &[u8], violation: Violation) {
    let expected = (vec![], Err(violation));
    assert_eq!(read_all(bytes, LIMIT), expected);
    assert_eq!(
        read_pieces(bytes.chunks(1), LIMIT),
        expected,
        "byte by byte"
    );
}

#[test]
fn the_rfc_s_example_is_read() {
    // 5.7: a single-frame masked text message.
    let hello = [
        0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58,
    ];
    reads(&hello, &[text("Hello")]);
    // 5.7: a masked pong.
    let pong = [
        0x8a, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58,
    ];
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
    reads(
        &bytes,
        &[Got::Ping(b"in between".to_vec()), Got::Pong, text("abc")],
    );
}

#[test]
fn control_frames_carry_up_to_125_bytes() {
    let body = [7; 125];
    reads(&frame(FIN | PING, &body), &[Got::Ping(body.to_vec())]);
    reads(&frame(FIN | PONG, &body), &[Got::Pong]);
    for opcode in [PING, PONG, CLOSE] {
        refuses(
            &frame(FIN | opcode, &[b'x'; 126]),
            Violation::ControlTooLong,
        );
        refuses(
            &frame(FIN | opcode, &[b'x'; 70_000]),
            Violation::ControlTooLong,
        );
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
    refuses(
        &frame(FIN | CONTINUATION, b"x"),
        Violation::StrayContinuation,
    );
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
    refuses(
        &[0x81, 0xFF, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF],
        Violation::LengthNotMinimal,
    );
    refuses(
        &[0x81, 0xFF, 0, 0, 0, 0, 0, 0, 0, 1],
        Violation::LengthNotMinimal,
    );
    refuses(
        &[0x81, 0xFF, 0x80, 0, 0, 0, 0, 1, 0, 0],
        Violation::LengthHighBit,
    );
}

#[test]
fn close_frames_are_checked() {
    refuses(&frame(FIN | CLOSE, b"\x03"), Violation::CloseBody);
    for code in [0, 999, 1005, 1006, 1015, 2999, 5000_u16] {
        refuses(
            &frame(FIN | CLOSE, &code.to_be_bytes()),
            Violation::CloseCode,
        );
    }
    refuses(&frame(FIN | CLOSE, b"\x03\xe8\xc3"), Violation::NotUtf8);
    let expected = [Got::Close(Some(1014))];
    reads(&frame(FIN | CLOSE, &1014_u16.to_be_bytes()), &expected);
}

#[test]
fn text_must_be_utf_8() {
    for body in [
        &b"\xff"[..],
        b"a\xc3",
        b"\xed\xa0\x80",
        b"\xc0\x80",
        b"\xf4\x90\x80\x80",
    ] {
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
    assert_eq!(
        read_all(&[0x81, 0xFE, 1, 0], 255),
        (vec![], Err(Violation::TooLarge))
    );
    let huge = [0x81, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF];
    refuses(&huge, Violation::TooLarge);
}

#[test]
fn the_limit_is_for_all_fragments_together() {
    let mut bytes = frame(TEXT, b"abc");
    bytes.extend(frame(FIN | PING, b"does not count"));
    bytes.extend(frame(FIN | CONTINUATION, b"de"));
    let ping = Got::Ping(b"does not count".to_vec());
    assert_eq!(
        read_all(&bytes, 5),
        (vec![ping.clone(), text("abcde")], Ok(()))
    );
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

#[test]
fn an_idle_reader_is_one_pointer() {
    assert_eq!(size_of::<Reader>(), size_of::<usize>());
    let mut reader = Reader::default();
    let mut stream = frame(TEXT, b"a");
    stream.extend(frame(FIN | PING, b"p"));
    stream.extend(frame(FIN | CONTINUATION, b"b"));
    stream.extend(frame(FIN | TEXT, b"cd"));
    for byte in &mut stream {
        let mut whole = false;
        let read = reader.read(std::slice::from_mut(byte), 100, &mut |message| {
            whole = matches!(message, Message::Text(_));
            ControlFlow::Continue(())
        });
        assert_eq!(read, Ok(()));
        assert_eq!(reader.partial.is_none(), whole);
    }
}

#[test]
fn a_frame_that_came_whole_is_read_where_it_lies() {
    let mut bytes = frame(FIN | TEXT, b"in place");
    bytes.extend(frame(FIN | PING, b"too"));
    let mut reader = Reader::default();
    // The header's first byte came before: only it was kept.
    let (first, rest) = bytes.split_at_mut(1);
    let mut none = |_: Message<'_>| unreachable!("no message is whole");
    assert_eq!(reader.read(first, 100, &mut none), Ok(()));
    let range = rest.as_ptr_range();
    let mut seen = 0;
    let read = reader.read(rest, 100, &mut |message| {
        let at = match message {
            Message::Text(text) => text.as_ptr(),
            Message::Ping(body) => body.as_ptr(),
            other => unreachable!("{other:?}"),
        };
        assert!(range.contains(&at), "copied");
        seen += 1;
        ControlFlow::Continue(())
    });
    assert_eq!((read, seen), (Ok(()), 2));
}

#[test]
fn breaking_off_stops_and_lets_go() {
    let mut bytes = frame(FIN | TEXT, b"one");
    bytes.extend(frame(FIN | TEXT, b"two"));
    bytes.extend(frame(TEXT, b"half"));
    let mut reader = Reader::default();
    let mut seen = 0;
    let read = reader.read(&mut bytes, 100, &mut |_| {
        seen += 1;
        ControlFlow::Break(())
    });
    assert_eq!((read, seen), (Ok(()), 1));
    assert!(reader.partial.is_none());
}

#[test]
fn endless_fragments_cost_no_more_than_the_limit() {
    let mut reader = Reader::default();
    let mut none = |_: Message<'_>| unreachable!("no message is whole");
    reader
        .read(&mut frame(TEXT, b"x"), 1000, &mut none)
        .expect("good");
    for _ in 0..100_000 {
        reader
            .read(&mut frame(CONTINUATION, b""), 1000, &mut none)
            .expect("good");
    }
    assert!(reader.partial.as_ref().expect("open").message.capacity() <= 8);
    let mut accepted = 1;
    while reader
        .read(&mut frame(CONTINUATION, b"y"), 1000, &mut none)
        .is_ok()
    {
        accepted += 1;
        assert!(reader.partial.as_ref().expect("open").message.capacity() <= 1000);
    }
    assert_eq!(accepted, 1000);
}

#[test]
fn what_was_announced_is_not_reserved() {
    let mut reader = Reader::default();
    let mut none = |_: Message<'_>| unreachable!("no message is whole");
    let mut bytes = frame(FIN | TEXT, &[b'x'; 60_000]);
    reader
        .read(&mut bytes[..8], 60_000, &mut none)
        .expect("good");
    assert_eq!(
        reader.partial.as_ref().expect("a frame").message.capacity(),
        0
    );
    reader
        .read(&mut bytes[8..108], 60_000, &mut none)
        .expect("good");
    assert!(reader.partial.as_ref().expect("a frame").message.capacity() <= 200);
}

/// A message of a well-behaved client, as the bytes it becomes: text cut into fragments anywhere, with pings between.
fn sent() -> impl Strategy<Value = (Vec<Got>, Vec<u8>)> {
    let text = (
        ".{0,300}",
        prop::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 0..4),
    );
    let fragmented = text.prop_map(|(text, cuts)| {
        let body = text.as_bytes();
        let mut cuts: Vec<_> = cuts
            .into_iter()
            .map(|(at, ping)| (at.index(body.len() + 1), ping))
            .collect();
        cuts.sort_unstable();
        let (mut got, mut bytes, mut from, mut opcode) = (vec![], vec![], 0, TEXT);
        for (at, ping) in cuts {
            bytes.extend(frame(opcode, &body[from..at]));
            (from, opcode) = (at, CONTINUATION);
            if ping {
                bytes.extend(frame(FIN | PING, b"between"));
                got.push(Got::Ping(b"between".to_vec()));
            }
        }
        bytes.extend(frame(FIN | opcode, &body[from..]));
        got.push(Got::Text(text));
        (got, bytes)
    });
    let ping = prop::collection::vec(any::<u8>(), 0..126)
        .prop_map(|body| (vec![Got::Ping(body.clone())], frame(FIN | PING, &body)));
    let long = (126..70_000_usize).prop_map(|length| {
        let text = "y".repeat(length);
        let bytes = frame(FIN | TEXT, text.as_bytes());
        (vec![Got::Text(text)], bytes)
    });
    prop_oneof![6 => fragmented, 2 => ping, 1 => long]
}

/// Frames with every field free, mostly near to what is allowed.
pub(super) fn any_frame() -> impl Strategy<Value = Vec<u8>> {
    let first = prop_oneof![
        8 => prop::sample::select(vec![FIN | TEXT, TEXT, CONTINUATION, FIN | CONTINUATION]),
        3 => prop::sample::select(vec![FIN | PING, FIN | PONG]),
        1 => prop::sample::select(vec![FIN | CLOSE, FIN | BINARY, BINARY]),
        1 => any::<u8>(),
    ];
    let body = prop_oneof![
        4 => ".{0,40}".prop_map(String::into_bytes),
        1 => prop::collection::vec(any::<u8>(), 0..140),
    ];
    let change = prop::option::weighted(0.05, (0..8_usize, any::<u8>()));
    (first, body, change).prop_map(|(first, body, change)| {
        let mut bytes = frame(first, &body);
        if let Some((at, byte)) = change {
            let at = at % bytes.len();
            bytes[at] = byte;
        }
        bytes
    })
}

/// Cuts `bytes` at `cuts`, which are taken as fractions.
fn pieces<'a>(bytes: &'a [u8], cuts: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    cuts.sort_unstable();
    cuts.push(bytes.len());
    let mut from = 0;
    cuts.into_iter()
        .map(|at| &bytes[mem::replace(&mut from, at)..at])
        .collect()
}

fn cuts() -> impl Strategy<Value = Vec<prop::sample::Index>> {
    prop::collection::vec(any::<prop::sample::Index>(), 0..40)
}

proptest! {
    #[test]
    fn what_is_sent_is_read_however_it_is_cut(
        messages in prop::collection::vec(sent(), 0..6),
        cuts in cuts(),
    ) {
        let (got, bytes): (Vec<_>, Vec<_>) = messages.into_iter().unzip();
        let (got, bytes) = (got.concat(), bytes.concat());
        prop_assert_eq!(read_pieces(pieces(&bytes, &cuts), LIMIT), (got, Ok(())));
    }

    #[test]
    fn any_frames_give_the_same_however_they_are_cut(
        frames in prop::collection::vec(any_frame(), 0..8),
        cuts in cuts(),
        limit in 0..200_usize,
    ) {
        let bytes = frames.concat();
        let whole = read_all(&bytes, limit);
        prop_assert_eq!(&read_pieces(pieces(&bytes, &cuts), limit), &whole);
        prop_assert_eq!(&read_pieces(bytes.chunks(1), limit), &whole);
    }

    #[test]
    fn any_bytes_are_read_or_refused_within_the_bound(
        bytes in prop::collection::vec(any::<u8>(), 0..2000),
        cuts in cuts(),
        limit in 0..200_usize,
    ) {
        let whole = read_all(&bytes, limit);
        prop_assert_eq!(read_pieces(pieces(&bytes, &cuts), limit), whole);
    }
}
