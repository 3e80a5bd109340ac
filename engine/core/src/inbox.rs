//! Where events wait for a shard.
//!
//! Bounded and lock-free; one thread puts in, one shard takes out. Invariant: what was put in is taken out once, in the
//! order in which it was put in. A full inbox makes the sender wait: a shard spreads events over its rings far faster than
//! a source delivers them, so that the rings and their policy decide what is lost, and count it.

use std::sync::Arc;
use std::time::SystemTime;

use crossbeam::queue::ArrayQueue;
use tokio::sync::Notify;

use floodway_protocol::messages::notice::SourceState;

use crate::event::Event;
use crate::history::Position;
use crate::index::Tenant;

/// What ingest sends to a shard, in this order.
#[derive(Debug)]
pub enum Item {
    /// An event of a tenant that the shard has subscribers of, and its position in the tenant's history.
    Event(Arc<Event>, Position),
    /// The source was away: here events of the tenant may be missing. It has a position too.
    UpstreamGap(Arc<Tenant>, Position),
    /// From here on a tenant's source is in another state. It has a position too. One allocation for all shards keeps items
    /// small.
    Upstream(Arc<SourceNotice>, Position),
}

/// A tenant's source is in another state.
#[derive(Debug)]
pub struct SourceNotice {
    /// The tenant.
    pub tenant: Arc<Tenant>,
    /// Its source's state.
    pub state: SourceState,
    /// When that began.
    pub since: SystemTime,
}

/// One shard's inbox.
#[derive(Debug)]
pub struct Inbox {
    queue: ArrayQueue<Item>,
    filled: Notify,
    emptied: Notify,
}

impl Inbox {
    /// An inbox for `capacity` items.
    pub fn new(capacity: usize) -> Self {
        Self { queue: ArrayQueue::new(capacity), filled: Notify::new(), emptied: Notify::new() }
    }

    /// Puts `item` in, waiting for room if there is none. The shard is not woken as long as there is room for many.
    pub async fn put(&self, item: Item) {
        let pushed = self.queue.push(item);
        if self.is_half_full() {
            self.wake();
        }
        let Err(mut item) = pushed else {
            return;
        };
        loop {
            let emptied = self.emptied.notified();
            match self.queue.push(item) {
                Ok(()) => return,
                Err(back) => item = back,
            }
            emptied.await;
        }
    }

    /// Wakes the shard for what was put in. Once at most, and not while it is busy.
    pub fn wake(&self) {
        self.filled.notify_one();
    }

    /// Takes the oldest item out.
    pub fn take(&self) -> Option<Item> {
        self.queue.pop()
    }

    /// Wakes a sender that waits for room. For the shard, after it has taken what it wanted.
    pub fn made_room(&self) {
        self.emptied.notify_one();
    }

    /// Waits until something may have been put in.
    pub async fn filled(&self) {
        self.filled.notified().await;
    }

    /// Items that wait.
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Items for which there is room.
    pub fn capacity(&self) -> usize {
        self.queue.capacity()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Whether so much waits that senders may soon have to.
    pub fn is_half_full(&self) -> bool {
        self.queue.len() * 2 >= self.queue.capacity()
    }
}
