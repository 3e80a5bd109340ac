//! What a tenant's streams have received, counted by the shards that have them.
//!
//! Invariant: only the shard's own thread writes a [`TenantCounters`]; any thread may read them and add them up. So a
//! delivery costs no bus lock, a tenant's counts never fall while the tenant is in the index, and a reader never waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use crossbeam::utils::CachePadded;

/// A number that one thread changes and others read.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// The number now. A reader of one count, and then of another that is always written before it, finds the second as new
    /// as the first.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }

    /// Adds `n`; only for its one writer. A plain store is enough for one writer, and costs no bus lock.
    pub fn add(&self, n: u64) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(n), Ordering::Release);
    }

    /// Subtracts `n`; only for its one writer.
    pub fn sub(&self, n: u64) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_sub(n), Ordering::Release);
    }
}

/// What one shard has counted for one tenant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TenantCounters<N = Count> {
    /// Live WebSocket streams.
    pub ws: N,
    /// Live SSE streams.
    pub sse: N,
    /// Events handed to the kernel, whole.
    pub delivered: N,
    /// Events that matched a subscriber and will not reach it.
    pub dropped: N,
    /// Events that matched a subscriber, and in whose place a newer one of the device was sent, as it had asked for.
    pub conflated: N,
    /// Bytes handed to the kernel.
    pub bytes: N,
}

/// What all shards have counted for one tenant since it came into the index. Each count is exact, but they are not all of
/// the same instant.
pub type TenantCounts = TenantCounters<u64>;

/// Counters that share their cache line with nothing else.
pub type OwnCounters = Arc<CachePadded<TenantCounters>>;

/// The counters of all shards that have, or had, streams of the tenant.
#[derive(Debug, Default)]
pub(super) struct TenantCounterTable(ArcSwap<Vec<(usize, OwnCounters)>>);

impl TenantCounterTable {
    /// The counters of `shard`, which is the only one to write them.
    pub(super) fn of(&self, shard: usize) -> OwnCounters {
        let find = |counters: &[(usize, OwnCounters)]| {
            let mut counters = counters.iter();
            counters.find(|(of, _)| *of == shard).map(|(_, found)| Arc::clone(found))
        };
        if let Some(found) = find(&self.0.load()) {
            return found;
        }
        // Only the shard itself asks for its counters, so no other thread adds them meanwhile.
        let fresh = OwnCounters::default();
        self.0.rcu(|counters| {
            let mut counters = Vec::clone(counters);
            counters.push((shard, Arc::clone(&fresh)));
            counters
        });
        fresh
    }

    pub(super) fn sum(&self) -> TenantCounts {
        let add = |sum: TenantCounts, (_, counters): &(usize, OwnCounters)| TenantCounts {
            ws: sum.ws + counters.ws.get(),
            sse: sum.sse + counters.sse.get(),
            delivered: sum.delivered + counters.delivered.get(),
            dropped: sum.dropped + counters.dropped.get(),
            conflated: sum.conflated + counters.conflated.get(),
            bytes: sum.bytes + counters.bytes.get(),
        };
        self.0.load().iter().fold(TenantCounts::default(), add)
    }
}

#[cfg(all(test, not(floodway_loom)))]
mod tests;
