//! What several subscribers of a shard are sent alike.
//!
//! A shard wraps each event once; rings then share it by a count that only this thread touches, so that no
//! subscriber costs an atomic operation on a line that other cores write to.

use std::rc::Rc;
use std::sync::Arc;

use super::event_pipe::Received;
use super::filter::Filter;
use crate::event::Event;
use floodway_protocol::Encoding;
use floodway_protocol::messages::notice::Notice;

/// An event or a notice on its way to subscribers of one shard.
#[derive(Debug)]
pub(super) enum Outgoing {
    Event(Arc<Event>),
    Notice(Notice),
}

impl Outgoing {
    /// The ready bytes for subscribers with this key; none if nothing of it is for them.
    pub(super) fn frame(&self, key: &SubscriptionKey) -> Option<&[u8]> {
        match self {
            Self::Event(event) => event.frame(key.filter.metrics(), key.encoding),
            Self::Notice(notice) => Some(notice.frame(key.encoding)),
        }
    }

    /// The gaps that it reports.
    pub(super) fn gaps(&self) -> u64 {
        match self {
            Self::Event(_) => 0,
            Self::Notice(notice) => notice.gaps(),
        }
    }

    pub(super) fn event(&self) -> Option<&Arc<Event>> {
        match self {
            Self::Event(event) => Some(event),
            Self::Notice(_) => None,
        }
    }
}

/// What a cohort's members have in common: they want the same, and are sent the same bytes of it.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct SubscriptionKey {
    pub(super) filter: Filter,
    pub(super) encoding: Encoding,
}

/// An event or a notice in one subscriber's ring, to be written as the subscriber saw it when it came.
#[derive(Clone, Debug)]
pub(super) struct Addressed {
    pub(super) outgoing: Rc<Outgoing>,
    pub(super) key: Rc<SubscriptionKey>,
}

impl Addressed {
    /// Its bytes. It was put in the ring because there are some.
    pub(super) fn bytes(&self) -> &[u8] {
        self.outgoing.frame(&self.key).unwrap_or_default()
    }

    /// What a reader of events gets of it, if it is an event.
    pub(super) fn received(&self) -> Option<Received> {
        let event = Arc::clone(self.outgoing.event()?);
        Some(Received::Event(event, self.key.filter.metrics().cloned()))
    }
}
