//! A backlog in a ring: events that the source has given back, since history does not hold them any more. They are encoded
//! some at a time, as the socket takes them.

use std::rc::Rc;
use std::sync::Arc;
use std::vec;

use super::span::READ_AHEAD_BYTES;
use super::{Entry, Ring};
use crate::event::Event;
use crate::history::Position;
use crate::shard::backlog::GivenBack;
use crate::shard::outgoing::{Addressed, Outgoing, SubscriptionKey};
use floodway_protocol::messages::notice::Gap;

/// The events of a backlog that a subscriber wants and has yet to read. All of them count as matched and held.
#[derive(Debug)]
pub(in crate::shard) struct BacklogRest {
    events: vec::IntoIter<Arc<Event>>,
    /// Holds their memory for as long as some are to be read.
    _given: Arc<GivenBack>,
    key: Rc<SubscriptionKey>,
    /// What follows in history is behind this.
    behind: Position,
}

impl BacklogRest {
    pub(in crate::shard) fn new(
        events: Vec<Arc<Event>>,
        given: Arc<GivenBack>,
        key: Rc<SubscriptionKey>,
        behind: Position,
    ) -> Self {
        Self { events: events.into_iter(), _given: given, key, behind }
    }

    pub(super) fn held(&self) -> u64 {
        self.events.len() as u64
    }

    pub(super) fn is_exhausted(&self) -> bool {
        self.events.len() == 0
    }

    pub(super) fn read(&mut self, most: usize, read: &mut Vec<Entry>) {
        let mut bytes = 0;
        while read.len() < most
            && bytes < READ_AHEAD_BYTES
            && let Some(event) = self.events.next()
        {
            bytes += event.memory();
            let outgoing = Rc::new(Outgoing::of_event(event, self.behind));
            read.push(Entry::Event(Addressed { outgoing, key: Rc::clone(&self.key) }));
        }
    }
}

impl Ring {
    /// Puts a backlog at the end, but before an open span, and behind it the gap that follows, if there is one.
    pub(in crate::shard) fn push_backlog(&mut self, rest: BacklogRest, gap: Option<Gap>) {
        self.end_conflation();
        self.sources += 1;
        self.insert_before_span(Entry::Backlog(Box::new(rest)));
        if let Some(gap) = gap {
            self.insert_before_span(Entry::Gap(gap));
        }
    }
}
