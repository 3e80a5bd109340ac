//! Framing of what goes out, for events and control messages alike.
//!
//! Invariant: each function appends one whole unit to `out` and leaves what stands there.

use crate::EventId;

/// Opcode of a text frame (RFC 6455, 11.8).
pub const OPCODE_TEXT: u8 = 0x1;

/// The longest header that [`ws_header`] gives, in bytes.
pub const WS_HEADER_BYTES_MAX: usize = 10;

const FIN: u8 = 0x80;

/// Appends one WebSocket frame as a server sends it: final, not masked (RFC 6455, 5.2).
/// `opcode` is one of section 11.8, so at most 15; a control frame's payload is at most 125 bytes (5.5).
pub fn ws_frame(opcode: u8, payload: &[u8], out: &mut Vec<u8>) {
    let (header, length) = ws_header(opcode, payload.len());
    out.reserve(length + payload.len());
    out.extend_from_slice(&header[..length]);
    out.extend_from_slice(payload);
}

/// The header of such a frame, and how many of its bytes count. The length has its shortest form (RFC 6455, 5.2).
pub fn ws_header(opcode: u8, payload_bytes: usize) -> ([u8; WS_HEADER_BYTES_MAX], usize) {
    debug_assert!(opcode <= 0xF, "an opcode has four bits");
    let mut header = [0; WS_HEADER_BYTES_MAX];
    header[0] = FIN | opcode;
    if let Ok(short) = u8::try_from(payload_bytes)
        && short < 126
    {
        header[1] = short;
        (header, 2)
    } else if let Ok(medium) = u16::try_from(payload_bytes) {
        header[1] = 126;
        header[2..4].copy_from_slice(&medium.to_be_bytes());
        (header, 4)
    } else {
        header[1] = 127;
        header[2..10].copy_from_slice(&(payload_bytes as u64).to_be_bytes());
        (header, 10)
    }
}

/// Appends `message` as one chunk of an HTTP/1.1 body (RFC 9112, 7.1). It must not be empty: an empty chunk ends
/// the body.
pub fn sse_chunk(message: &[u8], out: &mut Vec<u8>) {
    debug_assert!(!message.is_empty(), "an empty chunk ends the body");
    out.reserve(message.len() + 12);
    chunk_size(message.len(), out);
    out.extend_from_slice(message);
    out.extend_from_slice(b"\r\n");
}

fn chunk_size(size: usize, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let count = (usize::BITS - size.leading_zeros()).div_ceil(4).max(1);
    for place in (0..count).rev() {
        out.push(DIGITS[(size >> (4 * place)) & 0xF]);
    }
    out.extend_from_slice(b"\r\n");
}

/// Appends one message of an event stream (WHATWG HTML, 9.2.5): the id and the name if given, then the data.
/// Neither `event` nor `data` may hold a line break; JSON text without one between its tokens has none.
pub fn sse_message(event: Option<&str>, id: Option<EventId>, data: &[u8], out: &mut Vec<u8>) {
    debug_assert!(
        event.is_none_or(|name| !has_line_break(name.as_bytes())),
        "a name is one line"
    );
    debug_assert!(!has_line_break(data), "data is one line");
    out.reserve(data.len() + event.map_or(0, str::len) + 48);
    if let Some(id) = id {
        out.extend_from_slice(b"id: ");
        decimal(id, out);
        out.push(b'\n');
    }
    if let Some(event) = event {
        out.extend_from_slice(b"event: ");
        out.extend_from_slice(event.as_bytes());
        out.push(b'\n');
    }
    out.extend_from_slice(b"data: ");
    out.extend_from_slice(data);
    out.extend_from_slice(b"\n\n");
}

fn has_line_break(text: &[u8]) -> bool {
    memchr::memchr2(b'\r', b'\n', text).is_some()
}

/// Appends the digits of `id`.
pub fn decimal(id: EventId, out: &mut Vec<u8>) {
    use std::io::Write;
    write!(out, "{id}").expect("a Vec takes every write");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(opcode: u8, payload_bytes: usize) -> Vec<u8> {
        let mut out = b"before".to_vec();
        ws_frame(opcode, &vec![b'x'; payload_bytes], &mut out);
        assert!(out.starts_with(b"before"));
        out.split_off(6)
    }

    #[test]
    fn a_frame_says_its_length_in_the_shortest_form() {
        for (length, header) in [
            (0, &[0x81, 0][..]),
            (125, &[0x81, 125]),
            (126, &[0x81, 126, 0, 126]),
            (65_535, &[0x81, 126, 0xFF, 0xFF]),
            (65_536, &[0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            let frame = framed(OPCODE_TEXT, length);
            assert_eq!(frame[..header.len()], *header, "{length}");
            assert_eq!(frame.len(), header.len() + length);
            assert!(frame[header.len()..].iter().all(|&byte| byte == b'x'));
        }
    }

    #[test]
    fn a_control_frame_has_its_own_opcode() {
        assert_eq!(framed(0x8, 2), [0x88, 2, b'x', b'x']);
    }

    #[test]
    fn a_chunk_says_its_size_in_hexadecimal() {
        for (size, expected) in [
            (1, "1"),
            (15, "f"),
            (16, "10"),
            (255, "ff"),
            (4096, "1000"),
            (70_000, "11170"),
        ] {
            let mut out = b"before".to_vec();
            let message = vec![b'x'; size];
            sse_chunk(&message, &mut out);
            let text = [b"before", expected.as_bytes(), b"\r\n", &message, b"\r\n"].concat();
            assert_eq!(out, text, "{size}");
        }
    }

    #[test]
    fn a_message_has_an_id_a_name_and_data() {
        let mut out = Vec::new();
        sse_message(Some("gap"), None, b"{}", &mut out);
        sse_message(None, Some(EventId::new(7)), b"[1]", &mut out);
        sse_message(Some("x"), Some(EventId::new(8)), b"2", &mut out);
        let expected = "event: gap\ndata: {}\n\nid: 7\ndata: [1]\n\nid: 8\nevent: x\ndata: 2\n\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
