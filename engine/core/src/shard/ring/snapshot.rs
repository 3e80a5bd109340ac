//! A snapshot in a ring: the last events of devices, encoded some at a time, as the socket takes them.

use std::rc::Rc;
use std::sync::Arc;

use super::span::READ_AHEAD_BYTES;
use super::{Entry, Ring};
use crate::event::Event;
use crate::index::Tenant;
use crate::shard::outgoing::SubscriptionKey;

/// The last events of devices that a subscriber has yet to read.
#[derive(Debug)]
pub(in crate::shard) struct SnapshotRest {
    pub(in crate::shard) events: Rc<[Arc<Event>]>,
    /// The first one that was not looked at.
    pub(in crate::shard) next: usize,
    pub(in crate::shard) key: Rc<SubscriptionKey>,
    /// What it received before: that is not part of the snapshot.
    pub(in crate::shard) except: Option<Rc<SubscriptionKey>>,
    pub(in crate::shard) tenant: Arc<Tenant>,
}

impl SnapshotRest {
    pub(super) fn read(&mut self, most: usize, read: &mut Vec<Entry>) {
        let (groups, selection) = (self.tenant.groups(), self.key.filter.selection());
        let except = self.except.as_ref().map(|key| key.filter.selection());
        let mut bytes = 0;
        while read.len() < most
            && bytes < READ_AHEAD_BYTES
            && let Some(event) = self.events.get(self.next)
        {
            self.next += 1;
            let device = event.device();
            let is_new = except.as_ref().is_none_or(|except| !except.wants(device, &groups));
            if is_new && selection.wants(device, &groups) {
                let metrics = self.key.filter.metrics();
                let frame = event.snapshot_frame(metrics, self.key.encoding);
                bytes += frame.as_ref().map_or(0, Vec::len);
                read.extend(frame.map(|frame| Entry::Ready(frame.into(), false)));
            }
        }
    }

    pub(super) fn is_exhausted(&self) -> bool {
        self.next >= self.events.len()
    }
}

impl Ring {
    /// Puts a snapshot at the end, but before an open span.
    pub(in crate::shard) fn push_snapshot(&mut self, rest: SnapshotRest) {
        self.end_conflation();
        self.sources += 1;
        self.insert_before_span(Entry::Snapshot(Box::new(rest)));
    }
}
