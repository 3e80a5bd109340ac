//! Pieces of JSON text for answers and notices.

use std::borrow::Borrow;
use std::fmt;

/// Writes a JSON string (RFC 8259, 7), quotes included.
pub(super) struct Text<'a>(pub(super) &'a str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self.0).map_err(|_| fmt::Error)?)
    }
}

/// Writes a JSON array of strings, without spaces.
pub(super) struct List<'a, S>(pub(super) &'a [S]);

impl<S: Borrow<str>> fmt::Display for List<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        for (nth, item) in self.0.iter().enumerate() {
            let comma = if nth == 0 { "" } else { "," };
            write!(f, "{comma}{}", Text(item.borrow()))?;
        }
        f.write_str("]")
    }
}

#[cfg(test)]
mod tests;
