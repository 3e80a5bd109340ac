//! Tests of `sse`.

use super::*;

#[test]
fn a_chunk_says_its_size_in_hexadecimal() {
    for (size, expected) in [(1, "1"), (15, "f"), (16, "10"), (255, "ff"), (4096, "1000"), (70_000, "11170")] {
        let mut out = b"before".to_vec();
        let message = vec![b'x'; size];
        chunk(&message, &mut out);
        let text = [b"before", expected.as_bytes(), b"\r\n", &message, b"\r\n"].concat();
        assert_eq!(out, text, "{size}");
    }
}

#[test]
fn a_message_has_an_id_a_name_and_data() {
    let mut out = Vec::new();
    message(Some("gap"), None, b"{}", &mut out);
    message(None, Some(EventId::new(7)), b"[1]", &mut out);
    message(Some("x"), Some(EventId::new(8)), b"2", &mut out);
    let expected = "event: gap\ndata: {}\n\nid: 7\ndata: [1]\n\nid: 8\nevent: x\ndata: 2\n\n";
    assert_eq!(String::from_utf8(out).unwrap(), expected);
}
