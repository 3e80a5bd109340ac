//! A shard's live streams by their numbers.

use std::collections::BTreeMap;
use std::ops::Bound;

use crate::index::ConnectionId;
use crate::shard::keys::SubscriberKey;

#[derive(Debug)]
pub(crate) struct LiveStreams {
    shard: usize,
    entered: u64,
    by_id: BTreeMap<ConnectionId, SubscriberKey>,
}

impl LiveStreams {
    pub(super) fn new(shard: usize) -> Self {
        Self { shard, entered: 0, by_id: BTreeMap::new() }
    }

    /// Gives a stream its number.
    pub(crate) fn enter(&mut self, key: SubscriberKey) -> ConnectionId {
        self.entered += 1;
        let id = self.newest();
        self.by_id.insert(id, key);
        id
    }

    pub(crate) fn leave(&mut self, id: ConnectionId) {
        self.by_id.remove(&id);
    }

    /// The largest number given so far.
    pub(crate) fn newest(&self) -> ConnectionId {
        ConnectionId::new(self.shard, self.entered)
    }

    pub(crate) fn find(&self, id: ConnectionId) -> Option<SubscriberKey> {
        self.by_id.get(&id).copied()
    }

    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// The next ones after number `after`, in their order.
    pub(crate) fn after(&self, after: Option<ConnectionId>) -> impl Iterator<Item = (ConnectionId, SubscriberKey)> {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let range = self.by_id.range((start, Bound::Unbounded));
        range.map(|(&id, &key)| (id, key))
    }
}
