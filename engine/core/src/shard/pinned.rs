//! How much memory the events take that rings hold.
//!
//! Invariant: an event is counted from the moment when the first ring of its shard holds it until the last of them has let it
//! go, once however many hold it. What a ring reads from history is not counted: it is bounded for each, and shared.

use std::rc::Rc;
use std::sync::Arc;

use super::metrics::Metrics;

/// The events that the rings of one shard hold. Shared by a count that no other thread touches, so that no event costs an
/// atomic operation.
#[derive(Clone, Debug)]
pub(super) struct Pinned(Rc<Gauge>);

#[derive(Debug)]
struct Gauge {
    metrics: Arc<Metrics>,
    /// The memory that they may take.
    bound: usize,
}

impl Pinned {
    pub(super) fn new(metrics: &Arc<Metrics>, bound: usize) -> Self {
        Self(Rc::new(Gauge { metrics: Arc::clone(metrics), bound }))
    }

    /// Whether a ring may hold an event for which `more` memory is needed, and with which its own events take `of_ring`. One
    /// that another ring holds already needs no more; but where there is too much, each ring has to let go of what it holds,
    /// or what one lets go is kept by the others.
    #[inline]
    pub(super) fn has_room_for(&self, more: usize, of_ring: usize) -> bool {
        let held = self.0.metrics.events.held_bytes.get() as usize;
        held + more <= self.0.bound || of_ring <= self.share()
    }

    /// What each ring may hold however much the others do: so those that came first leave something to those that lag later.
    #[cold]
    fn share(&self) -> usize {
        let rings = self.0.metrics.streams.lagging.get() as usize;
        self.0.bound / rings.max(1)
    }

    /// Counts an event of so many bytes until the pin is dropped.
    pub(super) fn pin(&self, bytes: usize) -> Pin {
        self.0.metrics.events.held_bytes.add(bytes as u64);
        Pin { pinned: self.clone(), bytes }
    }
}

/// An event is counted as long as this lives.
#[derive(Debug)]
pub(super) struct Pin {
    pinned: Pinned,
    pub(super) bytes: usize,
}

impl Drop for Pin {
    fn drop(&mut self) {
        self.pinned.0.metrics.events.held_bytes.sub(self.bytes as u64);
    }
}
