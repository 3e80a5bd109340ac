//! Heads and chunks, whole and cut.

use super::*;
use crate::cuts::pieces;
use proptest::prelude::*;

fn content(bytes: &[u8], lengths: &[usize]) -> Result<(Vec<u8>, bool), Fault> {
    let (mut body, mut content) = (Body::Chunked(Chunks::default()), Vec::new());
    for mut piece in pieces(bytes, lengths) {
        body.feed(&mut piece, |part| {
            content.extend_from_slice(part);
            Ok(())
        })?;
    }
    Ok((content, body.is_over()))
}

#[test]
fn a_head_is_taken_when_it_is_whole() {
    let text = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\nrest";
    let whole = text.len() - 4;
    for length in 0..whole {
        assert_eq!(Head::take(&text[..length]), Ok(None), "{length}");
    }
    let (head, length) = Head::take(text).unwrap().unwrap();
    assert_eq!((head.status, length), (200, whole));
    assert_eq!(head.field("content-type"), Some("text/event-stream"));
    assert!(matches!(head.body(), Body::Chunked(_)));
    for wrong in [&b"SSH-2.0\r\n\r\n"[..], b"HTTP/1.1\r\n\r\n", b"HTTP/1.1 200 OK\r\nfield\r\n\r\n", &[b'a'; 70_000]] {
        assert!(Head::take(wrong).is_err());
    }
}

#[test]
fn a_length_ends_a_body_and_leaves_the_rest() {
    let (head, _) = Head::take(b"HTTP/1.1 201 Created\r\nContent-Length: 3\r\n\r\n").unwrap().unwrap();
    let (mut body, mut bytes, mut content) = (head.body(), &b"abcHTTP"[..], Vec::new());
    body.feed(&mut bytes, |part| {
        content.extend_from_slice(part);
        Ok(())
    })
    .unwrap();
    assert_eq!((&content[..], bytes, body.is_over()), (&b"abc"[..], &b"HTTP"[..], true));
}

#[test]
fn extensions_and_trailers_are_passed_over() {
    let bytes = b"5;name=\"va;lue\"\r\nhello\r\n00A \r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n";
    for length in 1..bytes.len() {
        assert_eq!(content(bytes, &[length]), Ok((b"hello0123456789".into(), true)), "{length}");
    }
}

#[test]
fn what_is_no_chunk_is_a_fault() {
    for wrong in [&b"hello"[..], b"\r\n", b"3\r\nabcd\r\n", b"3\r\nabc\r\r", b"1234567890abcdef1\r\n"] {
        assert!(content(wrong, &[100]).is_err(), "{wrong:?}");
    }
}

proptest! {
    #[test]
    fn whatever_the_cuts_the_same_content(
        chunks in prop::collection::vec((1..70usize, any::<u8>()), 0..10),
        lengths in prop::collection::vec(1..40usize, 1..8),
    ) {
        let (mut bytes, mut due) = (Vec::new(), Vec::new());
        for (length, fill) in chunks {
            bytes.extend_from_slice(format!("{length:X}\r\n").as_bytes());
            bytes.extend(vec![fill; length]);
            bytes.extend_from_slice(b"\r\n");
            due.extend(vec![fill; length]);
        }
        prop_assert_eq!(content(&bytes, &lengths), Ok((due.clone(), false)));
        bytes.extend_from_slice(b"0\r\n\r\n");
        prop_assert_eq!(content(&bytes, &lengths), Ok((due, true)));
    }
}
