//! The NATS client protocol, as bytes that come in WebSocket messages of any size.

use super::Heard;
use crate::Fault;
use crate::ws::{self, Opcode};
use memchr::memmem;

/// What a client says first; both the publisher and the subscribers do.
pub(crate) const CONNECT: &str =
    "CONNECT {\"verbose\":false,\"pedantic\":false,\"lang\":\"rust\",\"version\":\"1\",\"protocol\":0}\r\n";

/// The most that one operation may have.
const OPERATION_BYTES_MAX: usize = 16 << 20;

/// One operation of a server's.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Operation<'a> {
    /// A message that was subscribed to.
    Message(&'a [u8]),
    /// To be answered with PONG.
    Ping,
    /// The answer to PING: all before it was taken in.
    Pong,
    /// `INFO` and `+OK`.
    Other,
}

/// Takes one operation off the front of these bytes, with its length; `None` if it is not whole yet.
///
/// # Errors
/// If the server refuses (`-ERR`), or speaks something else.
pub(crate) fn take(bytes: &[u8]) -> Result<Option<(Operation<'_>, usize)>, Fault> {
    let Some(line) = memmem::find(bytes, b"\r\n") else {
        return match bytes.len() {
            0..OPERATION_BYTES_MAX => Ok(None),
            _ => Err(Fault("an operation of more than 16 MiB")),
        };
    };
    let (control, begin) = (&bytes[..line], line + 2);
    let operation = match control.split(|&byte| byte == b' ').next().unwrap_or_default() {
        b"MSG" => {
            let length = payload_bytes(control)?;
            let Some(payload) = bytes.get(begin..begin + length + 2) else {
                return Ok(None);
            };
            return Ok(Some((Operation::Message(&payload[..length]), begin + length + 2)));
        }
        b"PING" => Operation::Ping,
        b"PONG" => Operation::Pong,
        b"INFO" | b"+OK" => Operation::Other,
        b"-ERR" => return Err(Fault("NATS refused: -ERR")),
        _ => return Err(Fault("no operation of NATS")),
    };
    Ok(Some((operation, begin)))
}

/// The last word of `MSG subject sid [reply] bytes`.
fn payload_bytes(control: &[u8]) -> Result<usize, Fault> {
    let last = control.rsplit(|&byte| byte == b' ').next().unwrap_or_default();
    let length = std::str::from_utf8(last).ok().and_then(|text| text.parse().ok());
    length
        .filter(|&length| length <= OPERATION_BYTES_MAX)
        .ok_or(Fault("a NATS message without a length"))
}

/// Connects and subscribes; the PONG says that it holds.
pub(super) fn opening(topic: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let text = format!("{CONNECT}SUB {topic} 1\r\nPING\r\n");
    ws::frame(Opcode::Binary, text.as_bytes(), &mut out);
    out
}

/// A subscriber's conversation.
#[derive(Debug, Default)]
pub(crate) struct Nats {
    /// The beginning of an operation that was cut.
    cut: Vec<u8>,
}

impl Nats {
    /// Takes one WebSocket message.
    ///
    /// # Errors
    /// As [`take`] does.
    pub(super) fn hear(
        &mut self,
        message: &[u8],
        out: &mut Vec<u8>,
        mut sink: impl FnMut(Heard<'_>),
    ) -> Result<(), Fault> {
        let mut cut = std::mem::take(&mut self.cut);
        let bytes = match cut.is_empty() {
            true => message,
            false => {
                cut.extend_from_slice(message);
                &cut
            }
        };
        let mut at = 0;
        while let Some((operation, length)) = take(&bytes[at..])? {
            match operation {
                Operation::Message(payload) => sink(Heard::Event(payload)),
                Operation::Ping => ws::frame(Opcode::Binary, b"PONG\r\n", out),
                Operation::Pong => sink(Heard::Ready),
                Operation::Other => {}
            }
            at += length;
        }
        self.cut = bytes[at..].to_vec();
        Ok(())
    }
}
