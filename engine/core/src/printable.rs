//! What came from outside, as it may stand in a line of the log.

/// The beginning of `text`, of so many characters, with nothing in it that could forge a line or drive a terminal.
pub fn printable(text: &[u8], chars: usize) -> String {
    // No character has more than four bytes.
    let beginning = &text[..text.len().min(chars.saturating_mul(4))];
    let beginning = String::from_utf8_lossy(beginning);
    let beginning = beginning.chars().take(chars);
    beginning.flat_map(char::escape_debug).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_it_can_forge_a_line_and_its_length_is_bounded() {
        assert_eq!(
            printable(b"a\nb\x1b[31m\xff", 200),
            "a\\nb\\u{1b}[31m\u{fffd}"
        );
        assert_eq!(printable("ü".repeat(5000).as_bytes(), 200), "ü".repeat(200));
        assert_eq!(printable(b"abc", 0), "");
    }
}
