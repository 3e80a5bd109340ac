//! The members of one cohort, and how far a flush has come among them.
//!
//! Invariant: the members before `flushed` have received the cohort's batch, those from there on have not; joining
//! and leaving in the middle of a flush keeps that true, and neither moves more than two members.

use super::subscriber::Key;

#[derive(Debug, Default)]
pub(super) struct Members {
    keys: Vec<Key>,
    flushed: usize,
}

/// A member's new seat.
pub(super) type Moved = (Key, u32);

impl Members {
    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Adds a member that has not received the batch; returns its seat.
    pub(super) fn join(&mut self, key: Key) -> u32 {
        self.keys.push(key);
        u32::try_from(self.keys.len() - 1).expect("fewer subscribers than descriptors")
    }

    /// Takes the member at `seat` out, and calls `moved` for those that take another seat for it.
    pub(super) fn leave(&mut self, seat: u32, mut moved: impl FnMut(Moved)) {
        let mut hole = seat as usize;
        if hole < self.flushed {
            self.flushed -= 1;
            self.keys.swap(hole, self.flushed);
            if hole != self.flushed {
                moved((self.keys[hole], seat));
            }
            hole = self.flushed;
        }
        self.keys.swap_remove(hole);
        if let Some(&key) = self.keys.get(hole) {
            moved((key, u32::try_from(hole).expect("no more than before")));
        }
    }

    /// Whether the member at `seat` has received the batch.
    pub(super) fn has_flushed(&self, seat: u32) -> bool {
        (seat as usize) < self.flushed
    }

    /// The next member that the batch goes to.
    pub(super) fn next(&mut self) -> Option<Key> {
        let key = self.keys.get(self.flushed).copied()?;
        self.flushed += 1;
        Some(key)
    }

    /// The flush is over: the next batch goes to all again.
    pub(super) fn end_flush(&mut self) {
        self.flushed = 0;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Step {
        Join,
        Leave(usize),
        Next,
        EndFlush,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            3 => Just(Step::Join),
            2 => (0_usize..50).prop_map(Step::Leave),
            4 => Just(Step::Next),
            1 => Just(Step::EndFlush),
        ];
        prop::collection::vec(step, 0..200)
    }

    proptest! {
        #[test]
        fn each_member_receives_each_batch_once_whoever_comes_and_goes(steps in steps()) {
            let mut members = Members::default();
            let (mut seats, mut received, mut fresh) = (HashMap::new(), HashSet::new(), 0);
            for step in steps {
                match step {
                    Step::Join => {
                        seats.insert(Key(fresh), members.join(Key(fresh)));
                        fresh += 1;
                    }
                    Step::Leave(nth) => {
                        let mut present: Vec<Key> = seats.keys().copied().collect();
                        present.sort();
                        let Some(&key) = present.get(nth) else { continue };
                        let seat = seats.remove(&key).unwrap();
                        members.leave(seat, |(moved, seat)| { seats.insert(moved, seat); });
                        received.remove(&key);
                    }
                    Step::Next => {
                        let next = members.next();
                        prop_assert_eq!(next.is_none(), received.len() == seats.len());
                        if let Some(key) = next {
                            prop_assert!(seats.contains_key(&key));
                            prop_assert!(received.insert(key), "twice");
                        }
                    }
                    Step::EndFlush => {
                        members.end_flush();
                        received.clear();
                    }
                }
                for (key, &seat) in &seats {
                    prop_assert_eq!(members.keys[seat as usize], *key);
                    prop_assert_eq!(members.has_flushed(seat), received.contains(key));
                }
                prop_assert_eq!(members.keys.len(), seats.len());
            }
        }
    }
}
