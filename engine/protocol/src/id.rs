//! The id of an event, as clients read it and come back with it.

use std::fmt;

/// Position of an event among the events of one gateway. Decimal where clients see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(u64);

impl EventId {
    /// The id with this number.
    pub const fn new(id: u64) -> Self {
        Self(id)
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// Appends its digits.
    pub fn write(self, out: &mut Vec<u8>) {
        use std::io::Write;
        write!(out, "{self}").expect("a Vec takes every write");
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests;
