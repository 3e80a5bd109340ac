//! All live streams of the gateway, whichever shard has them.
//!
//! Invariant: all shards are asked at once, and none waits for another; a shard that has ended has no streams.

use std::cmp::Reverse;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::future::join_all;
use tokio::sync::Mutex;

use crate::index::{ConnectionId, Index};
use crate::shard::{Connection, Drain, Handle, Select, Shard, Stopped};

/// The most streams of one page.
pub const PAGE_MAX: usize = 1000;

/// Beyond so many bytes of names in filters a page ends: tonic's clients take answers of 4 MiB.
const PAGE_BYTES: usize = 2 << 20;

/// A way to the live streams from any thread. Cheap to clone.
#[derive(Clone)]
pub struct Streams {
    shards: Arc<[Handle]>,
    index: Arc<Index>,
    draining: Arc<Mutex<Option<DrainProgress>>>,
}

/// How far a drain has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DrainProgress {
    /// When it began.
    pub began: SystemTime,
    /// How long it takes until the last stream ends.
    pub within: Duration,
    /// Live streams at that moment, those in their handshake included.
    pub streams: u32,
    /// Streams that have a permit now: those that have not ended yet, and those in their handshake.
    pub left: u32,
    /// Whether the gateway stops, so that the drain can't be called off.
    pub is_last: bool,
}

/// Live streams in the order that was asked for; that of their numbers is about the order in which they came.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    /// As many as were asked for, or all that there are.
    pub connections: Vec<Connection>,
    /// Where the next page begins, for [`Select::after`]; none, if this is the last.
    pub next: Option<ConnectionId>,
}

impl Streams {
    /// Those of these shards, in the order of their numbers.
    pub fn new(shards: impl IntoIterator<Item = Handle>, index: Arc<Index>) -> Self {
        Self { shards: shards.into_iter().collect(), index, draining: Arc::default() }
    }

    /// One page of the streams that are selected. Its limit is brought between 1 and [`PAGE_MAX`], and it ends before that
    /// where filters have very many names. Over all pages, each stream that was live all the while stands there once. Of
    /// the slowest there is one page, which has as many as were asked for.
    pub async fn list(&self, select: Select) -> Page {
        let (limit, slowest) = (select.limit.clamp(1, PAGE_MAX), select.slowest);
        // One more of each shard than is wanted shows whether there is another page.
        let select = Select { limit: limit + usize::from(!slowest), ..select };
        let asked = self.shards.iter().map(|shard| shard.list(select.clone()));
        let answers = join_all(asked).await.into_iter().flatten();
        let mut connections: Vec<Connection> = answers.flatten().collect();
        if slowest {
            connections.sort_unstable_by_key(|one| (Reverse(one.counts.held), one.id));
            connections.truncate(limit);
            let next = None;
            return Page { connections, next };
        }
        connections.sort_unstable_by_key(|connection| connection.id);
        let found = connections.len();
        connections.truncate(limit.min(within_bytes(&connections)));
        let next = connections.last().filter(|_| found > connections.len());
        Page { next: next.map(|last| last.id), connections }
    }

    /// A live stream.
    pub async fn get(&self, id: ConnectionId) -> Option<Connection> {
        self.shards.get(id.shard())?.get(id).await.ok()?
    }

    /// Ends the live streams that are selected, which are sent the reason (close code 4010). Returns how many.
    pub async fn end(&self, select: Select, reason: &str) -> u64 {
        let shards = match select.id {
            Some(id) => self.shards.get(id.shard()..=id.shard()).unwrap_or(&[]),
            None => &self.shards,
        };
        let asked = shards.iter().map(|shard| shard.end(select.clone(), reason));
        join_all(asked).await.into_iter().flatten().sum()
    }

    /// Admits no new stream, and asks the live ones to come back later. Returns when every shard has begun; a drain that
    /// goes on already is replaced, unless it is spread over the same time: the same order twice is one.
    pub async fn drain(&self, drain: Drain) {
        // Held to the end, so that of two orders at once all shards obey the same one.
        let mut draining = self.draining.lock().await;
        if draining.is_some_and(|begun| begun.is_last || begun.within == drain.within) {
            return;
        }
        self.begin(&mut draining, drain.within, false);
        join_all(self.on_each(move |shard| shard.drain(drain))).await;
    }

    /// Calls a drain off: streams that have not ended yet stay, and new ones are admitted again. False if there is none, or
    /// the gateway stops.
    pub async fn cancel_drain(&self) -> bool {
        let mut draining = self.draining.lock().await;
        if draining.is_none_or(|begun| begun.is_last) {
            return false;
        }
        *draining = None;
        join_all(self.on_each(Shard::cancel_drain)).await;
        self.index.set_draining(false);
        true
    }

    /// How far the drain has come, if there is one.
    pub async fn drain_progress(&self) -> Option<DrainProgress> {
        let begun = (*self.draining.lock().await)?;
        Some(DrainProgress { left: self.index.connections(), ..begun })
    }

    /// The gateway stops: from now on no new stream is admitted, and that is not called off.
    pub async fn begin_last_drain(&self) {
        let mut draining = self.draining.lock().await;
        self.begin(&mut draining, Duration::ZERO, true);
    }

    fn begin(&self, draining: &mut Option<DrainProgress>, within: Duration, is_last: bool) {
        self.index.set_draining(true);
        let streams = self.index.connections();
        *draining = Some(DrainProgress { began: SystemTime::now(), within, streams, left: streams, is_last });
    }

    fn on_each(
        &self,
        act: impl Fn(&Shard) + Copy + Send + 'static,
    ) -> impl Iterator<Item = impl Future<Output = Result<(), Stopped>>> {
        self.shards.iter().map(move |shard| shard.run(act))
    }

    /// The shards, for callers that attach a subscriber of their own.
    pub fn shards(&self) -> &[Handle] {
        &self.shards
    }

    /// The tenants, their limits and counts, and the journal.
    pub fn index(&self) -> &Arc<Index> {
        &self.index
    }
}

/// How many of them, at least one, have names of up to [`PAGE_BYTES`] together.
fn within_bytes(connections: &[Connection]) -> usize {
    let mut bytes = 0;
    let fit = connections.iter().take_while(|connection| {
        bytes += connection.filter.bytes();
        bytes <= PAGE_BYTES
    });
    fit.count().max(1)
}

#[cfg(all(test, not(floodway_loom)))]
mod tests;
