//! What several subscribers of a shard are sent alike.
//!
//! A shard wraps each event once; rings then share it by a count that only this thread touches, so that no
//! subscriber costs an atomic operation on a line that other cores write to.

use std::cell::OnceCell;
use std::rc::Rc;
use std::sync::Arc;

use super::filter::Filter;
use super::pinned::{Pin, Pinned};
use crate::event::{Event, MetricSet};
use crate::history::Position;
use floodway_protocol::Encoding;
use floodway_protocol::messages::max_rate::MaxRate;
use floodway_protocol::messages::notice::{Gap, Notice};

/// What a reader of events gets.
#[derive(Clone, Debug)]
pub enum Received {
    /// An event, and the metrics that the subscriber sees of it, for [`Event::json_with`].
    Event(Arc<Event>, Option<Arc<MetricSet>>),
    /// Events are missing here.
    Gap(Gap),
}

/// An event or a notice on its way to subscribers of one shard.
#[derive(Debug)]
pub(super) struct Outgoing {
    /// Where it is in its tenant's history.
    pub(super) position: Position,
    content: Content,
    /// Set when a ring has held it.
    pin: OnceCell<Pin>,
}

#[derive(Debug)]
enum Content {
    Event(Arc<Event>),
    Notice(Notice),
}

impl Outgoing {
    pub(super) fn of_event(event: Arc<Event>, position: Position) -> Self {
        Self { position, content: Content::Event(event), pin: OnceCell::new() }
    }

    pub(super) fn of_notice(notice: Notice, position: Position) -> Self {
        Self { position, content: Content::Notice(notice), pin: OnceCell::new() }
    }

    /// The ready bytes for subscribers with this key; none if nothing of it is for them.
    pub(super) fn frame(&self, key: &SubscriptionKey) -> Option<&[u8]> {
        match &self.content {
            Content::Event(event) => event.frame(key.filter.metrics(), key.encoding),
            Content::Notice(notice) => Some(notice.frame(key.encoding)),
        }
    }

    /// The gaps that it reports.
    pub(super) fn gaps(&self) -> u64 {
        self.notice().map_or(0, Notice::gaps)
    }

    pub(super) fn event(&self) -> Option<&Arc<Event>> {
        match &self.content {
            Content::Event(event) => Some(event),
            Content::Notice(_) => None,
        }
    }

    /// The memory that it takes as long as a ring holds it: an event's.
    #[inline]
    pub(super) fn memory(&self) -> usize {
        self.pin
            .get()
            .map_or_else(|| self.event().map_or(0, |event| event.memory()), |pin| pin.bytes)
    }

    /// The same, as far as it is counted.
    #[inline]
    pub(super) fn pinned_bytes(&self) -> usize {
        self.pin.get().map_or(0, |pin| pin.bytes)
    }

    /// Counts it until it is dropped. Returns its memory.
    #[inline]
    pub(super) fn pin(&self, pinned: &Pinned) -> usize {
        self.pin.get_or_init(|| pinned.pin(self.memory())).bytes
    }

    pub(super) fn notice(&self) -> Option<&Notice> {
        match &self.content {
            Content::Event(_) => None,
            Content::Notice(notice) => Some(notice),
        }
    }
}

/// What a cohort's members have in common: they want the same, and are sent the same bytes of it.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct SubscriptionKey {
    pub(super) filter: Filter,
    pub(super) encoding: Encoding,
    /// Events of each device that they are sent at most.
    pub(super) pace: Option<MaxRate>,
}

/// An event or a notice in one subscriber's ring, to be written as the subscriber saw it when it came.
#[derive(Clone, Debug)]
pub(super) struct Addressed {
    pub(super) outgoing: Rc<Outgoing>,
    pub(super) key: Rc<SubscriptionKey>,
}

impl Addressed {
    /// The device of an event.
    pub(super) fn device(&self) -> &str {
        self.outgoing.event().map_or("", |event| event.device())
    }

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
