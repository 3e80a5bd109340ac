//! The projections of one event that subscribers needed.
//!
//! Invariant: a set of names has at most one projection. It is made once, and stays where it is as long as the event. It is
//! found without a lock; a thread waits only for another one that makes the same projection.
//!
//! The projections are a trie over the hash of the names, two bits a level, that only grows. A list would be simpler, but
//! with ten thousand subscribers that all want other metrics, each would search ten thousand projections.

use std::sync::{Arc, OnceLock};

use super::MetricSet;
use super::encoded::Encoded;

const FANOUT_BITS: u32 = 2;

type Slot = OnceLock<Box<Node>>;

/// Costs 16 bytes until a subscriber wants some metrics only.
#[derive(Debug, Default)]
pub(super) struct Projections {
    root: Slot,
}

#[derive(Debug)]
struct Node {
    metrics: Arc<MetricSet>,
    projected: OnceLock<Projected>,
    below: [Slot; 1 << FANOUT_BITS],
}

/// What is left of an event.
#[derive(Debug)]
pub(super) enum Projected {
    /// None of its metrics: the event is not sent.
    Nothing,
    /// All of them: the event's own text is sent.
    Whole,
    /// Some of them: the text with only these.
    Part(Encoded),
}

impl Projections {
    /// The projection to `metrics`. The first call makes it with `project`.
    pub(super) fn get(&self, metrics: &Arc<MetricSet>, project: impl FnOnce() -> Projected) -> &Projected {
        self.node(metrics).projected.get_or_init(project)
    }

    fn node(&self, metrics: &Arc<MetricSet>) -> &Node {
        let mut path = metrics.hash;
        let mut slot = &self.root;
        loop {
            // A thread that loses the race for this slot finds the winner's node in it, and goes on below.
            let node = slot.get_or_init(|| Box::new(Node::new(Arc::clone(metrics))));
            if node.is_for(metrics) {
                return node;
            }
            slot = &node.below[path as usize % node.below.len()];
            // Rotated, not shifted, so that the path never ends: different names with equal hashes make a list.
            path = path.rotate_right(FANOUT_BITS);
        }
    }
}

impl Node {
    fn new(metrics: Arc<MetricSet>) -> Self {
        Self { metrics, projected: OnceLock::new(), below: Default::default() }
    }

    fn is_for(&self, metrics: &Arc<MetricSet>) -> bool {
        Arc::ptr_eq(&self.metrics, metrics) || self.metrics.same_names(metrics)
    }
}
