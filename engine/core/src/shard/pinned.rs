//! How much memory the events take that rings hold.
//!
//! Invariant: an event is counted from the moment when the first ring of its shard holds it until the last of them has let it
//! go, once however many hold it. What a ring reads from history is not counted: it is bounded for each, and shared.

use std::rc::Rc;
use std::sync::Arc;

use super::metrics::Metrics;
use super::outgoing::Outgoing;

/// The events that the rings of one shard hold.
#[derive(Clone, Debug)]
pub(super) struct Pinned {
    // In an `Rc`, so that no event costs an atomic operation.
    metrics: Rc<Arc<Metrics>>,
    /// The memory that they may take.
    bound: usize,
}

impl Pinned {
    pub(super) fn new(metrics: &Arc<Metrics>, bound: usize) -> Self {
        Self { metrics: Rc::new(Arc::clone(metrics)), bound }
    }

    /// Whether one more ring may hold this event. One that a ring holds already takes no more memory.
    #[inline]
    pub(super) fn has_room_for(&self, event: &Outgoing) -> bool {
        event.pinned_bytes() > 0 || self.metrics.events.held_bytes.get() as usize + event.memory() <= self.bound
    }

    /// Counts an event of so many bytes until the pin is dropped.
    pub(super) fn pin(&self, bytes: usize) -> Pin {
        self.metrics.events.held_bytes.add(bytes as u64);
        Pin { metrics: Rc::clone(&self.metrics), bytes }
    }
}

/// An event is counted as long as this lives.
#[derive(Debug)]
pub(super) struct Pin {
    metrics: Rc<Arc<Metrics>>,
    pub(super) bytes: usize,
}

impl Drop for Pin {
    fn drop(&mut self) {
        self.metrics.events.held_bytes.sub(self.bytes as u64);
    }
}
