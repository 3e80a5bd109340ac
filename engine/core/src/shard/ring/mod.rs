//! What waits for one subscriber whose socket takes no more.
//!
//! A subscriber has a ring only while something waits; most never get one. Invariants: `pushed == delivered +
//! dropped + held + conflated` for events; no push takes what is held over its bounds, but a ring that holds nothing takes one
//! event (an event that is partly on the wire no longer counts; bounds change, and a ring that was fuller shrinks as its
//! subscriber reads); each run of dropped events is reported by one gap at its place; notices are never dropped, they are
//! bounded by their bytes.

mod backlog;
mod conflation;
mod events;
mod push;
mod snapshot;
mod span;
mod write;

use std::collections::VecDeque;

use super::clock::Tenths;
use super::outgoing::Addressed;
use super::pinned::Pinned;
use floodway_protocol::messages::notice::{Gap, Notice};
use floodway_protocol::{Encoding, End};

pub(super) use self::backlog::BacklogRest;
use self::conflation::Conflation;
pub(super) use self::push::{Bounds, Pushed};
pub(super) use self::snapshot::SnapshotRest;
pub(super) use self::span::Span;
pub(super) use self::write::Sent;

#[derive(Debug)]
enum Entry {
    Event(Addressed),
    /// Ready bytes that are never dropped, and whether they report a gap of the source.
    Notice(Box<[u8]>, bool),
    /// Ready bytes, read from what follows, and whether they report a gap of the source. Their number has a bound, so their
    /// bytes are not counted.
    Ready(Box<[u8]>, bool),
    /// Events that are read from history when there is room. Boxed: an entry is small.
    Span(Box<Span>),
    /// Last values that are sent when there is room.
    Snapshot(Box<SnapshotRest>),
    /// Events that the source has given back, which are sent when there is room.
    Backlog(Box<BacklogRest>),
    /// Events are missing here. Becomes a notice when its first byte is on the wire.
    Gap(Gap),
    /// An event was passed over here. Never the first entry; there are some only while the ring conflates.
    PassedOver,
}

#[derive(Debug)]
pub(super) struct Ring {
    /// Since when its subscriber is slow.
    since: Tenths,
    /// Whether events were dropped or passed over.
    has_lost: bool,
    entries: VecDeque<Entry>,
    /// Events among the entries that are not partly written.
    held: usize,
    /// The memory of those that were pushed.
    held_bytes: usize,
    notice_bytes: usize,
    /// Bytes of the first entry that are on the wire.
    written: usize,
    /// Entries that stand for more than is in the ring.
    sources: usize,
    /// It has turned to the last event of each device.
    conflation: Option<Box<Conflation>>,
}

impl Ring {
    /// The ring of a subscriber that is slow from `now` on.
    pub(super) fn new(now: Tenths) -> Self {
        Self {
            since: now,
            has_lost: false,
            entries: VecDeque::new(),
            held: 0,
            held_bytes: 0,
            notice_bytes: 0,
            written: 0,
            sources: 0,
            conflation: None,
        }
    }

    pub(super) fn since(&self) -> Tenths {
        self.since
    }

    /// Events are being dropped or passed over. Returns whether they are the first.
    pub(super) fn is_first_loss(&mut self) -> bool {
        !std::mem::replace(&mut self.has_lost, true)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Events that wait whole: those that fill the queue.
    pub(super) fn queued(&self) -> u64 {
        self.held as u64
    }

    /// Events that wait whole, or partly.
    pub(super) fn held(&self) -> u64 {
        let partly = usize::from(self.written > 0 && matches!(self.entries.front(), Some(Entry::Event(_))));
        (self.held + partly) as u64 + self.unread()
    }

    /// Puts an event or a notice into an empty ring, of which `written` bytes are on the wire already.
    pub(super) fn begin_with(&mut self, first: Addressed, written: usize, pinned: &Pinned) {
        debug_assert!(self.is_empty(), "only the first entry can be partly written");
        if first.outgoing.event().is_some() {
            first.outgoing.pin(pinned);
            self.entries.push_back(Entry::Event(first));
        } else {
            self.append_notice(first.bytes());
        }
        self.written = written;
    }

    /// Puts bytes at the end that must not be lost.
    ///
    /// # Errors
    /// With the end of the stream, if the notices that wait would take more than `bound`.
    pub(super) fn push_notice(&mut self, bytes: &[u8], bound: usize) -> Result<(), End> {
        if self.notice_bytes + bytes.len() > bound {
            return Err(End::SlowConsumer);
        }
        self.append_notice(bytes);
        Ok(())
    }

    /// As [`Ring::push_notice`], for a notice that many subscribers get.
    pub(super) fn push_shared(&mut self, notice: &Notice, encoding: Encoding, bound: usize) -> Result<(), End> {
        self.push_notice(notice.frame(encoding), bound)?;
        if let Some(Entry::Notice(_, is_gap)) = self.entries.back_mut() {
            *is_gap = notice.gaps() > 0;
        }
        debug_assert!(!self.is_behind(), "notices that many get are read from history then");
        Ok(())
    }

    /// As [`Ring::push_notice`] with no bound, for the one last message of a stream.
    pub(super) fn append_notice(&mut self, bytes: &[u8]) {
        self.notice_bytes += bytes.len();
        self.insert_before_span(Entry::Notice(bytes.into(), false));
    }

    /// Throws away every event that is not partly written, and the gaps; returns how many events that were.
    pub(super) fn discard_events(&mut self) -> u64 {
        let discarded = self.held as u64 + self.unread();
        let partly = self.written > 0;
        let mut at = 0;
        self.entries.retain(|entry| {
            at += 1;
            matches!(entry, Entry::Notice(..)) || (partly && at == 1)
        });
        (self.held, self.held_bytes, self.sources, self.conflation) = (0, 0, 0, None);
        discarded
    }
}

impl Entry {
    /// An event that waits: one that is in no ring any more was written, or was passed over.
    fn event(&self) -> Option<&Addressed> {
        match self {
            Self::Event(event) => Some(event),
            _ => None,
        }
    }
}

#[cfg(all(test, not(floodway_loom)))]
mod tests;
