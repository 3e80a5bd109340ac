//! What a shard counts. Only its own thread writes; anybody may read and add the shards up.

use std::sync::atomic::{AtomicU64, Ordering};

use super::end::{End, LABELS};
use crate::event::Encoding;

/// A number that one thread changes and others read.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// The number now.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Not a read-modify-write: there is one writer, so a plain store is enough and costs no bus lock.
    pub(super) fn add(&self, n: u64) {
        self.0.store(self.get().wrapping_add(n), Ordering::Relaxed);
    }

    pub(super) fn sub(&self, n: u64) {
        self.0.store(self.get().wrapping_sub(n), Ordering::Relaxed);
    }
}

/// One shard's counts.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Live WebSocket streams.
    pub ws: Count,
    /// Live SSE streams.
    pub sse: Count,
    /// Streams that became live.
    pub opened: Count,
    /// Streams that ended, by [`End::label`].
    pub closed: [Count; LABELS.len()],
    /// Events handed to the kernel, whole.
    pub delivered: Count,
    /// Events that matched a subscriber and will not reach it.
    pub dropped: Count,
    /// Bytes handed to the kernel.
    pub bytes: Count,
    /// Gaps told because a ring was full.
    pub gaps: Count,
    /// Writes that were asked of the kernel for events.
    pub writes: Count,
}

impl Metrics {
    pub(super) fn live(&self, encoding: Encoding) -> &Count {
        match encoding {
            Encoding::Ws | Encoding::WsWithId => &self.ws,
            Encoding::Sse | Encoding::SseChunked => &self.sse,
        }
    }

    pub(super) fn ended(&self, end: &End) {
        self.closed[end.index()].add(1);
    }
}
