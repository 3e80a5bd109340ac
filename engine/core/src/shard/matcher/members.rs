//! The members of one cohort, and how far a flush has come among them.
//!
//! Invariant: the members before `flushed` have received the cohort's batch, those from there on have not; joining
//! and leaving in the middle of a flush keeps that true, and neither moves more than two members.

use crate::shard::keys::SubscriberKey;

#[derive(Debug, Default)]
pub(crate) struct Members {
    keys: Vec<SubscriberKey>,
    flushed: usize,
}

/// A member and its new index.
pub(crate) type Moved = (SubscriberKey, u32);

impl Members {
    pub(crate) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Adds a member that has not received the batch; returns its index.
    pub(crate) fn join(&mut self, key: SubscriberKey) -> u32 {
        self.keys.push(key);
        u32::try_from(self.keys.len() - 1).expect("fewer subscribers than descriptors")
    }

    /// Takes the member at `index` out, and calls `moved` for those whose index changes by it.
    pub(crate) fn leave(&mut self, index: u32, mut moved: impl FnMut(Moved)) {
        let mut hole = index as usize;
        if hole < self.flushed {
            self.flushed -= 1;
            self.keys.swap(hole, self.flushed);
            if hole != self.flushed {
                moved((self.keys[hole], index));
            }
            hole = self.flushed;
        }
        self.keys.swap_remove(hole);
        if let Some(&key) = self.keys.get(hole) {
            moved((key, u32::try_from(hole).expect("no more than before")));
        }
    }

    /// The member at `index`, which has not, has now received the batch, before its turn; calls `moved` for those whose index
    /// changes by it.
    pub(crate) fn pass(&mut self, index: u32, mut moved: impl FnMut(Moved)) {
        let (from, to) = (index as usize, self.flushed);
        self.flushed += 1;
        self.keys.swap(from, to);
        if from != to {
            let first = u32::try_from(to).expect("no more than before");
            moved((self.keys[to], first));
            moved((self.keys[from], index));
        }
    }

    /// The member at `index`.
    pub(crate) fn key(&self, index: u32) -> SubscriberKey {
        self.keys[index as usize]
    }

    /// Whether the member at `index` has received the batch.
    pub(crate) fn has_flushed(&self, index: u32) -> bool {
        (index as usize) < self.flushed
    }

    /// The next members that the batch goes to, up to `most`. They count as having received it.
    pub(crate) fn take(&mut self, most: usize) -> &[SubscriberKey] {
        let from = self.flushed;
        self.flushed = self.keys.len().min(from.saturating_add(most));
        &self.keys[from..self.flushed]
    }

    /// The flush is over: the next batch goes to all again.
    pub(crate) fn end_flush(&mut self) {
        self.flushed = 0;
    }
}

#[cfg(test)]
mod properties;
