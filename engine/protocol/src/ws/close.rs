//! Close frames: which codes there are, what the server sends, what a client may send (RFC 6455, 5.5.1 and 7.4).
//!
//! Invariant: a payload made here is at most 125 bytes, UTF-8 behind its code, and never holds a code that must not
//! be sent.

use fastwebsockets::CloseCode;

use super::frame;
use super::header::CONTROL_BYTES_MAX;
use super::violation::Violation;

/// The longest reason, in bytes: a control frame's body less the code.
const REASON_BYTES_MAX: usize = CONTROL_BYTES_MAX - 2;

/// Appends a close frame. One without a code has no reason either: it answers a client's that has none (5.5.1). A reason
/// longer than `REASON_BYTES_MAX` is cut between two characters.
///
/// # Panics
/// In debug builds, if `code` is one that must not be sent.
pub fn write(code: Option<u16>, reason: &str, out: &mut Vec<u8>) {
    let payload = code.map_or_else(Vec::new, |code| payload(code, reason));
    frame::write(frame::CLOSE, &payload, out);
}

fn payload(code: u16, reason: &str) -> Vec<u8> {
    debug_assert!(may_be_sent(code), "close code {code} must not be sent");
    let mut end = reason.len().min(REASON_BYTES_MAX);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    [&code.to_be_bytes(), &reason.as_bytes()[..end]].concat()
}

/// Reads the body of a client's close frame. A body without a code is `None`.
///
/// # Errors
/// One byte only, a code that must not be sent, or a reason that is not UTF-8.
pub(super) fn read(body: &[u8]) -> Result<Option<CloseCode>, Violation> {
    if body.is_empty() {
        return Ok(None);
    }
    let (&code, reason) = body.split_first_chunk().ok_or(Violation::CloseBody)?;
    let code = u16::from_be_bytes(code);
    if !may_be_sent(code) {
        return Err(Violation::CloseCode);
    }
    std::str::from_utf8(reason).map_err(|_| Violation::NotUtf8)?;
    Ok(Some(code.into()))
}

/// RFC 6455, 7.4, and the IANA registry that it founds: 1004 to 1006 and 1015 never travel, 1012 to 1014 were assigned
/// later. `CloseCode::is_allowed` does not know 1014.
fn may_be_sent(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

#[cfg(test)]
mod tests;
