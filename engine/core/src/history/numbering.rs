//! Whether ids are the numbers of the source, which then can give back what is no longer kept here.
//!
//! Such numbers grow along all events of the source, so that between two events of one tenant there may be numbers of others:
//! an id says where a stream was, also where it is none of the tenant's own events. It holds on every gateway of the source,
//! and across restarts.

use tokio::sync::watch;

use floodway_protocol::EventId;

/// How far the source was read, if ids are its numbers.
#[derive(Debug, Default)]
pub struct Numbering {
    reached: watch::Sender<Option<u64>>,
}

impl Numbering {
    /// For ingest: every event up to this number was taken in.
    pub fn reach(&self, number: u64) {
        self.reached.send_if_modified(|reached| reached.replace(number) != Some(number));
    }

    /// Up to where the source was read; none if ids are the gateway's own.
    pub fn reached(&self) -> Option<EventId> {
        self.reached.borrow().map(EventId::new)
    }

    /// The same, to be waited for: a client may come from a gateway that was ahead.
    pub fn watch(&self) -> watch::Receiver<Option<u64>> {
        self.reached.subscribe()
    }
}
