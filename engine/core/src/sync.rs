//! The atomics of the lock-free modules: std's, or loom's when its models are built (`scripts/test` does so).

#[cfg(floodway_loom)]
pub(crate) use loom::sync::atomic::{AtomicU64, Ordering, fence};
#[cfg(not(floodway_loom))]
pub(crate) use std::sync::atomic::{AtomicU64, Ordering, fence};
