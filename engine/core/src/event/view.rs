//! What a subscriber sees of an event.
//!
//! Invariant: two subscribers with equal views are sent the same bytes.

use std::sync::Arc;

use floodway_protocol::Encoding;

use super::MetricSet;

/// Which metrics, and in which form.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct View {
    /// The metrics asked for; `None` for all of them.
    pub metrics: Option<Arc<MetricSet>>,
    /// The form of the bytes.
    pub encoding: Encoding,
}
