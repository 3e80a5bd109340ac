//! A ring's entries that stand for more than fits into it: a span of the tenant's history here, or a snapshot. They are read
//! some events at a time, as the socket takes them.
//!
//! Invariant: a span that is read counts as held what matched in it and was not read. If the history does not wait, what
//! was missed is one gap with the exact number. An open span is the last entry; it goes on with what is matched live.

use std::rc::Rc;
use std::sync::Arc;

use super::{Entry, Ring};
use crate::history::Position;
use crate::shard::matches::{Found, Matches};
use crate::shard::outgoing::{Addressed, Outgoing};
use floodway_protocol::Encoding;
use floodway_protocol::messages::notice::Gap;

/// Entries that are read ahead of the socket: what one write takes.
const READ_AHEAD: usize = 64;

/// Bytes that are read ahead of the socket.
pub(super) const READ_AHEAD_BYTES: usize = 64 * 1024;

/// A part of the tenant's history that a subscriber has yet to read.
#[derive(Debug)]
pub(in crate::shard) struct Span {
    matches: Rc<Matches>,
    next: Position,
    /// From here on its subscriber was there: what happened to the source before is told only if events may be missing.
    live_from: Position,
    /// The number of the next event to be read; none until the bits are filled in back to `next`.
    number: Option<u64>,
    /// Where it ends, and the number of the first event behind it; none: it goes on with what is matched live.
    end: Option<(Position, u64)>,
}

impl Span {
    /// From `next` on, for a subscriber that was there from `live_from` on.
    pub(in crate::shard) fn new(matches: Rc<Matches>, next: Position, live_from: Position) -> Self {
        Self { matches, next, live_from, number: None, end: None }
    }

    /// Skips what was evicted before it was filled in, and so is in no number. Returns whether there is such.
    fn skip_evicted(&mut self) -> bool {
        let kept = self.matches.filled_from().min(self.matches.view().floor() + 1);
        let skips = self.next < kept;
        self.next = self.next.max(kept);
        skips
    }

    /// Fills in up to `most` entries of history, so that it can be read; `newest` is the newest position that is matched.
    /// Returns how many events it counts as held from now on, if it can be read now.
    fn prepare(&mut self, most: u64, newest: Position) -> Option<u64> {
        if self.matches.fill_back(self.next, most) > self.next || newest + 1 < self.next {
            return None;
        }
        self.number = Some(self.matches.number_at(self.next));
        if self.end.is_none() {
            self.matches.follow();
        }
        Some(self.held())
    }

    fn held(&self) -> u64 {
        let end = self.end.map_or_else(|| self.matches.total(), |(_, number)| number);
        self.number.map_or(0, |next| end - next)
    }

    fn next_found(&self) -> Option<Found> {
        let end = self.end.map_or(Position::MAX, |(end, _)| end);
        self.matches.next(self.next).filter(|found| found.position() < end)
    }

    fn is_exhausted(&self) -> bool {
        self.number.is_some() && self.next_found().is_none()
    }

    /// Nothing from `end` on is of it.
    fn close(&mut self, end: Position) {
        if self.end.is_none() {
            if self.number.is_some() {
                self.matches.unfollow();
            }
            self.end = Some((end, self.matches.total()));
            // It may begin behind what is matched by now.
            self.next = self.next.min(end);
        }
    }

    /// Reads up to `most` entries into `read`. Returns how many events the history did not hold any more.
    fn read(&mut self, most: usize, encoding: Encoding, read: &mut Vec<Entry>) -> u64 {
        let Some(mut number) = self.number else {
            return 0;
        };
        let (view, mut lost, mut bytes) = (self.matches.view(), 0, 0);
        let known_from = self.end.map_or(Position::MAX, |(end, _)| end).min(self.matches.start());
        if self.next < known_from {
            (number, lost) = self.lose_to(known_from, number, encoding, read);
        }
        while read.len() < most
            && bytes < READ_AHEAD_BYTES
            && let Some(found) = self.next_found()
        {
            let at = found.position();
            match (found, view.get(at).and_then(crate::history::Entry::event)) {
                (Found::Notice(notice), _) => {
                    read.extend(self.notice(&notice, encoding));
                    self.next = at + 1;
                }
                (Found::Event(_), Some(event)) => {
                    bytes += event.memory();
                    let outgoing = Rc::new(Outgoing::of_event(Arc::clone(event), at));
                    read.push(Entry::Event(Addressed { outgoing, key: Rc::clone(&self.matches.key) }));
                    number += 1;
                    self.next = at + 1;
                }
                (Found::Event(_), None) => {
                    // What was not matched yet, though it is gone, is not known to be this reader's.
                    let matched = self.end.map_or_else(|| self.matches.last() + 1, |(end, _)| end);
                    let kept = matched.min(view.floor() + 1);
                    let (first_kept, more) = self.lose_to(kept, number, encoding, read);
                    (number, lost) = (first_kept, lost + more);
                }
            }
        }
        self.number = Some(number);
        lost
    }

    /// Goes on at `kept`, behind a gap; of what is skipped only the notices are still known. Returns the number of the next
    /// event, and how many are lost.
    fn lose_to(&mut self, kept: Position, number: u64, encoding: Encoding, read: &mut Vec<Entry>) -> (u64, u64) {
        let first_kept = self.matches.number_at(kept);
        let first_kept = self.end.map_or(first_kept, |(_, end)| first_kept.min(end));
        match (first_kept - number, read.last_mut()) {
            (0, _) => {}
            (more, Some(Entry::Gap(Gap::Overflow(lost)))) => *lost += more,
            (more, _) => read.push(Entry::Gap(Gap::Overflow(more))),
        }
        while let Some(notice) = self.matches.next_notice(self.next).filter(|notice| notice.position < kept) {
            read.extend(self.notice(&notice, encoding));
            self.next = notice.position + 1;
        }
        self.next = kept;
        (first_kept, first_kept - number)
    }

    fn notice(&self, notice: &Outgoing, encoding: Encoding) -> Option<Entry> {
        debug_assert_eq!(self.matches.key.encoding, encoding, "a stream's encoding stays");
        let bytes = notice.frame(&self.matches.key).unwrap_or_default();
        let is_gap = notice.gaps() > 0;
        (is_gap || notice.position >= self.live_from).then(|| Entry::Ready(bytes.into(), is_gap))
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        if self.number.is_some() && self.end.is_none() {
            self.matches.unfollow();
        }
    }
}

/// What came of preparing a ring's spans.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::shard) struct Prepared {
    /// Events that count as matched and held from now on.
    pub(in crate::shard) matched: u64,
    /// There is more to do.
    pub(in crate::shard) has_more: bool,
}

impl Ring {
    /// Whether its subscriber reads on from history: what is matched live is found there.
    #[inline]
    pub(in crate::shard) fn is_behind(&self) -> bool {
        self.sources > 0 && self.ends_with_span()
    }

    fn ends_with_span(&self) -> bool {
        matches!(self.entries.back(), Some(Entry::Span(span)) if span.end.is_none())
    }

    /// Puts a span that may go on at the end.
    pub(in crate::shard) fn push_span(&mut self, span: Span) {
        self.end_conflation();
        self.sources += 1;
        self.entries.push_back(Entry::Span(Box::new(span)));
    }

    /// Ends an open span at the end: nothing from `end` on is of it.
    pub(in crate::shard) fn close_span(&mut self, end: Position) {
        if let Some(Entry::Span(span)) = self.entries.back_mut() {
            span.close(end);
        }
    }

    /// Gives up a span at the end that was never read.
    pub(in crate::shard) fn drop_unprepared(&mut self) {
        let entries = self.entries.len();
        self.entries.retain(|entry| !matches!(entry, Entry::Span(span) if span.number.is_none()));
        self.sources -= entries - self.entries.len();
    }

    pub(super) fn insert_before_span(&mut self, entry: Entry) {
        let end = self.entries.len() - usize::from(self.is_behind());
        self.entries.insert(end, entry);
    }

    /// Prepares its spans to be read, by up to `most` entries of history.
    pub(in crate::shard) fn prepare(&mut self, most: u64, newest: Position) -> Prepared {
        let mut prepared = Prepared::default();
        for at in (0..self.entries.len()).rev().take_while(|_| self.sources > 0) {
            let Entry::Span(span) = &mut self.entries[at] else {
                continue;
            };
            if span.number.is_some() {
                continue;
            }
            let skips = span.skip_evicted();
            match span.prepare(most, newest) {
                Some(held) => prepared.matched += held,
                None => prepared.has_more = true,
            }
            if skips {
                self.entries.insert(at, Entry::Gap(Gap::Replay(None)));
            }
        }
        prepared
    }

    /// Reads ahead from a span or a snapshot. Returns how many events the history did not hold any more.
    pub(in crate::shard) fn read_ahead(&mut self, encoding: Encoding) -> u64 {
        if self.sources == 0 {
            return 0;
        }
        let mut lost = 0;
        while let Some(at) = self.entries.iter().take(READ_AHEAD).position(Entry::is_source) {
            let mut read = Vec::new();
            let is_exhausted = match &mut self.entries[at] {
                Entry::Span(span) => {
                    lost += span.read(READ_AHEAD - at, encoding, &mut read);
                    span.end.is_some() && span.is_exhausted()
                }
                Entry::Snapshot(rest) => {
                    rest.read(READ_AHEAD - at, &mut read);
                    rest.is_exhausted()
                }
                Entry::Backlog(rest) => {
                    rest.read(READ_AHEAD - at, &mut read);
                    rest.is_exhausted()
                }
                _ => false,
            };
            if is_exhausted {
                self.entries.remove(at);
                self.sources -= 1;
            }
            let has_read = !read.is_empty();
            self.insert_all(at, read);
            if !is_exhausted || has_read {
                break;
            }
        }
        lost
    }

    fn insert_all(&mut self, at: usize, read: Vec<Entry>) {
        self.held += read.iter().filter(|entry| matches!(entry, Entry::Event(_))).count();
        let before: Vec<Entry> = self.entries.drain(..at).collect();
        for entry in before.into_iter().chain(read).rev() {
            self.entries.push_front(entry);
        }
    }

    /// Events of spans and backlogs that were not read yet.
    pub(super) fn unread(&self) -> u64 {
        if self.sources == 0 {
            return 0;
        }
        let spans = self.entries.iter().filter_map(|entry| match entry {
            Entry::Span(span) => Some(span.held()),
            Entry::Backlog(rest) => Some(rest.held()),
            _ => None,
        });
        spans.sum()
    }

    /// Whether everything is written. Its subscriber is in step again then: behind this position nothing was read yet.
    pub(in crate::shard) fn is_done(&self) -> Option<Position> {
        if self.sources == 0 {
            return self.entries.is_empty().then_some(0);
        }
        match self.entries.front() {
            None => Some(0),
            Some(Entry::Span(span)) if self.entries.len() == 1 && span.is_exhausted() => {
                Some(span.matches.last().max(span.next - 1))
            }
            Some(_) => None,
        }
    }

    /// Whether there is nothing to write before its span can be read.
    pub(in crate::shard) fn waits_for_history(&self) -> bool {
        self.sources > 0 && self.entries.front().is_some_and(Entry::is_source)
    }
}

impl Entry {
    fn is_source(&self) -> bool {
        matches!(self, Self::Span(_) | Self::Snapshot(_) | Self::Backlog(_))
    }
}
