//! Event streams (WHATWG HTML, 9.2) in the body of an HTTP response.
//!
//! Invariant: each function appends one whole unit to `out` and leaves what is there.

use crate::EventId;

/// The fields that every event stream's response has, whatever the version of HTTP.
pub const HEAD: [(&str, &str); 3] = [
    ("content-type", "text/event-stream"),
    ("cache-control", "no-cache"),
    // nginx would collect events before it passes them on.
    ("x-accel-buffering", "no"),
];

/// What a client waits before it comes back, in milliseconds, unless a drain names another pause.
pub(crate) const RETRY_MS: u64 = 2000;

/// The chunk that ends a body (RFC 9112, 7.1).
pub(crate) const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// Appends `message` as one chunk of an HTTP/1.1 body (RFC 9112, 7.1). It must not be empty: an empty chunk ends
/// the body.
pub fn chunk(message: &[u8], out: &mut Vec<u8>) {
    debug_assert!(!message.is_empty(), "an empty chunk ends the body");
    out.reserve(message.len() + 12);
    chunk_size(message.len(), out);
    out.extend_from_slice(message);
    out.extend_from_slice(b"\r\n");
}

fn chunk_size(size: usize, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let count = (usize::BITS - size.leading_zeros()).div_ceil(4).max(1);
    for digit in (0..count).rev() {
        out.push(DIGITS[(size >> (4 * digit)) & 0xF]);
    }
    out.extend_from_slice(b"\r\n");
}

/// Appends one message of an event stream (WHATWG HTML, 9.2.5): the id and the name if given, then the data.
/// Neither `event` nor `data` may hold a line break; JSON text without one between its tokens has none.
pub fn message(event: Option<&str>, id: Option<EventId>, data: &[u8], out: &mut Vec<u8>) {
    debug_assert!(event.is_none_or(|name| !has_line_break(name.as_bytes())), "a name is one line");
    debug_assert!(!has_line_break(data), "data is one line");
    out.reserve(data.len() + event.map_or(0, str::len) + 48);
    if let Some(id) = id {
        out.extend_from_slice(b"id: ");
        id.write(out);
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

#[cfg(test)]
mod tests;
