//! How attempts to read a store that stands beside the sources end, for the sources that wait for it.
//!
//! Invariant: who waits goes on when the next attempt ends, well or not; one begins at once.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{Notify, watch};

#[derive(Debug, Default)]
pub(super) struct Attempts {
    /// Whether there is such a store.
    are_made: AtomicBool,
    ended: watch::Sender<u64>,
    hurry: Notify,
}

impl Attempts {
    /// There is such a store from now on.
    pub(super) fn begin(&self) {
        self.are_made.store(true, Ordering::Relaxed);
    }

    /// One has ended.
    pub(super) fn ended(&self) {
        self.ended.send_modify(|ended| *ended += 1);
    }

    /// Waits until somebody waits for an attempt.
    pub(super) async fn wanted(&self) {
        self.hurry.notified().await;
    }

    /// Waits for the end of one; not at all if there is no such store.
    pub(super) async fn next(&self) {
        if !self.are_made.load(Ordering::Relaxed) {
            return;
        }
        let mut ended = self.ended.subscribe();
        self.hurry.notify_one();
        // It can't fail: the sender is ours.
        let _ = ended.changed().await;
    }
}
