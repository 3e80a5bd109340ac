//! What a subscriber sees of an event.
//!
//! Invariant: two subscribers with equal views are sent the same bytes.

use std::sync::Arc;

use floodway_protocol::Encoding;

use super::MetricSet;

/// Which metrics, in which encoding.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct View {
    /// The wanted metrics; `None` for all.
    pub metrics: Option<Arc<MetricSet>>,
    /// The encoding of the bytes.
    pub encoding: Encoding,
}
