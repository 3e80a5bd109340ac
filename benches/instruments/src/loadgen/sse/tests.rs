//! Event streams, whole and cut.

use super::*;
use crate::cuts::pieces;
use proptest::prelude::*;

fn messages(bytes: &[u8], lengths: &[usize]) -> Vec<String> {
    let (mut decoder, mut messages) = (Decoder::default(), Vec::new());
    for piece in pieces(bytes, lengths) {
        let fed = decoder.feed(piece, |data| {
            messages.push(String::from_utf8(data.to_vec()).unwrap());
            Ok(())
        });
        fed.unwrap();
    }
    messages
}

#[test]
fn the_examples_of_the_standard() {
    for (stream, due) in [
        ("data: YHOO\ndata: +2\ndata: 10\n\n", vec!["YHOO\n+2\n10"]),
        (
            ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
            vec!["first event", "second event", " third event"],
        ),
        ("data\n\ndata\ndata\n\ndata:", vec!["", "\n"]),
        ("data:test\n\ndata: test\n\n", vec!["test", "test"]),
        ("event: gap\nretry: 2000\ndatabase: no\n\n", vec![]),
        ("\u{feff}data: marked\n\ndata: cut off\n", vec!["marked"]),
    ] {
        for ending in ["\n", "\r", "\r\n"] {
            let stream = stream.replace('\n', ending);
            for length in 1..=stream.len() {
                assert_eq!(messages(stream.as_bytes(), &[length]), due, "{stream:?} by {length}");
            }
        }
    }
}

#[test]
fn a_line_without_end_is_a_fault() {
    let (mut decoder, piece) = (Decoder::default(), vec![b'x'; 1 << 20]);
    let faults = (0..17).filter(|_| decoder.feed(&piece, |_| Ok(())).is_err());
    assert_eq!(faults.count(), 1);
}

proptest! {
    #[test]
    fn whatever_the_cuts_and_endings_the_same_messages(
        due in prop::collection::vec("[ -~]{0,80}(\n[ -~]{0,20}){0,2}", 0..8),
        named in any::<bool>(),
        ending in prop::sample::select(vec!["\n", "\r", "\r\n"]),
        lengths in prop::collection::vec(1..60usize, 1..8),
    ) {
        let mut stream = String::new();
        for message in &due {
            if named {
                stream += &format!("id: 7{ending}: comment{ending}");
            }
            for line in message.split('\n') {
                stream += &format!("data: {line}{ending}");
            }
            stream += ending;
        }
        prop_assert_eq!(messages(stream.as_bytes(), &lengths), due);
    }
}
