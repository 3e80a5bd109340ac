//! The point at which a tenant's stored events end and its live events begin.
//!
//! Ingest *stores and publishes, then reads the interest*; a shard *declares its interest, then reads the newest position*.
//! Invariant: for each event and each shard that declares, the event is no newer than the position that the shard read, so it
//! is among the stored ones, or it is pushed to the shard. Both may hold, and the position says so; one always does. What is
//! at a position that a shard has read is stored for it to see.
//! One thread appends; any number of shards declare.

use crate::sync::{AtomicU64, Ordering, fence};

/// A tenant's newest entry, and the shards that want what follows.
#[derive(Debug)]
pub(crate) struct Handover {
    newest: AtomicU64,
    /// Bit `n` is set while shard `n` has subscribers of this tenant.
    interest: AtomicU64,
}

impl Handover {
    /// Nothing is stored yet; the first entry will be behind `floor`.
    pub(crate) fn new(floor: u64) -> Self {
        Self { newest: AtomicU64::new(floor), interest: AtomicU64::new(0) }
    }

    /// The newest position, for ingest.
    pub(crate) fn newest(&self) -> u64 {
        self.newest.load(Ordering::Relaxed)
    }

    /// The newest position, for other threads.
    pub(crate) fn published(&self) -> u64 {
        self.newest.load(Ordering::Acquire)
    }

    /// Publishes that the entry at `position` is stored. Returns the shards to push it to, a bit each.
    pub(crate) fn appended(&self, position: u64) -> u64 {
        // Release, pairs with the Acquire load in `declare`: a shard that reads this position finds the entry stored.
        self.newest.store(position, Ordering::Release);
        // Pairs with the fence in `declare`. Of two SeqCst fences one comes first: if this one does, the shard reads the
        // position above; if the shard's does, its bit is read below. With AcqRel both could miss, and the event would be lost.
        fence(Ordering::SeqCst);
        self.interest.load(Ordering::Relaxed)
    }

    /// Asks for every later entry to be pushed to `shard`. Returns the position of the newest stored one.
    pub(crate) fn declare(&self, shard: usize) -> u64 {
        self.interest.fetch_or(1 << shard, Ordering::Relaxed);
        // Pairs with the fence in `appended`.
        fence(Ordering::SeqCst);
        self.newest.load(Ordering::Acquire)
    }

    /// Asks for no further events. Some may still come into the shard's inbox.
    pub(crate) fn withdraw(&self, shard: usize) {
        self.interest.fetch_and(!(1 << shard), Ordering::Relaxed);
    }

    /// The shards that have subscribers of this tenant, a bit each.
    pub(crate) fn interest(&self) -> u64 {
        self.interest.load(Ordering::Relaxed)
    }
}

#[cfg(all(test, floodway_loom))]
mod loom_models;
