//! Tests of `ws::close`.

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
    for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535_u16] {
        assert_eq!(read(&code.to_be_bytes()), Err(Violation::CloseCode), "{code}");
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
