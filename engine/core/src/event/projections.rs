//! The projections of one event that were asked for.
//!
//! Invariant: for one set of names there is at most one projection, it is made once, and it stays where it is as
//! long as the event. What is there is found without a lock; two threads meet only where both are first to ask.
//!
//! The projections are a trie over the hash of the names, two bits a level, that only grows. A list would be simpler,
//! but with ten thousand subscribers that all ask for something else, finding each one's projection would cost ten
//! thousand steps.

use std::sync::{Arc, OnceLock};

use super::MetricSet;
use super::encoded::Encoded;

const FANOUT_BITS: u32 = 2;

type Slot = OnceLock<Box<Node>>;

/// Costs 16 bytes until a subscriber asks for some metrics only.
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
    /// All of them: its own text will do.
    Whole,
    /// Some of them, and the text with only these.
    Part(Encoded),
}

impl Projections {
    /// The projection to `metrics`, from `project` if nobody asked for it before.
    pub(super) fn get(
        &self,
        metrics: &Arc<MetricSet>,
        project: impl FnOnce() -> Projected,
    ) -> &Projected {
        self.node(metrics).projected.get_or_init(project)
    }

    fn node(&self, metrics: &Arc<MetricSet>) -> &Node {
        let mut path = metrics.hash_of_names();
        let mut slot = &self.root;
        loop {
            // A thread that loses the race for the slot finds the winner's node in it, and goes on from there.
            let node = slot.get_or_init(|| Box::new(Node::new(Arc::clone(metrics))));
            if node.is_for(metrics) {
                return node;
            }
            slot = &node.below[path as usize % node.below.len()];
            // Turned, not shifted: the path never ends, and equal hashes of different names make a list.
            path = path.rotate_right(FANOUT_BITS);
        }
    }
}

impl Node {
    fn new(metrics: Arc<MetricSet>) -> Self {
        Self {
            metrics,
            projected: OnceLock::new(),
            below: Default::default(),
        }
    }

    fn is_for(&self, metrics: &Arc<MetricSet>) -> bool {
        Arc::ptr_eq(&self.metrics, metrics) || self.metrics.same_names(metrics)
    }
}
