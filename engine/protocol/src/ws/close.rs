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
/// longer than [`REASON_BYTES_MAX`] is cut between two characters.
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
mod tests {
    use super::*;
    use crate::ends::EndReason;

    #[test]
    fn a_payload_is_the_code_and_the_reason() {
        assert_eq!(payload(4008, "Slow consumer"), b"\x0f\xa8Slow consumer");
        assert_eq!(payload(1000, ""), [0x03, 0xe8]);
    }

    #[test]
    fn a_long_reason_is_cut_between_characters() {
        let fits = "x".repeat(REASON_BYTES_MAX);
        assert_eq!(payload(4010, &fits).len(), CONTROL_BYTES_MAX);
        let long = format!("{}ß{}", "x".repeat(REASON_BYTES_MAX - 1), "y".repeat(500));
        let cut = payload(4010, &long);
        assert_eq!(cut[2..], *"x".repeat(REASON_BYTES_MAX - 1).as_bytes());
        for reason in ["é".repeat(200), "€".repeat(200), "🦀".repeat(200)] {
            let cut = payload(4010, &reason);
            let kept = std::str::from_utf8(&cut[2..]).expect("whole characters");
            assert!(reason.starts_with(kept) && cut.len() > CONTROL_BYTES_MAX - 4);
        }
    }

    #[test]
    fn what_the_server_sends_can_be_read_back() {
        for code in EndReason::ALL.iter().filter_map(|reason| reason.row().code) {
            assert_eq!(read(&payload(code, "why")), Ok(Some(code.into())));
        }
    }

    #[test]
    fn codes_that_must_not_travel_are_refused() {
        for code in [
            0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535_u16,
        ] {
            assert_eq!(
                read(&code.to_be_bytes()),
                Err(Violation::CloseCode),
                "{code}"
            );
        }
        for code in [1000, 1003, 1007, 1010, 1014, 3000, 3999, 4000, 4999_u16] {
            assert_eq!(read(&code.to_be_bytes()), Ok(Some(code.into())), "{code}");
        }
    }

    #[test]
    fn a_bad_body_is_refused() {
        assert_eq!(read(b""), Ok(None));
        assert_eq!(read(b"\x03"), Err(Violation::CloseBody));
        assert_eq!(read(b"\x03\xe8\xff"), Err(Violation::NotUtf8));
        assert_eq!(read(b"\x03\xe8\xe2\x82"), Err(Violation::NotUtf8));
    }
}
