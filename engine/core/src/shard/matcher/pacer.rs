//! At most one event of each device in an interval: what goes out now, and what waits.
//!
//! A device's first event passes. One that comes sooner than an interval after the last that passed waits; a newer one
//! takes its place. It is due when the interval is over. Invariants: two events of a device that is known pass at least an
//! interval apart; a device is known only for an interval after its last event passed, or while one of it waits; so many
//! are known at most. Events of further ones just pass: whoever publishes under ever new names fills no memory.

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::time::{Duration, Instant};

use hashbrown::HashMap;

/// What came of an event that was offered.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Offered<E> {
    /// It goes out now.
    Passed(E),
    /// It waits, in the place of an older one if there was one.
    Held { replaced: Option<E> },
}

/// When a waiting event is due, and a number that no other has.
type Turn = (Instant, u64);

#[derive(Debug)]
pub(super) struct Pacer<E> {
    interval: Duration,
    /// So many devices are known at most.
    most: usize,
    devices: HashMap<Rc<str>, Device>,
    /// Events that wait, and their devices, in the order in which they are due.
    waiting: BTreeMap<Turn, (Rc<str>, E)>,
    /// The number of the next turn.
    next: u64,
    /// When events passed, and of which devices, the oldest first; none is older than an interval.
    passed: VecDeque<(Instant, Rc<str>)>,
}

#[derive(Debug)]
struct Device {
    /// When an event of it passed last.
    passed: Instant,
    turn: Option<Turn>,
}

impl<E> Pacer<E> {
    pub(super) fn new(interval: Duration, most: usize) -> Self {
        Self {
            interval,
            most,
            devices: HashMap::new(),
            waiting: BTreeMap::new(),
            next: 0,
            passed: VecDeque::new(),
        }
    }

    /// Offers an event of `device`.
    pub(super) fn offer(&mut self, device: &str, event: E, now: Instant) -> Offered<E> {
        self.forget_quiet(now);
        let Some((name, known)) = self.devices.get_key_value_mut(device) else {
            if self.devices.len() < self.most {
                let name: Rc<str> = device.into();
                self.devices.insert(Rc::clone(&name), Device { passed: now, turn: None });
                self.passed.push_back((now, name));
            }
            return Offered::Passed(event);
        };
        // One that waits goes first, also if it is due: the shard has not come to it yet.
        let replaced = match known.turn {
            Some(turn) => {
                let (_, waiting) = self.waiting.get_mut(&turn).expect("its turn is known");
                Some(std::mem::replace(waiting, event))
            }
            None => {
                let turn = (known.passed + self.interval, self.next);
                self.next += 1;
                known.turn = Some(turn);
                self.waiting.insert(turn, (Rc::clone(name), event));
                None
            }
        };
        Offered::Held { replaced }
    }

    /// When the pacer has to be looked at again: an event is due, or the last device can be forgotten.
    pub(super) fn next_due(&self) -> Option<Instant> {
        match self.waiting.first_key_value() {
            Some((&(due, _), _)) => Some(due),
            None => self.passed.back().map(|(passed, _)| *passed + self.interval),
        }
    }

    /// Takes out one event that is due, the one that is due longest.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<E> {
        self.forget_quiet(now);
        let first = self.waiting.first_entry().filter(|first| first.key().0 <= now)?;
        let (name, event) = first.remove();
        let device = Device { passed: now, turn: None };
        *self.devices.get_mut(&name).expect("an event of it waits") = device;
        self.passed.push_back((now, name));
        Some(event)
    }

    /// How many events wait.
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Those in whose turn something waited at that time already: a newer one, by now, or the same.
    pub(super) fn waiting_since(&self, then: Instant) -> impl Iterator<Item = &E> {
        let due = (then + self.interval, u64::MAX);
        self.waiting.range(..=due).map(|(_, (_, event))| event)
    }

    /// The events that wait, to be changed.
    pub(super) fn waiting_mut(&mut self) -> impl Iterator<Item = &mut E> {
        self.waiting.values_mut().map(|(_, event)| event)
    }

    /// Forgets devices of which nothing has passed within an interval, and nothing waits.
    fn forget_quiet(&mut self, now: Instant) {
        while let Some((passed, name)) = self.passed.front()
            && *passed + self.interval <= now
        {
            if self.devices.get(name).is_some_and(|device| device.turn.is_none()) {
                self.devices.remove(name);
            }
            self.passed.pop_front();
        }
    }
}

#[cfg(test)]
mod properties;
