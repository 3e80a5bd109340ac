//! What every call works with: the observer, the drains, and the streams of answers.

use tokio::sync::watch;
use tonic::Status;

use super::streaming::Streaming;
use crate::admin::health::Health;
use crate::admin::observer::Observer;

/// Answers the calls.
pub(in crate::admin) struct Service {
    pub(super) observer: Observer,
    pub(super) health: Health,
    pub(super) streaming: Streaming,
}

/// The answer to a call.
pub(super) type Answer<T> = Result<T, Status>;

impl Service {
    /// Streams of answers end when `stop` turns true; drains go by `health`.
    pub(in crate::admin) fn new(observer: Observer, health: Health, stop: watch::Receiver<bool>) -> Self {
        Self { observer, health, streaming: Streaming::new(stop) }
    }
}
