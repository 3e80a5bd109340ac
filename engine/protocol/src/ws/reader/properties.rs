//! Laws for any bytes: what is read does not depend on how they were cut, and (checked by `read_pieces` at every
//! step) what is held has a bound.

use proptest::prelude::*;

use super::tests::{BINARY, CLOSE, CONTINUATION, FIN, Got, LIMIT, PING, PONG, TEXT, frame, read_all, read_pieces};
use super::*;

/// A message of a well-behaved client, as the bytes it becomes: text cut into fragments anywhere, with pings between.
fn sent() -> impl Strategy<Value = (Vec<Got>, Vec<u8>)> {
    let text = (".{0,300}", prop::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 0..4));
    let fragmented = text.prop_map(|(text, cuts)| {
        let body = text.as_bytes();
        let mut cuts: Vec<_> = cuts.into_iter().map(|(at, ping)| (at.index(body.len() + 1), ping)).collect();
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
    cuts.into_iter().map(|at| &bytes[mem::replace(&mut from, at)..at]).collect()
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
