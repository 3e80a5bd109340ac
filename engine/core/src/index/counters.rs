//! What a tenant's streams have received, counted by the shards that have them.
//!
//! Invariant: only one thread writes a [`TenantCounters`], its shard's; anybody may read and add them up. So a delivery costs no
//! bus lock, a tenant's counts never fall while the tenant is in the index, and looking at them waits for nobody.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use crossbeam::utils::CachePadded;

/// A number that one thread changes and others read.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// The number now. Who reads one count, and then another that is always written before it, finds that as new as the
    /// first.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }

    /// Adds `n`; for its one writer. Not a read-modify-write: with one writer a plain store is enough, and costs no bus
    /// lock.
    pub fn add(&self, n: u64) {
        self.0.store(self.own().wrapping_add(n), Ordering::Release);
    }

    /// Takes `n` away; for its one writer.
    pub fn sub(&self, n: u64) {
        self.0.store(self.own().wrapping_sub(n), Ordering::Release);
    }

    /// What its one writer has stored last.
    fn own(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What one shard has counted of one tenant.
#[derive(Debug, Default)]
pub struct TenantCounters {
    /// Live WebSocket streams.
    pub ws: Count,
    /// Live SSE streams.
    pub sse: Count,
    /// Events handed to the kernel, whole.
    pub delivered: Count,
    /// Events that matched a subscriber and will not reach it.
    pub dropped: Count,
    /// Bytes handed to the kernel.
    pub bytes: Count,
}

/// What all shards have counted of one tenant since it came into the index. Each count is exact, though not all are of
/// the same instant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TenantCounts {
    /// Live WebSocket streams.
    pub ws: u64,
    /// Live SSE streams.
    pub sse: u64,
    /// Events handed to the kernel, whole.
    pub delivered: u64,
    /// Events that matched a subscriber and did not reach it.
    pub dropped: u64,
    /// Bytes handed to the kernel.
    pub bytes: u64,
}

/// A tally that shares its cache line with nobody.
pub type OwnCounters = Arc<CachePadded<TenantCounters>>;

/// The tallies of all shards that have, or had, the tenant's streams.
#[derive(Debug, Default)]
pub(super) struct TenantCounterTable(ArcSwap<Vec<(usize, OwnCounters)>>);

impl TenantCounterTable {
    /// That of `shard`, which is the only one to write it.
    pub(super) fn of(&self, shard: usize) -> OwnCounters {
        let find = |tallies: &[(usize, OwnCounters)]| {
            let mut tallies = tallies.iter();
            tallies
                .find(|(of, _)| *of == shard)
                .map(|(_, counters)| Arc::clone(counters))
        };
        if let Some(found) = find(&self.0.load()) {
            return found;
        }
        // Nobody else adds this shard's: it alone asks for it.
        let fresh = OwnCounters::default();
        self.0.rcu(|tallies| {
            let mut tallies = Vec::clone(tallies);
            tallies.push((shard, Arc::clone(&fresh)));
            tallies
        });
        fresh
    }

    pub(super) fn sum(&self) -> TenantCounts {
        let add = |sum: TenantCounts, (_, counters): &(usize, OwnCounters)| TenantCounts {
            ws: sum.ws + counters.ws.get(),
            sse: sum.sse + counters.sse.get(),
            delivered: sum.delivered + counters.delivered.get(),
            dropped: sum.dropped + counters.dropped.get(),
            bytes: sum.bytes + counters.bytes.get(),
        };
        self.0.load().iter().fold(TenantCounts::default(), add)
    }
}

#[cfg(all(test, not(floodway_loom)))]
mod tests {
    use super::*;

    #[test]
    fn shards_count_by_themselves_and_are_added_up() {
        let tallies = TenantCounterTable::default();
        std::thread::scope(|scope| {
            for shard in 0..8 {
                let tallies = &tallies;
                scope.spawn(move || {
                    for _ in 0..100 {
                        tallies.of(shard).delivered.add(1);
                        tallies.of(shard).ws.add(1);
                        tallies.of(shard).ws.sub(1);
                    }
                });
            }
        });
        let sum = tallies.sum();
        assert_eq!((sum.delivered, sum.ws, sum.dropped), (800, 0, 0));
        assert_eq!(tallies.0.load().len(), 8);
    }
}
