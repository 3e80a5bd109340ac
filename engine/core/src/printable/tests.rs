//! Tests of `printable`.

use super::*;

#[test]
fn nothing_in_it_can_forge_a_line_and_its_length_is_bounded() {
    assert_eq!(printable(b"a\nb\x1b[31m\xff", 200), "a\\nb\\u{1b}[31m\u{fffd}");
    assert_eq!(printable("ü".repeat(5000).as_bytes(), 200), "ü".repeat(200));
    assert_eq!(printable(b"abc", 0), "");
}
