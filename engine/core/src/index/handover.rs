//! The point at which a tenant's stored events end and its live events begin.
//!
//! Ingest *appends, then reads the interest*; a shard *declares its interest, then reads the newest id*. Invariant:
//! for each event and each shard that declares, the event is no newer than the id that the shard read, so it is among
//! the stored ones, or it is pushed to the shard. Both may hold, and the id says so; one always does.
//! One thread appends; any number of shards declare.

use crate::sync::{AtomicU64, Ordering, fence};

/// A tenant's newest event, and the shards that want what follows.
#[derive(Debug, Default)]
pub(crate) struct Handover {
    newest: AtomicU64,
    /// Bit `n` is set while shard `n` has subscribers of this tenant.
    interest: AtomicU64,
}

impl Handover {
    /// Publishes that the event `id` is stored. Returns the shards to push it to, a bit each.
    pub(crate) fn appended(&self, id: u64) -> u64 {
        // Release, pairs with the Acquire load in `declare`: a shard that reads this id finds the event stored.
        self.newest.store(id, Ordering::Release);
        // Pairs with the fence in `declare`. Of two SeqCst fences one comes first: if this one does, the shard reads the id
        // above; if the shard's does, its bit is read below. With AcqRel both could miss, and the event would be lost.
        fence(Ordering::SeqCst);
        self.interest.load(Ordering::Relaxed)
    }

    /// Asks for every later event to be pushed to `shard`. Returns the id of the newest stored one (0: none yet).
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
