//! The metrics of one payload, each name once.
//!
//! Invariant: of a name that is given twice, compared without escapes, the first key keeps its position and gets the last
//! value, as in a Python `dict`. The work is linear in the number of keys.

use std::hash::BuildHasher;
use std::ops::Range;

use hashbrown::{DefaultHashBuilder, HashTable};

use super::Rejection;
use super::tokens::{Entry, Object};

/// Up to this many names are compared one by one, which is faster than a table.
const SCAN_NAMES_MAX: usize = 16;

/// The metrics of the last payload. The memory is used again for the next.
#[derive(Debug, Default)]
pub(super) struct Members {
    list: Vec<Entry>,
    has_doubles: bool,
    /// Indexes of `list` by name; empty while the list is short.
    table: HashTable<usize>,
    hasher: DefaultHashBuilder,
}

impl Members {
    /// Forgets the last payload.
    pub(super) fn clear(&mut self) {
        self.list.clear();
        self.has_doubles = false;
        self.table.clear();
    }

    /// The metrics in the device's order.
    pub(super) fn list(&self) -> &[Entry] {
        &self.list
    }

    /// The part of the payload with all metrics, if an event can hold it as it is: each name once, nothing but `:` and `,`
    /// between, and all on one line.
    pub(super) fn span(&self, json: &[u8]) -> Option<Range<usize>> {
        let span = self.list.first()?.key.start..self.list.last()?.value.end;
        let bytes: usize = self.list.iter().map(|metric| metric.key.len() + metric.value.len()).sum();
        let is_dense = bytes + 2 * self.list.len() - 1 == span.len();
        let is_one_line = || memchr::memchr2(b'\r', b'\n', &json[span.clone()]).is_none();
        (!self.has_doubles && is_dense && is_one_line()).then_some(span)
    }

    /// Takes out the names that are not the text between the quotes, with their indexes in the list.
    pub(super) fn take_names(&mut self) -> Box<[(u32, Box<str>)]> {
        let names = (0..).zip(&mut self.list).filter_map(|(at, metric)| Some((at, metric.unescaped.take()?)));
        names.collect()
    }

    /// Reads the members of `object`, which is a part of `json`, except those whose names are `left_out`.
    pub(super) fn read(
        &mut self,
        json: &[u8],
        object: Object<'_>,
        left_out: &[Box<str>],
        metrics_max: usize,
    ) -> Result<(), Rejection> {
        self.clear();
        for entry in object {
            let name = entry.name(json);
            if left_out.iter().any(|other| other.as_bytes() == name) {
                continue;
            }
            match self.find(json, name) {
                Some(first) => {
                    self.list[first].value = entry.value;
                    self.has_doubles = true;
                }
                None if self.list.len() == metrics_max => return Err(Rejection::TooManyMetrics),
                None => self.push(json, entry),
            }
        }
        Ok(())
    }

    fn find(&self, json: &[u8], name: &[u8]) -> Option<usize> {
        if self.list.len() <= SCAN_NAMES_MAX {
            return self.list.iter().position(|metric| metric.name(json) == name);
        }
        let hash = self.hasher.hash_one(name);
        self.table.find(hash, |&at| self.list[at].name(json) == name).copied()
    }

    fn push(&mut self, json: &[u8], metric: Entry) {
        self.list.push(metric);
        let count = self.list.len();
        if count == SCAN_NAMES_MAX + 1 {
            (0..count).for_each(|at| self.enter(json, at));
        } else if count > SCAN_NAMES_MAX {
            self.enter(json, count - 1);
        }
    }

    fn enter(&mut self, json: &[u8], at: usize) {
        let hash = |at: &usize| self.hasher.hash_one(self.list[*at].name(json));
        self.table.insert_unique(hash(&at), at, hash);
    }
}
