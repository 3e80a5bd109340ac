//! Events of before that the source has given back to streams that come back, since history does not hold them any more.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::event::Event;
use floodway_protocol::EventId;

/// Events of one tenant, which all streams share that were behind at the same time. Their memory counts until the last of
/// these has read them.
#[derive(Debug)]
pub struct GivenBack {
    events: Vec<Arc<Event>>,
    bytes: u64,
    total: Arc<AtomicU64>,
}

impl GivenBack {
    /// These events, whose memory counts in `total` as long as they are held.
    pub fn new(events: Vec<Arc<Event>>, total: &Arc<AtomicU64>) -> Self {
        let bytes = events.iter().map(|event| event.memory() as u64).sum();
        total.fetch_add(bytes, Ordering::Relaxed);
        Self { events, bytes, total: Arc::clone(total) }
    }

    /// The events, oldest first.
    pub fn events(&self) -> &[Arc<Event>] {
        &self.events
    }
}

impl Drop for GivenBack {
    fn drop(&mut self) {
        self.total.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// What a stream that comes back gets before what history holds.
#[derive(Clone, Debug)]
pub struct Backlog {
    /// Among them those of the tenant behind `after` and up to `until`, whoever wants them.
    pub given: Arc<GivenBack>,
    /// Behind this id. If it is larger than the one from which the stream resumes, what is between them is lost.
    pub after: EventId,
    /// Up to where nothing is missing. History holds what follows.
    pub until: EventId,
    /// So many of the tenant's events before them are lost, if that is known.
    pub lost: Option<Option<u64>>,
}

impl Backlog {
    /// Its events, oldest first.
    pub(super) fn events(&self) -> &[Arc<Event>] {
        let events = self.given.events();
        &events[events.partition_point(|event| event.id() <= self.after)..]
    }
}
