//! How attempts to read a store that stands beside the sources end, for the sources that wait for it.
//!
//! Invariant: unless the last one went well and nothing was lost since, who waits goes on when the next attempt ends, well or
//! not; one begins at once.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{Notify, watch};

#[derive(Debug, Default)]
pub(super) struct Attempts {
    /// Whether there is such a store.
    are_made: AtomicBool,
    /// How many have ended, and whether the store is followed since.
    ended: watch::Sender<(u64, bool)>,
    hurry: Notify,
}

impl Attempts {
    /// There is such a store from now on.
    pub(super) fn begin(&self) {
        self.are_made.store(true, Ordering::Relaxed);
    }

    /// One has ended: the store is followed now, or it is away.
    pub(super) fn ended(&self, is_followed: bool) {
        self.ended
            .send_modify(|(count, followed)| (*count, *followed) = (*count + 1, is_followed));
    }

    /// The store is not followed any more.
    pub(super) fn lost(&self) {
        self.ended.send_if_modified(|(_, followed)| {
            *followed = false;
            false
        });
    }

    /// Waits until somebody waits for an attempt.
    pub(super) async fn wanted(&self) {
        self.hurry.notified().await;
    }

    /// Waits for the end of one; not at all if there is no such store, or it is followed.
    pub(super) async fn settled(&self) {
        let mut ended = self.ended.subscribe();
        if !self.are_made.load(Ordering::Relaxed) || ended.borrow().1 {
            return;
        }
        self.hurry.notify_one();
        // It can't fail: the sender is ours.
        let _ = ended.changed().await;
    }
}
