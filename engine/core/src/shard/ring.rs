//! What waits for one subscriber whose socket takes no more.
//!
//! A subscriber has a ring only while something waits; most never get one. Invariants: `pushed == delivered +
//! dropped + held` for events; no push takes `held` over its capacity (an event that is partly on the wire no longer
//! counts; capacities change, and a ring that was fuller shrinks as its subscriber reads); each run of
//! dropped events is reported by one gap at its place; notices are never dropped, they are bounded by their bytes.

mod events;
mod span;

use std::collections::VecDeque;

use hashbrown::HashSet;

use super::clock::Tenths;
use super::metrics::Untimed;
use super::outgoing::Addressed;
use crate::index::Overflow;
use floodway_protocol::messages::notice::{Gap, Notice};
use floodway_protocol::{Encoding, End};
pub(super) use span::{SnapshotRest, Span};

#[derive(Debug)]
enum Entry {
    Event(Addressed),
    /// Ready bytes that are never dropped, and whether they report a gap of the source.
    Notice(Box<[u8]>, bool),
    /// Ready bytes, read from what follows, and the gap that they report. Their number has a bound, so their bytes are not
    /// counted.
    Ready(Box<[u8]>, ReadGap),
    /// Events that are read from history when there is room. Boxed: an entry is small.
    Span(Box<Span>),
    /// Last values that are sent when there is room.
    Snapshot(Box<SnapshotRest>),
    /// So many events were dropped here. Becomes a notice when its first byte is on the wire.
    Gap(u64),
}

/// A gap that is reported where a ring reads on from history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ReadGap {
    None,
    Replay,
    Upstream,
}

/// What came of an event that was pushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pushed {
    Held,
    /// So many events, this one or older ones, were dropped for it.
    Dropped(u64),
    /// The ring is full and its subscriber is to be disconnected; the event is not held.
    Refused,
    /// The ring is full and its subscriber reads on from history; the event is not held.
    Behind,
}

#[derive(Debug)]
pub(super) struct Ring {
    /// Since when its subscriber is slow.
    since: Tenths,
    /// Whether events were dropped.
    has_lost: bool,
    entries: VecDeque<Entry>,
    /// Events among the entries that are not partly written.
    held: usize,
    notice_bytes: usize,
    /// Bytes of the first entry that are on the wire.
    written: usize,
    /// Entries that stand for more than is in the ring.
    sources: usize,
}

/// What a write has brought out of a ring.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) bytes: u64,
    pub(super) events: u64,
    pub(super) gaps: u64,
    pub(super) replay_gaps: u64,
    pub(super) upstream_gaps: u64,
}

impl Sent {
    fn count(&mut self, gap: ReadGap) {
        self.replay_gaps += u64::from(gap == ReadGap::Replay);
        self.upstream_gaps += u64::from(gap == ReadGap::Upstream);
    }
}

impl Ring {
    /// The ring of a subscriber that is slow from `now` on.
    pub(super) fn new(now: Tenths) -> Self {
        Self {
            since: now,
            has_lost: false,
            entries: VecDeque::new(),
            held: 0,
            notice_bytes: 0,
            written: 0,
            sources: 0,
        }
    }

    pub(super) fn since(&self) -> Tenths {
        self.since
    }

    /// Events are being dropped. Returns whether they are the first.
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

    /// Puts an event at the end, or applies the policy if `capacity` events wait.
    pub(super) fn push(&mut self, event: Addressed, capacity: usize, overflow: Overflow) -> Pushed {
        if self.held < capacity {
            self.append(event);
            return Pushed::Held;
        }
        match overflow {
            Overflow::DropNewest => {
                match self.entries.back_mut() {
                    Some(Entry::Gap(dropped)) => *dropped += 1,
                    _ => self.entries.push_back(Entry::Gap(1)),
                }
                Pushed::Dropped(1)
            }
            Overflow::DropOldest => {
                let surplus = self.held + 1 - capacity;
                for _ in 0..surplus {
                    let oldest = self.first_droppable();
                    self.drop_all(&[oldest]);
                }
                self.append(event);
                Pushed::Dropped(surplus as u64)
            }
            Overflow::Latest => {
                let overtaken = self.overtaken_by(&event);
                self.drop_all(&overtaken);
                self.append(event);
                Pushed::Dropped(overtaken.len() as u64)
            }
            Overflow::Disconnect => Pushed::Refused,
            Overflow::CatchUp => Pushed::Behind,
        }
    }

    /// Puts an event or a notice into an empty ring, of which `written` bytes are on the wire already.
    pub(super) fn begin_with(&mut self, first: Addressed, written: usize) {
        debug_assert!(self.is_empty(), "only the first entry can be partly written");
        if first.outgoing.event().is_some() {
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
        (self.held, self.sources) = (0, 0);
        discarded
    }

    /// Calls `write` with what waits, as up to `N` slices, and takes out what it says it wrote; the events among
    /// it are added to `untimed`.
    pub(super) fn write_out<E>(
        &mut self,
        encoding: Encoding,
        untimed: &mut Untimed,
        write: impl FnOnce(&[std::io::IoSlice<'_>]) -> Result<usize, E>,
    ) -> Result<Sent, E> {
        const N: usize = 64;
        let gaps: Vec<Vec<u8>> = self.entries.iter().take(N).filter_map(|entry| gap_bytes(entry, encoding)).collect();
        let mut gap = gaps.iter();
        let mut slices = [std::io::IoSlice::new(&[]); N];
        let mut count = 0;
        for (slice, entry) in slices.iter_mut().zip(&self.entries) {
            let bytes = match entry {
                Entry::Event(event) => event.bytes(),
                Entry::Notice(bytes, _) | Entry::Ready(bytes, _) => bytes,
                Entry::Gap(_) => gap.next().expect("one for each"),
                Entry::Span(_) | Entry::Snapshot(_) => break,
            };
            *slice = std::io::IoSlice::new(if count == 0 { &bytes[self.written..] } else { bytes });
            count += 1;
        }
        let lengths = slices.map(|slice| slice.len());
        let n = write(&slices[..count])?;
        Ok(self.take_out(n, &lengths[..count], encoding, untimed))
    }

    fn take_out(&mut self, mut n: usize, lengths: &[usize], encoding: Encoding, untimed: &mut Untimed) -> Sent {
        let mut sent = Sent { bytes: n as u64, ..Sent::default() };
        for &length in lengths {
            if n < length {
                break;
            }
            n -= length;
            match self.entries.pop_front().expect("it was written") {
                Entry::Event(event) => {
                    sent.events += 1;
                    if let Some(event) = event.outgoing.event() {
                        untimed.add_one(event.received());
                    }
                    self.held -= usize::from(self.written == 0);
                }
                Entry::Notice(bytes, _) => self.notice_bytes -= bytes.len(),
                Entry::Ready(_, gap) => sent.count(gap),
                Entry::Gap(_) => sent.gaps += 1,
                Entry::Span(_) | Entry::Snapshot(_) => unreachable!("it has no bytes"),
            }
            self.written = 0;
        }
        if n > 0 {
            sent.gaps += self.begin_front(encoding);
            self.written += n;
        }
        sent
    }

    /// The first entry goes partly onto the wire: from here on it can neither be dropped nor change.
    fn begin_front(&mut self, encoding: Encoding) -> u64 {
        match self.entries.front_mut() {
            Some(Entry::Event(_)) => {
                self.held -= usize::from(self.written == 0);
                0
            }
            Some(gap @ Entry::Gap(_)) => {
                let bytes = gap_bytes(gap, encoding).expect("it is a gap");
                self.notice_bytes += bytes.len();
                *gap = Entry::Notice(bytes.into(), false);
                1
            }
            _ => 0,
        }
    }

    fn append(&mut self, event: Addressed) {
        self.entries.push_back(Entry::Event(event));
        self.held += 1;
    }

    fn droppable(&self) -> impl DoubleEndedIterator<Item = (usize, &Addressed)> {
        let first = usize::from(self.written > 0);
        let entries = self.entries.iter().enumerate();
        entries.filter_map(move |(at, entry)| match entry {
            Entry::Event(event) if at >= first => Some((at, event)),
            _ => None,
        })
    }

    fn first_droppable(&self) -> usize {
        self.droppable().next().expect("a full ring holds an event").0
    }

    /// The events that newer ones of the same device have overtaken, `newest` among them; the oldest if there is none.
    fn overtaken_by(&self, newest: &Addressed) -> Vec<usize> {
        fn device(event: &Addressed) -> Option<&str> {
            event.outgoing.event().map(|event| event.device())
        }
        let mut seen = HashSet::with_capacity(self.entries.len() + 1);
        seen.insert(device(newest));
        let mut overtaken: Vec<usize> = self
            .droppable()
            .rev()
            .filter(|(_, event)| !seen.insert(device(event)))
            .map(|(at, _)| at)
            .collect();
        if overtaken.is_empty() {
            overtaken.push(self.first_droppable());
        }
        overtaken.sort_unstable();
        overtaken
    }

    /// Replaces the events at `dropped` (ascending) by gaps, one for each run of neighbours.
    fn drop_all(&mut self, dropped: &[usize]) {
        self.held -= dropped.len();
        if let [only] = dropped {
            return self.drop_one(*only);
        }
        let mut dropped = dropped.iter().peekable();
        let mut kept: VecDeque<Entry> = VecDeque::with_capacity(self.entries.len());
        for (at, entry) in self.entries.drain(..).enumerate() {
            let entry = if dropped.next_if_eq(&&at).is_some() { Entry::Gap(1) } else { entry };
            match (kept.back_mut(), entry) {
                (Some(Entry::Gap(before)), Entry::Gap(more)) => *before += more,
                (_, entry) => kept.push_back(entry),
            }
        }
        self.entries = kept;
    }

    fn drop_one(&mut self, at: usize) {
        self.entries[at] = Entry::Gap(1);
        self.merge_with_next(at);
        if at > 0 {
            self.merge_with_next(at - 1);
        }
    }

    fn merge_with_next(&mut self, at: usize) {
        if let (Some(Entry::Gap(_)), Some(&Entry::Gap(more))) = (self.entries.get(at), self.entries.get(at + 1)) {
            self.entries.remove(at + 1);
            if let Entry::Gap(dropped) = &mut self.entries[at] {
                *dropped += more;
            }
        }
    }
}

fn gap_bytes(entry: &Entry, encoding: Encoding) -> Option<Vec<u8>> {
    let Entry::Gap(dropped) = entry else {
        return None;
    };
    let mut out = Vec::new();
    Gap::Overflow(*dropped).encode(encoding, &mut out);
    Some(out)
}

#[cfg(all(test, not(floodway_loom)))]
mod tests;
