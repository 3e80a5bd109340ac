//! A count that can be waited for.

use std::cell::Cell;

use tokio::sync::Notify;

/// Counts work that is done on this thread.
#[derive(Debug, Default)]
pub struct Counter {
    count: Cell<u64>,
    awaited: Cell<u64>,
    reached: Notify,
}

impl Counter {
    /// The count now.
    pub fn get(&self) -> u64 {
        self.count.get()
    }

    /// Adds `n`; costs a comparison, and a wake-up only where the count that is awaited is reached.
    pub fn add(&self, n: u64) {
        let (before, awaited) = (self.count.get(), self.awaited.get());
        self.count.set(before + n);
        if before < awaited && before + n >= awaited {
            self.reached.notify_one();
        }
    }

    /// Returns once the count is at least `count`. One may wait at a time.
    pub async fn reach(&self, count: u64) {
        self.awaited.set(count);
        while self.get() < count {
            self.reached.notified().await;
        }
    }
}
