//! Frames as RFC 6455 has them, whole and cut.

use super::*;
use crate::cuts::pieces;
use proptest::prelude::*;

/// What the decoder gave, kept.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Given {
    Message(Vec<u8>),
    Ping(Vec<u8>),
    Close(Vec<u8>),
}

fn feed(decoder: &mut Decoder, bytes: &[u8], given: &mut Vec<Given>) -> Result<(), Fault> {
    decoder.feed(bytes, |item| {
        given.push(match item {
            Item::Message(message) => Given::Message(message.to_vec()),
            Item::Ping(payload) => Given::Ping(payload.to_vec()),
            Item::Close(payload) => Given::Close(payload.to_vec()),
        });
        Ok(())
    })
}

fn decode(bytes: &[u8]) -> Result<Vec<Given>, Fault> {
    let mut given = Vec::new();
    feed(&mut Decoder::default(), bytes, &mut given)?;
    Ok(given)
}

/// A server's frame.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        short @ 0..=125 => bytes.push(short as u8),
        long @ 126..=65_535 => bytes.extend([&[126][..], &(long as u16).to_be_bytes()].concat()),
        huge => bytes.extend([&[127][..], &(huge as u64).to_be_bytes()].concat()),
    }
    bytes.extend_from_slice(payload);
    bytes
}

#[test]
fn the_examples_of_section_5_7() {
    assert_eq!(decode(b"\x81\x05Hello"), Ok(vec![Given::Message(b"Hello".into())]));
    assert_eq!(decode(b"\x01\x03Hel\x80\x02lo"), Ok(vec![Given::Message(b"Hello".into())]));
    assert_eq!(decode(b"\x89\x05Hello"), Ok(vec![Given::Ping(b"Hello".into())]));
    let binary = vec![7; 65_536];
    assert_eq!(decode(&frame(0x82, &binary)), Ok(vec![Given::Message(binary)]));
}

#[test]
fn what_breaks_the_protocol_is_a_fault() {
    for (why, bytes) in [
        ("masked", &b"\x81\x85\x01\x02\x03\x04Hello"[..]),
        ("reserved bit", b"\xc1\x00"),
        ("unknown kind", b"\x83\x00"),
        ("a fragmented ping", b"\x09\x00"),
        ("a continuation of nothing", b"\x80\x00"),
        ("a message inside another", b"\x01\x01a\x81\x01b"),
        ("too long", b"\x82\x7f\x00\x00\x00\x01\x00\x00\x00\x00"),
        ("its highest bit set", b"\x82\x7f\x80\x00\x00\x00\x00\x00\x00\x00"),
    ] {
        assert!(decode(bytes).is_err(), "{why}");
    }
}

#[test]
fn a_client_frame_can_be_unmasked() {
    for length in [0, 125, 126, 65_535, 65_536] {
        let payload: Vec<u8> = (0..length).map(|at| at as u8).collect();
        let mut bytes = Vec::new();
        super::frame(Opcode::Binary, &payload, &mut bytes);
        let header = bytes.len() - length;
        let mask: [u8; 4] = bytes[header - 4..header].try_into().unwrap();
        assert_ne!(mask, [0; 4]);
        for (byte, mask) in bytes[header..].iter_mut().zip(mask.into_iter().cycle()) {
            *byte ^= mask;
        }
        bytes[1] &= !MASKED;
        bytes.drain(header - 4..header);
        assert_eq!(decode(&bytes), Ok(vec![Given::Message(payload)]));
    }
}

/// A message in fragments, each with a ping behind it or not; and its frames.
fn message() -> impl Strategy<Value = (Vec<Given>, Vec<u8>)> {
    let length = prop_oneof![0..200usize, Just(65_600)];
    let fragment = (length, any::<u8>(), any::<bool>());
    prop::collection::vec(fragment, 1..4).prop_map(|fragments| {
        let (mut given, mut bytes, mut whole) = (Vec::new(), Vec::new(), Vec::new());
        let last = fragments.len() - 1;
        for (at, (length, fill, ping)) in fragments.into_iter().enumerate() {
            let first = if at == 0 { 0x1 } else { 0x0 } | if at == last { FIN } else { 0 };
            bytes.extend(frame(first, &vec![fill; length]));
            whole.extend(vec![fill; length]);
            if ping && at != last {
                bytes.extend(frame(0x89, &[fill; 3]));
                given.push(Given::Ping(vec![fill; 3]));
            }
        }
        given.push(Given::Message(whole));
        (given, bytes)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_the_cuts_the_same_items(
        messages in prop::collection::vec(message(), 1..6),
        lengths in prop::collection::vec(1..300usize, 1..8),
    ) {
        let (mut due, mut bytes): (Vec<Given>, Vec<u8>) = Default::default();
        for (given, frames) in messages {
            due.extend(given);
            bytes.extend(frames);
        }
        due.push(Given::Close(b"\x03\xe8bye".into()));
        bytes.extend(frame(0x88, b"\x03\xe8bye"));
        let (mut decoder, mut given) = (Decoder::default(), Vec::new());
        for piece in pieces(&bytes, &lengths) {
            feed(&mut decoder, piece, &mut given).unwrap();
        }
        prop_assert_eq!(given, due);
    }
}
