//! What is left of entries that were evicted: the last events of the devices, and the ids of the newest, so that a stream that
//! comes back too late is told how many events it missed.

use std::collections::VecDeque;

use super::chunks::Chunks;
use super::histories::Histories;
use super::last_values::LastValues;
use super::{Config, Position, View};
use floodway_protocol::EventId;

#[derive(Debug)]
pub(super) struct Gone {
    pub(super) last_values: LastValues,
    /// Of events, growing; as many at most as are kept.
    ids: VecDeque<u64>,
    ids_max: usize,
}

impl Gone {
    /// Of a history whose first entry will be at this position.
    pub(super) fn new(config: &Config, first: Position) -> Self {
        let last_values = LastValues::new(config.devices, first);
        Self { last_values, ids: VecDeque::new(), ids_max: config.events }
    }

    /// Takes in the entries of `chunks` before `end`.
    pub(super) fn fold(&mut self, chunks: &View, end: Position, all: &Histories) {
        let folded = chunks.entries(self.last_values.next()).take_while(|(position, _)| *position < end);
        self.ids.extend(folded.filter_map(|(_, entry)| Some(entry.event()?.id().get())));
        let surplus = self.ids.len().saturating_sub(self.ids_max);
        self.ids.drain(..surplus);
        self.last_values.fold(chunks, end, Some(all));
    }

    /// How many events behind this one were evicted before those in `chunks`; none if its id is not known any more.
    pub(super) fn behind(&self, id: EventId, chunks: &Chunks) -> Option<u64> {
        if chunks.before_id() == id {
            return Some(0);
        }
        let at = self.ids.binary_search(&id.get()).ok()?;
        Some((self.ids.len() - 1 - at) as u64)
    }

    /// Forgets everything. Returns how many bytes that gave back.
    pub(super) fn clear(&mut self, all: &Histories) -> u64 {
        self.ids = VecDeque::new();
        self.last_values.clear(all)
    }
}
