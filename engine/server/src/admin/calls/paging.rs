//! Lists that come in pages.
//!
//! Invariant: a token holds the last one that was listed, and a mark of the list that it was given for; so it says where
//! to go on however the list has changed, and is refused for another list.

use std::hash::{DefaultHasher, Hash, Hasher};

use tonic::Status;

use super::args::bad;

const SIZE: usize = 100;
const SIZE_MAX: usize = 1000;

/// How many one page has.
pub(super) fn size(asked: i32) -> Result<usize, Status> {
    match usize::try_from(asked) {
        Err(_) => Err(bad("page_size", "must not be negative")),
        Ok(0) => Ok(SIZE),
        Ok(size) => Ok(size.min(SIZE_MAX)),
    }
}

/// A list, distinguished from others by what was asked for.
pub(super) struct List(u64);

impl List {
    pub(super) fn new(of: impl Hash) -> Self {
        // The same in every process: some lists are the same on all gateways.
        let mut hasher = DefaultHasher::new();
        of.hash(&mut hasher);
        Self(hasher.finish())
    }

    /// The token for the page after `last`; the empty one if there is none.
    pub(super) fn token(&self, last: Option<&str>) -> String {
        last.map_or_else(String::new, |last| format!("{:016x}.{last}", self.0))
    }

    /// What the page with this token comes after; none for the first page.
    pub(super) fn after<'a>(&self, token: &'a str) -> Result<Option<&'a str>, Status> {
        if token.is_empty() {
            return Ok(None);
        }
        let (mark, last) = token.split_once('.').ok_or_else(foreign)?;
        if mark != format!("{:016x}", self.0) {
            return Err(foreign());
        }
        Ok(Some(last))
    }
}

/// The token was not given for this list.
pub(super) fn foreign() -> Status {
    bad("page_token", "was not given for this list")
}

/// One page of `all`, which begins behind the page before and is in order, and the name of its last one if there are
/// more.
pub(super) fn page<T>(
    all: impl Iterator<Item = T>,
    size: usize,
    name: impl Fn(&T) -> String,
) -> (Vec<T>, Option<String>) {
    let mut all = all.peekable();
    let page: Vec<T> = all.by_ref().take(size).collect();
    let has_more = all.peek().is_some();
    let last = page.last().filter(|_| has_more).map(name);
    (page, last)
}

#[cfg(test)]
mod tests;
