//! How far the table was read, and when it is to be read again.
//!
//! A notification says that a row is there, not what is in it; however many come, the table is read from the last row on.
//! Invariant: a row of which a notification was heard after a read began is read by that one or by the next. That holds since
//! a row can be seen by whoever hears of it.

use std::collections::BTreeSet;

/// Ids that were passed over and are remembered, the newest.
const SKIPPED: usize = 1024;

/// What a notification of a row means.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// The row is yet to be read.
    New,
    /// It was read already, or is of a numbering that began anew.
    Old,
    /// It was committed behind one with a higher id, which was read before it.
    Late,
}

/// Where the reading of the table stands.
#[derive(Debug)]
pub(super) struct Progress {
    last: u64,
    is_due: bool,
    is_reading: bool,
    /// The highest id that was heard of since the read under way began.
    wanted: u64,
    /// Between ids that were read, those that were not: of transactions that were rolled back, or are late.
    skipped: BTreeSet<u64>,
}

impl Progress {
    /// Everything up to `last` was read, and there may be more.
    pub(super) fn behind(last: u64) -> Self {
        Self { last, is_due: true, is_reading: false, wanted: 0, skipped: BTreeSet::new() }
    }

    /// The id of the last row that was read.
    pub(super) fn last(&self) -> u64 {
        self.last
    }

    /// Somebody says that there is a row of this id.
    pub(super) fn heard(&mut self, id: u64) -> Heard {
        if id > self.last {
            self.wanted = self.wanted.max(id);
            self.is_due |= !self.is_reading;
            return Heard::New;
        }
        if self.skipped.remove(&id) { Heard::Late } else { Heard::Old }
    }

    /// If the table is to be read, the number behind which; that read is under way then.
    pub(super) fn begin(&mut self) -> Option<u64> {
        if self.is_reading || !self.is_due {
            return None;
        }
        (self.is_reading, self.is_due, self.wanted) = (true, false, 0);
        Some(self.last)
    }

    /// The read under way brought the rows of these ids, in their order, and whether they are all.
    pub(super) fn took(&mut self, ids: impl Iterator<Item = u64>, are_all: bool) {
        for id in ids {
            // Of the many that a jump passes over, the nearest.
            let first = (self.last + 1).max(id.saturating_sub(SKIPPED as u64));
            self.skipped.extend(first..id);
            while self.skipped.len() > SKIPPED {
                self.skipped.pop_first();
            }
            self.last = id;
        }
        self.is_reading = false;
        self.is_due = !are_all || self.wanted > self.last;
    }
}

#[cfg(test)]
mod tests;
