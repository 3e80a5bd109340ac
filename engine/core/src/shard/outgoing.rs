//! What several subscribers of a shard are sent alike.
//!
//! A shard wraps each event once; rings then share it by a count that only this thread touches, so that no
//! subscriber costs an atomic operation on a line that other cores write to.

use std::rc::Rc;
use std::sync::Arc;

use super::event_pipe::Received;
use super::filter::Filter;
use crate::event::{Event, View};
use floodway_protocol::messages::notice::Notice;

/// An event or a notice on its way to subscribers of one shard.
#[derive(Debug)]
pub(super) enum Outgoing {
    Event(Arc<Event>),
    Notice(Notice),
}

impl Outgoing {
    /// The ready bytes for those who see it in this way; none if nothing of it is for them.
    pub(super) fn frame(&self, view: &View) -> Option<&[u8]> {
        match self {
            Self::Event(event) => event.frame(view),
            Self::Notice(notice) => Some(notice.frame(view.encoding)),
        }
    }

    /// Gaps that it tells of.
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

/// What a cohort's members have in common: they want the same and see it in the same way.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct SubscriptionKey {
    pub(super) filter: Filter,
    pub(super) view: View,
}

/// A parcel in one subscriber's ring, to be written as the subscriber saw it when it came.
#[derive(Clone, Debug)]
pub(super) struct Addressed {
    pub(super) parcel: Rc<Outgoing>,
    pub(super) spec: Rc<SubscriptionKey>,
}

impl Addressed {
    /// Its bytes. It was put in the ring because there are some.
    pub(super) fn bytes(&self) -> &[u8] {
        self.parcel.frame(&self.spec.view).unwrap_or_default()
    }

    /// What a reader of events gets of it, if it is an event.
    pub(super) fn received(&self) -> Option<Received> {
        let event = Arc::clone(self.parcel.event()?);
        Some(Received::Event(event, self.spec.view.metrics.clone()))
    }
}
