//! What a reader holds: nothing while idle, what came and no more while half of something is there.

use super::super::*;
use super::{CLOSE, CONTINUATION, FIN, PING, TEXT, frame};

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
    });
    assert_eq!((read, seen), (Ok(()), 2));
}

#[test]
fn a_close_stops_and_lets_go() {
    let mut bytes = frame(TEXT, b"half");
    bytes.extend(frame(FIN | PING, b"one"));
    bytes.extend(frame(FIN | CLOSE, b""));
    bytes.extend(frame(FIN | PING, b"two"));
    let mut reader = Reader::default();
    let mut seen = 0;
    let read = reader.read(&mut bytes, 100, &mut |_| seen += 1);
    assert_eq!((read, seen), (Ok(()), 2));
    assert!(reader.partial.is_none());
}

#[test]
fn endless_fragments_cost_no_more_than_the_limit() {
    let mut reader = Reader::default();
    let mut none = |_: Message<'_>| unreachable!("no message is whole");
    reader.read(&mut frame(TEXT, b"x"), 1000, &mut none).expect("good");
    for _ in 0..100_000 {
        reader.read(&mut frame(CONTINUATION, b""), 1000, &mut none).expect("good");
    }
    assert!(reader.partial.as_ref().expect("open").message.capacity() <= 8);
    let mut accepted = 1;
    while reader.read(&mut frame(CONTINUATION, b"y"), 1000, &mut none).is_ok() {
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
    reader.read(&mut bytes[..8], 60_000, &mut none).expect("good");
    assert_eq!(reader.partial.as_ref().expect("a frame").message.capacity(), 0);
    reader.read(&mut bytes[8..108], 60_000, &mut none).expect("good");
    assert!(reader.partial.as_ref().expect("a frame").message.capacity() <= 200);
}
