//! Which entries of a tenant's history are for the members of a cohort that are behind.
//!
//! One bit for each position, shared by all members that read on from history. It is set when the event is matched, so a
//! change of a group does not change what was matched before; bits of older events are filled in from the history, backwards and
//! little by little. Invariant: matched events have numbers without holes, so what a reader has yet to read, and what it
//! missed because the history did not wait, are differences of two numbers.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::{Rc, Weak};
use std::sync::Arc;

use super::filter::Selection;
use super::outgoing::{Outgoing, SubscriptionKey};
use crate::event::Event;
use crate::history::{Position, View};
use crate::index::{Groups, Tenant};
use floodway_protocol::messages::notice::{Gap, Notice};

/// The number of the first event matched, far from 0: numbers before it are given when older events are filled in.
const FIRST_NUMBER: u64 = 1 << 48;

/// Words of bits that are held before those are given up whose entries are gone.
const WORDS: usize = 1024;

/// Notices that are kept, the newest: a source changes its state seldom.
const NOTICES: usize = 1024;

/// Positions in a word.
const WORD: u64 = u64::BITS as u64;

#[derive(Debug)]
pub(super) struct Matches {
    tenant: Arc<Tenant>,
    pub(super) key: Rc<SubscriptionKey>,
    bits: RefCell<Bits>,
    /// Readers that also want what is matched from now on.
    followers: Cell<u64>,
}

#[derive(Debug)]
struct Bits {
    /// The position of the first bit; a multiple of 64.
    start: Position,
    words: VecDeque<u64>,
    /// Positions before this one are not filled in.
    filled_from: Position,
    /// The number of the first matched event from `start` on.
    before: u64,
    /// The number of the next event to be matched.
    total: u64,
    /// Notices among the events: gaps of the source, and what else was sent live.
    notices: VecDeque<Rc<Outgoing>>,
    /// The newest position of an event that matched, or of a notice.
    last: Position,
    /// With so many words it is time to look which are not needed.
    trim_at: usize,
}

/// What a reader finds next.
#[derive(Clone, Debug)]
pub(super) enum Found {
    Event(Position),
    Notice(Rc<Outgoing>),
}

impl Found {
    pub(super) fn position(&self) -> Position {
        match self {
            Self::Event(position) => *position,
            Self::Notice(notice) => notice.position,
        }
    }
}

impl Matches {
    /// For a cohort with this key, of whose events those from `from` on are matched live.
    pub(super) fn new(tenant: Arc<Tenant>, key: Rc<SubscriptionKey>, from: Position) -> Self {
        let bits = Bits {
            start: from / WORD * WORD,
            words: VecDeque::new(),
            filled_from: from,
            before: FIRST_NUMBER,
            total: FIRST_NUMBER,
            notices: VecDeque::new(),
            last: from - 1,
            trim_at: WORDS,
        };
        Self { tenant, key, bits: RefCell::new(bits), followers: Cell::new(0) }
    }

    /// What the history holds now.
    pub(super) fn view(&self) -> View {
        self.tenant.history().view()
    }

    /// The event at this position matched.
    pub(super) fn add_event(&self, position: Position) {
        let mut bits = self.bits.borrow_mut();
        if bits.words.len() >= bits.trim_at {
            let kept_from = self.view().floor() + 1;
            bits.trim(kept_from);
            bits.trim_at = WORDS.max(2 * bits.words.len());
        }
        bits.total += bits.set(position);
        bits.last = bits.last.max(position);
    }

    /// A notice is for all members.
    pub(super) fn add_notice(&self, notice: &Rc<Outgoing>) {
        let mut bits = self.bits.borrow_mut();
        bits.last = bits.last.max(notice.position);
        bits.notices.push_back(Rc::clone(notice));
        if bits.notices.len() > NOTICES {
            bits.notices.pop_front();
        }
    }

    /// Fills in up to `most` entries of the history, back to `from`. Returns from which position on it is filled then; that is
    /// not the one asked for while there is more to do, or if the history does not reach so far back any more.
    pub(super) fn fill_back(&self, from: Position, most: u64) -> Position {
        let (view, mut bits) = (self.view(), self.bits.borrow_mut());
        let (groups, selection) = (self.tenant.groups(), self.key.filter.selection());
        let to = from.max(bits.filled_from.saturating_sub(most)).max(view.floor() + 1);
        for position in (to..bits.filled_from).rev() {
            let Some(entry) = view.get(position) else {
                break;
            };
            match entry.event() {
                Some(event) if self.wants(event, &selection, &groups) => bits.before -= bits.set(position),
                None if entry.is_gap() => {
                    let gap = Outgoing::of_notice(Notice::gap(Gap::Upstream), position);
                    bits.notices.push_front(Rc::new(gap));
                }
                _ => {}
            }
            bits.filled_from = position;
        }
        bits.filled_from
    }

    /// Fills in what was matched, the newest first, of which some may be filled in already.
    pub(super) fn fill_in<'a>(&self, matched: impl Iterator<Item = &'a Rc<Outgoing>>) {
        let mut bits = self.bits.borrow_mut();
        for outgoing in matched {
            let is_filled_in = outgoing.position >= bits.filled_from;
            match outgoing.event() {
                // Of what history filled in, only gaps are there.
                None => bits.insert_notice(outgoing),
                Some(_) if is_filled_in => {}
                Some(_) => bits.before -= bits.set(outgoing.position),
            }
            bits.filled_from = bits.filled_from.min(outgoing.position);
        }
    }

    fn wants(&self, event: &Event, selection: &Selection<'_>, groups: &Groups) -> bool {
        selection.wants(event.device(), groups) && event.matches(self.key.filter.metrics())
    }

    /// The number of the first matched event from `position` on, which is filled in.
    pub(super) fn number_at(&self, position: Position) -> u64 {
        self.bits.borrow().number_at(position)
    }

    /// What is before this position was given up: the history does not hold it any more.
    pub(super) fn start(&self) -> Position {
        self.bits.borrow().start
    }

    /// The number of the next event to be matched.
    pub(super) fn total(&self) -> u64 {
        self.bits.borrow().total
    }

    /// The newest position of an event that matched, or of a notice.
    pub(super) fn last(&self) -> Position {
        self.bits.borrow().last
    }

    /// From which position on it is filled in.
    pub(super) fn filled_from(&self) -> Position {
        self.bits.borrow().filled_from
    }

    /// The next matched event or notice from `from` on.
    pub(super) fn next(&self, from: Position) -> Option<Found> {
        let event = self.bits.borrow().next(from);
        match (event, self.next_notice(from)) {
            (Some(event), Some(notice)) if notice.position < event => Some(Found::Notice(notice)),
            (Some(event), _) => Some(Found::Event(event)),
            (None, notice) => notice.map(Found::Notice),
        }
    }

    /// The next notice from `from` on.
    pub(super) fn next_notice(&self, from: Position) -> Option<Rc<Outgoing>> {
        let bits = self.bits.borrow();
        let at = bits.notices.partition_point(|notice| notice.position < from);
        bits.notices.get(at).map(Rc::clone)
    }

    /// Readers that want what is matched from now on too.
    pub(super) fn followers(&self) -> u64 {
        self.followers.get()
    }

    pub(super) fn follow(&self) {
        self.followers.set(self.followers.get() + 1);
    }

    pub(super) fn unfollow(&self) {
        self.followers.set(self.followers.get() - 1);
    }
}

impl Bits {
    /// Sets a bit. Returns 1 if it was not set, else 0.
    fn set(&mut self, position: Position) -> u64 {
        while position < self.start {
            self.words.push_front(0);
            self.start -= WORD;
        }
        let (word, bit) = self.at(position);
        if word >= self.words.len() {
            self.words.resize(word + 1, 0);
        }
        let was = self.words[word] >> bit & 1;
        self.words[word] |= 1 << bit;
        1 - was
    }

    fn insert_notice(&mut self, notice: &Rc<Outgoing>) {
        let at = self.notices.partition_point(|known| known.position < notice.position);
        if self.notices.get(at).is_none_or(|known| known.position != notice.position) {
            self.notices.insert(at, Rc::clone(notice));
        }
    }

    fn at(&self, position: Position) -> (usize, u32) {
        let offset = position - self.start;
        ((offset / WORD) as usize, (offset % WORD) as u32)
    }

    fn number_at(&self, position: Position) -> u64 {
        if position <= self.start {
            return self.before;
        }
        let (word, bit) = self.at(position);
        let whole = self.words.iter().take(word).map(|word| u64::from(word.count_ones())).sum::<u64>();
        let part = self.words.get(word).map_or(0, |word| (word & ((1 << bit) - 1)).count_ones());
        self.before + whole + u64::from(part)
    }

    fn next(&self, from: Position) -> Option<Position> {
        let (first, bit) = self.at(from.max(self.start));
        let rest = self.words.get(first)? & (u64::MAX << bit);
        let later = || (first + 1..self.words.len()).find(|&word| self.words[word] != 0);
        let word = if rest != 0 { first } else { later()? };
        let bits = if rest != 0 { rest } else { self.words[word] };
        Some(self.start + word as u64 * WORD + u64::from(bits.trailing_zeros()))
    }

    /// Gives up what is before `kept_from`, in whole words.
    fn trim(&mut self, kept_from: Position) {
        while self.start + WORD <= kept_from
            && let Some(word) = self.words.pop_front()
        {
            self.before += u64::from(word.count_ones());
            self.start += WORD;
        }
        self.filled_from = self.filled_from.max(self.start);
    }
}

/// A cohort's matches, while one of its members needs them.
#[derive(Debug, Default)]
pub(super) struct CohortMatches(RefCell<Weak<Matches>>);

impl CohortMatches {
    /// Those that members read by now.
    pub(super) fn get(&self) -> Option<Rc<Matches>> {
        self.0.borrow().upgrade()
    }

    /// Those that members read by now, or else the ones that `make` gives.
    pub(super) fn get_or(&self, make: impl FnOnce() -> Matches) -> Rc<Matches> {
        self.get().unwrap_or_else(|| {
            let made = Rc::new(make());
            self.0.replace(Rc::downgrade(&made));
            made
        })
    }

    /// Whether a member may read them.
    #[inline]
    pub(super) fn may_be_needed(&self) -> bool {
        self.0.borrow().strong_count() > 0
    }
}

#[cfg(all(test, not(floodway_loom)))]
mod properties;
