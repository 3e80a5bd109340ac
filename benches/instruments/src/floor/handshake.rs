//! A request's head, and the answer to it.
//!
//! Only what the answer depends on is looked at: where the head ends, and the key of a WebSocket (RFC 6455, 4.2.2).
//! Method, path, query and token are not.

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::Transport;

/// The longest head that is read, in bytes. A token in the query makes some hundred.
const HEAD_BYTES_MAX: usize = 8 * 1024;

/// What is appended to the key before it is hashed (RFC 6455, 1.3).
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// What a connection is told.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The head has not come whole.
    NotYet,
    /// It is a subscriber once these bytes are sent.
    Subscribed(Vec<u8>),
    /// It is no subscriber: these bytes are sent, and it is closed.
    Refused(&'static [u8]),
}

/// The answer to what has been read of a request so far.
pub(crate) fn answer(transport: Transport, read: &[u8]) -> Answer {
    let Some(end) = memchr::memmem::find(read, b"\r\n\r\n") else {
        return if read.len() < HEAD_BYTES_MAX {
            Answer::NotYet
        } else {
            Answer::Refused(b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\n\r\n")
        };
    };
    match transport {
        Transport::Sse => Answer::Subscribed(EVENT_STREAM.to_vec()),
        Transport::Ws => match key(&read[..end]) {
            Some(key) => Answer::Subscribed(switching(key)),
            None => Answer::Refused(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n"),
        },
    }
}

const EVENT_STREAM: &[u8] = b"HTTP/1.1 200 OK\r\n\
    content-type: text/event-stream\r\n\
    cache-control: no-cache\r\n\
    connection: keep-alive\r\n\
    transfer-encoding: chunked\r\n\
    \r\n";

fn switching(key: &[u8]) -> Vec<u8> {
    let mut hash = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
    hash.update(key);
    hash.update(GUID);
    let accept = BASE64.encode(hash.finish());
    format!(
        "HTTP/1.1 101 Switching Protocols\r\n\
         connection: upgrade\r\n\
         upgrade: websocket\r\n\
         sec-websocket-accept: {accept}\r\n\
         \r\n"
    )
    .into_bytes()
}

/// The value of `Sec-WebSocket-Key`. Names of fields have no case (RFC 9110, 5.1).
fn key(head: &[u8]) -> Option<&[u8]> {
    const NAME: &[u8] = b"sec-websocket-key";
    head.split(|&byte| byte == b'\n').find_map(|line| {
        let (name, value) = line.split_at_checked(NAME.len())?;
        let value = value.strip_prefix(b":")?.trim_ascii();
        (name.eq_ignore_ascii_case(NAME) && !value.is_empty()).then_some(value)
    })
}

#[cfg(test)]
mod tests;
