//! A tenant's newest events, kept for streams that come back and for snapshots.
//!
//! A history is a sequence of entries, each at a [`Position`] that is one more than that of the entry before. It shares its
//! events with the live path. Ingest alone appends and evicts; shards read at any time, and nobody waits: `chunks` hold the
//! entries in slots that are written once. Of what is evicted the `last_values` of the devices are left, and some ids (`gone`). `histories` bounds
//! all tenants together.
//!
//! Invariants: an entry is in its slot before its position is published (`crate::index`, handover); a reader that asks for an
//! evicted position is told so, and never gets another entry; positions of one tenant name are never used twice, also if the
//! tenant leaves the index and comes back.

mod chunks;
mod config;
mod gone;
mod histories;
mod last_values;
mod numbering;
#[cfg(all(test, not(floodway_loom)))]
mod properties;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;

pub use chunks::{Entry, Mark, View};
pub use config::Config;
pub use histories::{Eviction, Histories, HistoryCounts};
pub use last_values::LastValues;
pub use numbering::Numbering;

use crate::event::Event;
use chunks::Chunks;
use floodway_protocol::EventId;
use gone::Gone;

/// Where an entry is in its tenant's history.
pub type Position = u64;

/// Where a stream that comes back goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Located {
    /// Behind this position, with nothing missing.
    Behind(Position),
    /// Its event is not kept, or unknown: behind this position, with what is kept. So many events are missing, if that is
    /// known.
    Lost(Position, Option<u64>),
}

/// One tenant's history.
#[derive(Debug)]
pub struct History {
    all: Arc<Histories>,
    chunks: ArcSwap<Chunks>,
    /// The oldest position that counts as kept. Written by ingest alone, like what follows.
    first: AtomicU64,
    /// The memory of the entries from there on, in bytes.
    bytes: AtomicU64,
    /// The memory of the entries in the newest chunk.
    tail_bytes: AtomicU64,
    /// The id of the newest entry.
    newest_id: AtomicU64,
    has_begun: AtomicBool,
    /// How many last values it was given that were never entries.
    seeds: AtomicU64,
    /// When a stream last needed it.
    used: AtomicU64,
    gone: Mutex<Gone>,
}

impl History {
    /// An empty history whose first entry will be at the position after `floor`.
    pub(crate) fn new(all: Arc<Histories>, floor: Position) -> Self {
        all.count_tenant(1);
        Self {
            chunks: ArcSwap::from_pointee(Chunks::empty(floor, 0)),
            first: AtomicU64::new(floor + 1),
            bytes: AtomicU64::new(0),
            tail_bytes: AtomicU64::new(0),
            newest_id: AtomicU64::new(0),
            has_begun: AtomicBool::new(false),
            seeds: AtomicU64::new(0),
            used: AtomicU64::new(all.millis(Instant::now())),
            gone: Mutex::new(Gone::new(&all.config, floor + 1)),
            all,
        }
    }

    /// For ingest: the tenant's events come from now on, all of them with larger ids than `id`. A client that resumes from
    /// this id has missed nothing before. Without effect if there are entries already.
    pub(crate) fn begin(&self, id: EventId) {
        if !self.has_begun.swap(true, Ordering::Relaxed) {
            let floor = self.chunks.load().floor();
            self.newest_id.store(id.get(), Ordering::Relaxed);
            self.chunks.store(Arc::new(Chunks::empty(floor, id.get())));
        }
    }

    /// For ingest: stores `entry` at `position`, the next one, and evicts what is too much.
    pub(crate) fn append(&self, position: Position, entry: Entry) {
        let (bytes, id) = (entry.memory() as u64, entry.id());
        let mut chunks = self.chunks.load();
        let is_full = self.tail_bytes.load(Ordering::Relaxed) > self.all.chunk_bytes;
        let put = if is_full { Err(entry) } else { chunks.put(position, entry) };
        if let Err(entry) = put {
            self.grow(position, entry);
            chunks = self.chunks.load();
        }
        self.newest_id.store(id.get(), Ordering::Relaxed);
        add(&self.tail_bytes, bytes);
        add(&self.bytes, bytes);
        self.all.added(bytes);
        // What is too old goes from time to time: that would be a look at the oldest entry and the clock for each.
        self.evict_from(&chunks, position, |_| false);
    }

    /// Stores `entry` as the first one of another chunk.
    #[cold]
    fn grow(&self, position: Position, entry: Entry) {
        if self.all.numbering.reached().is_some() {
            // It may come before the source confirms the tenant: what was before it is not known to be nobody's.
            self.begin(EventId::new(entry.id().get().saturating_sub(1)));
        }
        self.has_begun.store(true, Ordering::Relaxed);
        let chunks = self.chunks.load();
        let before = self.newest_id.load(Ordering::Relaxed);
        let grown = chunks.with_chunk(position, before, self.all.chunk_entries);
        grown.put(position, entry).expect("a new chunk has room");
        self.chunks.store(Arc::new(grown));
        self.tail_bytes.store(0, Ordering::Relaxed);
    }

    /// For ingest: `event` was published before anything that is kept, by a device of which perhaps nothing is known. It is
    /// its last value then, and no entry. Waits for a shard that reads the last values.
    pub fn seed(&self, event: &Arc<Event>) {
        let mut gone = self.gone();
        gone.last_values.seed(event, &self.all);
        self.seeds.store(gone.last_values.seeds(), Ordering::Release);
    }

    /// For ingest: the id of the newest entry.
    pub(crate) fn newest_id(&self) -> EventId {
        EventId::new(self.newest_id.load(Ordering::Relaxed))
    }

    /// For ingest, from time to time: evicts what is too old `now`. `newest` is the position of the newest entry.
    pub(crate) fn evict(&self, newest: Position, now: Instant) {
        let age = self.all.config.age;
        let is_old = |entry: &Entry| now.saturating_duration_since(entry.received()) > age;
        self.evict_from(&self.chunks.load(), newest, is_old);
    }

    #[inline]
    fn evict_from(&self, chunks: &Arc<Chunks>, newest: Position, is_old: impl Fn(&Entry) -> bool) {
        let Config { events, bytes, .. } = self.all.config;
        let before = self.first.load(Ordering::Relaxed);
        let (mut first, mut held) = (before, self.bytes.load(Ordering::Relaxed));
        while first <= newest
            && (newest - first >= events as u64 || held > bytes as u64 || chunks.get(first).is_some_and(&is_old))
            && let Some(oldest) = chunks.get(first)
        {
            held -= oldest.memory() as u64;
            first += 1;
        }
        if first > before {
            self.set_first(chunks, first, held, newest, Eviction::Bounds);
        }
    }

    /// For ingest: evicts the older half, or everything and the last values too if it has no reader. Returns how many bytes
    /// that gave back.
    pub(crate) fn shrink(&self, newest: Position, has_readers: bool) -> u64 {
        let (chunks, first) = (self.chunks.load(), self.first.load(Ordering::Relaxed));
        let to = if has_readers { first + (newest + 1 - first).div_ceil(2) } else { newest + 1 };
        let gone = (first..to).filter_map(|at| chunks.get(at)).map(|entry| entry.memory() as u64);
        let held = self.bytes.load(Ordering::Relaxed) - gone.sum::<u64>();
        let given_back = self.set_first(&chunks, to, held, newest, Eviction::Budget);
        if has_readers {
            return given_back;
        }
        given_back + self.gone().clear(&self.all)
    }

    /// For ingest: evicts everything, so that what is appended next may have smaller ids.
    pub(crate) fn forget(&self, newest: Position) {
        self.shrink(newest, false);
        // While a shard reads the last values it gives back nothing.
        self.all.freed(self.chunks.load().memory_before(Position::MAX));
        self.tail_bytes.store(0, Ordering::Relaxed);
        self.newest_id.store(0, Ordering::Relaxed);
        self.chunks.store(Arc::new(Chunks::empty(newest, 0)));
    }

    /// Entries before `first` are not kept any more, and those from there on take `held` bytes. Returns how many bytes of
    /// memory that gave back.
    fn set_first(&self, chunks: &Arc<Chunks>, first: Position, held: u64, newest: Position, why: Eviction) -> u64 {
        let before = self.first.swap(first, Ordering::Release);
        self.bytes.store(held, Ordering::Relaxed);
        self.all.evicted(first - before, why);
        if first <= newest && chunks.gone_before(first) == 0 {
            return 0;
        }
        self.let_go(chunks, first, newest)
    }

    /// Lets those chunks go that hold nothing from `first` on. While a shard reads the last values they stay a moment longer,
    /// so that ingest does not wait.
    #[cold]
    fn let_go(&self, chunks: &Arc<Chunks>, first: Position, newest: Position) -> u64 {
        let Ok(mut gone) = self.gone.try_lock() else {
            return 0;
        };
        let kept = if first > newest {
            self.tail_bytes.store(0, Ordering::Relaxed);
            Chunks::empty(newest, self.newest_id.load(Ordering::Relaxed))
        } else {
            chunks.without_gone(first)
        };
        gone.fold(&View::of(chunks), kept.floor() + 1, &self.all);
        let freed = chunks.memory_before(kept.floor() + 1);
        self.chunks.store(Arc::new(kept));
        self.all.freed(freed);
        freed
    }

    /// What is stored now. Holds the entries as long as it lives, so not for long.
    pub fn view(&self) -> View {
        View::new(&self.chunks)
    }

    /// Where a stream goes on that has seen the event `id` last. What is older than the settings say counts as not kept,
    /// though it may not be evicted yet. Where ids are numbers of the source, it goes on behind the last event up to `id`.
    pub fn locate(&self, id: Option<EventId>, now: Instant) -> Located {
        self.used(now);
        let (view, first) = (self.view(), self.first.load(Ordering::Acquire));
        let first = view.first_since(first, now, self.all.config.age);
        match id.and_then(|id| self.find(id, &view)) {
            Some(position) if position + 1 >= first => Located::Behind(position),
            Some(position) => Located::Lost(first - 1, Some(view.events(position + 1, first))),
            None => Located::Lost(first - 1, id.and_then(|id| self.missed(id, &view, first))),
        }
    }

    fn find(&self, id: EventId, view: &View) -> Option<Position> {
        match self.all.numbering.reached() {
            None => view.find(id),
            Some(reached) if id <= reached => view.find_number(id),
            Some(_) => None,
        }
    }

    /// For a source that numbers its events and gives them back: an id so far from both ends of what is kept now that it is
    /// kept for a while, with everything behind it.
    pub fn middle(&self, newest: Position) -> EventId {
        let (view, first) = (self.view(), self.first.load(Ordering::Acquire));
        let middle = newest - (newest + 1).saturating_sub(first) / 2;
        view.id_at(middle).unwrap_or_else(|| self.newest_id())
    }

    /// How many events there were behind this one and before `first`, if its id is still known.
    fn missed(&self, id: EventId, view: &View, first: Position) -> Option<u64> {
        let gone = self.gone().behind(id, view.chunks())?;
        Some(gone + view.events(view.floor() + 1, first))
    }

    fn gone(&self) -> MutexGuard<'_, Gone> {
        self.gone.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The last event of each device, as of the entry before `end`; `before` is an earlier answer, which is brought up to
    /// date.
    pub fn last_values(&self, before: Option<LastValues>, end: Position, now: Instant) -> LastValues {
        self.used(now);
        let view = self.view();
        let is_current =
            |values: &LastValues| values.next() > view.floor() && values.seeds() == self.seeds.load(Ordering::Acquire);
        let known = before.filter(is_current);
        let mut values = known.unwrap_or_else(|| self.gone().last_values.clone());
        values.fold(&view, end, None);
        values
    }

    fn used(&self, now: Instant) {
        self.used.store(self.all.millis(now), Ordering::Relaxed);
    }

    /// When a stream last needed it, in milliseconds since the gateway started.
    pub(crate) fn last_used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// Entries that are kept, of which `newest` is the last, and their memory in bytes.
    pub fn held(&self, newest: Position) -> (u64, u64) {
        let first = self.first.load(Ordering::Acquire);
        ((newest + 1).saturating_sub(first), self.bytes.load(Ordering::Relaxed))
    }

    /// Whether it holds neither events nor last values.
    pub fn is_empty(&self, newest: Position) -> bool {
        self.held(newest).0 == 0 && self.gone.try_lock().is_ok_and(|gone| gone.last_values.is_empty())
    }

    /// For how long entries are kept.
    pub fn age(&self) -> Duration {
        self.all.config.age
    }
}

impl Drop for History {
    fn drop(&mut self) {
        let chunks = self.chunks.load();
        let (entries, _) = self.held(chunks.newest());
        self.all.evicted(entries, Eviction::TenantLeft);
        self.all.freed(chunks.memory_before(Position::MAX));
        self.all.count_tenant(-1);
        self.gone().clear(&self.all);
    }
}

/// Adds to a number that only one thread changes: a plain store is enough, and costs no bus lock.
fn add(to: &AtomicU64, n: u64) {
    to.store(to.load(Ordering::Relaxed).wrapping_add(n), Ordering::Relaxed);
}
