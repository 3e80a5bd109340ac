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
mod tests;
