//! The entries of a history, in chunks whose slots are written once.
//!
//! Invariant: a list of chunks is never changed; ingest puts a new one in its place. A slot is empty, and then holds one
//! entry for ever. So a reader that holds a list reads it without a lock.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use arc_swap::{ArcSwap, Guard};

use super::Position;
use crate::event::Event;
use floodway_protocol::EventId;

/// What a history holds at a position.
#[derive(Clone, Debug)]
pub enum Entry {
    /// An accepted event.
    Event(Arc<Event>),
    /// Something that happened to the source.
    Mark(Box<Mark>),
}

/// Something that happened to a tenant's source between two events.
#[derive(Clone, Copy, Debug)]
pub struct Mark {
    /// An id of its own, or that of the entry before.
    pub id: EventId,
    /// When it happened.
    pub at: Instant,
    /// Whether events may be missing here. A stream that comes back is sent the gap; other marks are for live streams only.
    pub is_gap: bool,
}

impl Entry {
    pub(super) fn id(&self) -> EventId {
        match self {
            Self::Event(event) => event.id(),
            Self::Mark(mark) => mark.id,
        }
    }

    /// When it happened.
    pub fn received(&self) -> Instant {
        match self {
            Self::Event(event) => event.received(),
            Self::Mark(mark) => mark.at,
        }
    }

    pub(super) fn memory(&self) -> usize {
        let slot = size_of::<OnceLock<Self>>();
        match self {
            Self::Event(event) => slot + event.memory(),
            Self::Mark(_) => slot + size_of::<Mark>(),
        }
    }

    /// Whether events may be missing here.
    pub fn is_gap(&self) -> bool {
        matches!(self, Self::Mark(mark) if mark.is_gap)
    }

    /// The event, if it is one.
    pub fn event(&self) -> Option<&Arc<Event>> {
        match self {
            Self::Event(event) => Some(event),
            Self::Mark(_) => None,
        }
    }
}

/// Some entries at neighbouring positions.
#[derive(Debug)]
struct Chunk {
    first: Position,
    /// The id of the entry before the first.
    before: u64,
    slots: Box<[OnceLock<Entry>]>,
}

impl Chunk {
    fn slot(&self, position: Position) -> Option<&OnceLock<Entry>> {
        self.slots.get(usize::try_from(position.checked_sub(self.first)?).ok()?)
    }

    fn entries(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        let written = self.slots.partition_point(|slot| slot.get().is_some());
        self.slots[..written].iter().filter_map(OnceLock::get)
    }
}

/// The chunks of a history, in order.
#[derive(Debug)]
pub(super) struct Chunks {
    list: Vec<Arc<Chunk>>,
    /// The position and the id before the first chunk.
    floor: Position,
    before: u64,
}

/// Slots of the first chunk; each further one has as many as all before it, up to the bound.
const SLOTS_FIRST: usize = 8;

impl Chunks {
    pub(super) fn empty(floor: Position, before: u64) -> Self {
        Self { list: Vec::new(), floor, before }
    }

    /// The position before the first that is stored.
    pub(super) fn floor(&self) -> Position {
        self.floor
    }

    /// The id of the entry at the floor.
    pub(super) fn before_id(&self) -> EventId {
        EventId::new(self.before)
    }

    /// Stores `entry` in the last chunk.
    ///
    /// # Errors
    /// The entry, if there is no room.
    pub(super) fn put(&self, position: Position, entry: Entry) -> Result<(), Entry> {
        let slot = self.list.last().and_then(|tail| tail.slot(position));
        match slot {
            Some(slot) => slot.set(entry),
            None => Err(entry),
        }
    }

    /// With one more chunk, which begins at `position`, behind the entry with the id `before`.
    pub(super) fn with_chunk(&self, position: Position, before: u64, slots_max: usize) -> Self {
        let stored = usize::try_from(position - self.floor).unwrap_or(slots_max);
        let slots = stored.clamp(SLOTS_FIRST.min(slots_max), slots_max);
        let slots = (0..slots).map(|_| OnceLock::new()).collect();
        let mut list = Vec::with_capacity(self.list.len() + 1);
        list.extend(self.list.iter().map(Arc::clone));
        list.push(Arc::new(Chunk { first: position, before, slots }));
        Self { list, ..*self }
    }

    /// How many chunks hold only entries before `first`. The last one always stays.
    pub(super) fn gone_before(&self, first: Position) -> usize {
        let next = self.list.iter().skip(1);
        next.take_while(|chunk| chunk.first <= first).count()
    }

    /// Without those chunks.
    pub(super) fn without_gone(&self, first: Position) -> Self {
        let list: Vec<_> = self.list[self.gone_before(first)..].iter().map(Arc::clone).collect();
        let (floor, before) = list.first().map_or((self.floor, self.before), |chunk| (chunk.first - 1, chunk.before));
        Self { list, floor, before }
    }

    pub(super) fn get(&self, position: Position) -> Option<&Entry> {
        // The oldest entry is looked at with each that is appended: it is found without a search.
        let is_in_first = self.list.get(1).is_none_or(|next| position < next.first);
        let at = if is_in_first {
            1
        } else {
            self.list.partition_point(|chunk| chunk.first <= position)
        };
        self.list.get(at - 1)?.slot(position)?.get()
    }

    /// The memory of the entries before `end`, in bytes.
    pub(super) fn memory_before(&self, end: Position) -> u64 {
        let chunks = self.list.iter().take_while(|chunk| chunk.first < end);
        let entries = chunks.flat_map(|chunk| chunk.entries().zip(chunk.first..));
        let before = entries.take_while(|(_, position)| *position < end);
        before.map(|(entry, _)| entry.memory() as u64).sum()
    }

    /// The position of the newest entry, or of the one before the first.
    pub(super) fn newest(&self) -> Position {
        self.list
            .last()
            .map_or(self.floor, |tail| tail.first + tail.entries().count() as Position - 1)
    }
}

/// What a history holds at one moment, and what is appended to its last chunk later.
#[derive(Debug)]
pub struct View(Guard<Arc<Chunks>>);

impl View {
    pub(super) fn new(chunks: &ArcSwap<Chunks>) -> Self {
        Self(chunks.load())
    }

    pub(super) fn of(chunks: &Arc<Chunks>) -> Self {
        Self(Guard::from_inner(Arc::clone(chunks)))
    }

    /// The position before the first that is stored.
    pub fn floor(&self) -> Position {
        self.0.floor
    }

    /// The entry at `position`; none if it is evicted, or not appended yet.
    pub fn get(&self, position: Position) -> Option<&Entry> {
        self.0.get(position)
    }

    /// The id of the entry at `position`, which may be the one before the first.
    pub fn id_at(&self, position: Position) -> Option<EventId> {
        if position == self.0.floor {
            return Some(EventId::new(self.0.before));
        }
        self.get(position).map(Entry::id)
    }

    /// The first position from `first` on whose entry was received less than `age` before `now`.
    pub(super) fn first_since(&self, first: Position, now: Instant, age: Duration) -> Position {
        let is_old = |at| self.get(at).is_some_and(|entry| now.saturating_duration_since(entry.received()) > age);
        let mut first = first.max(self.0.floor + 1);
        while is_old(first) {
            first += 1;
        }
        first
    }

    /// The last position with this id, which may be the one before the first.
    pub(super) fn find(&self, id: EventId) -> Option<Position> {
        let Chunks { list, floor, before } = &**self.0;
        let at = list.partition_point(|chunk| chunk.before < id.get());
        let Some(chunk) = at.checked_sub(1).map(|at| &list[at]) else {
            // The first chunk may begin behind this id, or there is none.
            return (*before == id.get()).then(|| self.behind_marks(*floor, id));
        };
        let mut entries = chunk.entries().zip(chunk.first..);
        let (_, position) = entries.find(|(entry, _)| entry.id() == id)?;
        Some(self.behind_marks(position, id))
    }

    /// Where ids are numbers of the source: the position behind which a stream goes on that was at `id`, which may be between
    /// two events, or before the first. Of several events with this id it is the first: the others are parts of a message of
    /// which the last part alone has the message's number.
    pub(super) fn find_number(&self, id: EventId) -> Option<Position> {
        let Chunks { list, floor, before } = &**self.0;
        if *before >= id.get() {
            return (*before == id.get()).then(|| self.behind_marks(*floor, id));
        }
        let at = list.partition_point(|chunk| chunk.before < id.get());
        let Some(chunk) = at.checked_sub(1).map(|at| &list[at]) else {
            return Some(*floor);
        };
        let mut position = chunk.first - 1;
        while self.get(position + 1).is_some_and(|entry| entry.id() < id) {
            position += 1;
        }
        let is_there = self.get(position + 1).is_some_and(|entry| entry.id() == id);
        Some(self.behind_marks(position + u64::from(is_there), id))
    }

    /// Marks without an id of their own have that of the entry before, also in the next chunk.
    fn behind_marks(&self, mut position: Position, id: EventId) -> Position {
        let is_mark_of = |entry: &Entry| matches!(entry, Entry::Mark(_)) && entry.id() == id;
        while self.get(position + 1).is_some_and(is_mark_of) {
            position += 1;
        }
        position
    }

    pub(super) fn chunks(&self) -> &Chunks {
        &self.0
    }

    /// How many events there are from `from` on and before `end`.
    pub(super) fn events(&self, from: Position, end: Position) -> u64 {
        let entries = self.entries(from).take_while(|(position, _)| *position < end);
        entries.filter(|(_, entry)| entry.event().is_some()).count() as u64
    }

    /// The stored entries from `from` on, with their positions.
    pub fn entries(&self, from: Position) -> impl Iterator<Item = (Position, &Entry)> {
        (from.max(self.0.floor + 1)..).map_while(|position| Some((position, self.get(position)?)))
    }
}
