//! The pace of a cohort: which of its events go out at once, which wait, and whose own they are.
//!
//! The whole cohort has one pacer. A member is *in step* once an event has come that is its own; all that come from then on
//! are. Invariants: what waits knows how many members it is the own of; for each member in step, the events that matched
//! since == delivered + dropped + held + conflated, so that what was conflated is a subtraction, and costs nothing per
//! member while events flow.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use hashbrown::HashMap;

use super::pacer::{Offered, Pacer};
use crate::event::Event;
use crate::history::Position;
use crate::index::TenantCounters;
use crate::shard::keys::{CohortKey, SubscriberKey};
use crate::shard::metrics::Metrics;
use floodway_protocol::messages::max_rate::MaxRate;

/// Devices of which a pace knows when their last events passed.
const DEVICES: usize = 100_000;

/// An event that a pace holds back.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) event: Arc<Event>,
    pub(crate) position: Position,
    /// Members whose own it is.
    pub(crate) owners: u64,
}

#[derive(Debug)]
pub(crate) struct Paced {
    pacer: Pacer<Waiting>,
    /// The newest event that matched.
    newest: Position,
    /// Events that matched so far.
    matched: u64,
    /// The members in step.
    members: HashMap<SubscriberKey, Member>,
    /// Those that are not: what came before them is still under way.
    newcomers: Vec<Newcomer>,
    /// When its pacer is looked at next.
    due: Option<Instant>,
}

#[derive(Debug)]
struct Member {
    /// When it came in step.
    since: Instant,
    after: Position,
    /// What [`Paced::matched`] was when it came in step, less its events of which was known what became of them; modulo 2^64.
    base: u64,
}

#[derive(Debug)]
struct Newcomer {
    key: SubscriberKey,
    /// Only what is at later positions is its own.
    after: Position,
    /// Its events of which is known what became of them.
    settled: u64,
}

impl Paced {
    pub(super) fn new(rate: MaxRate) -> Self {
        Self {
            pacer: Pacer::new(rate.interval(), DEVICES),
            newest: 0,
            matched: 0,
            members: HashMap::new(),
            newcomers: Vec::new(),
            due: None,
        }
    }

    /// A member comes: events after this position are its own. Of `settled` events of it is known what became of them.
    pub(super) fn enter(&mut self, key: SubscriberKey, after: Position, settled: u64) {
        let is_here = self.members.contains_key(&key) || self.newcomers.iter().any(|newcomer| newcomer.key == key);
        if !is_here {
            self.newcomers.push(Newcomer { key, after, settled });
        }
    }

    /// Whether the event at this position has not been offered yet.
    pub(super) fn is_new(&self, position: Position) -> bool {
        position > self.newest
    }

    /// An event matches the cohort.
    fn offer(&mut self, event: &Arc<Event>, position: Position, now: Instant) -> Offered<Waiting> {
        let arrived = self.newcomers.extract_if(.., |newcomer| newcomer.after < position);
        self.members.extend(arrived.map(|Newcomer { key, after, settled }| {
            let base = self.matched.wrapping_sub(settled);
            (key, Member { since: now, after, base })
        }));
        self.newest = position;
        if self.members.is_empty() {
            return Offered::Held { replaced: None };
        }
        self.matched += 1;
        let owners = self.owners();
        self.pacer
            .offer(event.device(), Waiting { event: Arc::clone(event), position, owners }, now)
    }

    fn owners(&self) -> u64 {
        self.members.len() as u64
    }

    /// How many events wait that are a member's own, and how many of its own newer ones have replaced, if it is known of
    /// `settled` events what else became of them.
    pub(crate) fn share(&self, key: SubscriberKey, settled: u64) -> (u64, u64) {
        let Some(Member { since, after, base }) = self.members.get(&key) else {
            return (0, 0);
        };
        // What is not its own waited when it came, so there is none of it one interval later.
        let strange = self.pacer.waiting_since(*since).filter(|waiting| waiting.position <= *after);
        let waiting = (self.pacer.len() - strange.count()) as u64;
        let matched = self.matched.wrapping_sub(*base);
        (waiting, matched.wrapping_sub(settled).wrapping_sub(waiting))
    }

    /// A member leaves. Returns its own events that wait, in the order of their positions.
    fn leave(&mut self, key: SubscriberKey) -> Vec<(Arc<Event>, Position)> {
        self.newcomers.retain(|newcomer| newcomer.key != key);
        let Some(Member { after, .. }) = self.members.remove(&key) else {
            return Vec::new();
        };
        let waiting = self.pacer.waiting_mut().filter(|waiting| waiting.position > after);
        let mut own: Vec<_> = waiting
            .map(|waiting| {
                waiting.owners -= 1;
                (Arc::clone(&waiting.event), waiting.position)
            })
            .collect();
        own.sort_unstable_by_key(|&(_, position)| position);
        own
    }
}

/// When the paced cohorts of a shard are looked at, and what their paces count.
#[derive(Debug)]
pub(crate) struct Paces {
    metrics: Arc<Metrics>,
    /// When the present turn began.
    now: Instant,
    /// Cohorts in the order in which they are to be looked at.
    due: BTreeSet<(Instant, CohortKey)>,
}

impl Paces {
    pub(super) fn new(metrics: Arc<Metrics>, now: Instant) -> Self {
        Self { metrics, now, due: BTreeSet::new() }
    }

    /// What is due by then is taken from now on.
    pub(super) fn advance(&mut self, now: Instant) {
        self.now = now;
    }

    /// When a cohort is to be looked at.
    pub(super) fn next(&self) -> Option<Instant> {
        self.due.first().map(|&(due, _)| due)
    }

    /// The cohort that is to be looked at now.
    pub(super) fn first_due(&self) -> Option<CohortKey> {
        self.due.first().filter(|(due, _)| *due <= self.now).map(|&(_, cohort)| cohort)
    }

    /// Offers a matching event to a cohort's pace. Returns whether it goes out now. Not inlined: the loop over cohorts without
    /// a pace is to have the registers for itself.
    #[inline(never)]
    pub(super) fn offer(
        &mut self,
        key: CohortKey,
        paced: &mut Paced,
        event: &Arc<Event>,
        position: Position,
        counters: &TenantCounters,
    ) -> bool {
        if !paced.is_new(position) {
            return false;
        }
        let offered = paced.offer(event, position, self.now);
        self.schedule(key, paced);
        let Offered::Held { replaced } = offered else {
            return true;
        };
        let conflated = replaced.map_or(0, |replaced| replaced.owners);
        let events = &self.metrics.events;
        events.matched.add(paced.owners());
        events.held.add(paced.owners());
        events.held.sub(conflated);
        counters.conflated.add(conflated);
        events.conflated.add(conflated);
        false
    }

    /// Takes an event out of a cohort's pace that is due.
    pub(super) fn take_due(&mut self, key: CohortKey, paced: &mut Paced) -> Option<Waiting> {
        let mut due = std::iter::from_fn(|| paced.pacer.take_due(self.now));
        let taken = due.find(|waiting| waiting.owners > 0);
        self.unschedule(key, paced);
        self.schedule(key, paced);
        taken
    }

    /// A member leaves a cohort's pace. Returns its own events that wait, in the order of their positions.
    pub(super) fn leave(
        &mut self,
        key: CohortKey,
        paced: &mut Paced,
        member: SubscriberKey,
    ) -> Vec<(Arc<Event>, Position)> {
        let own = paced.leave(member);
        if paced.members.is_empty() {
            self.unschedule(key, paced);
        }
        own
    }

    /// Has a cohort looked at when its pacer says, if that is earlier than it was.
    fn schedule(&mut self, key: CohortKey, paced: &mut Paced) {
        if let Some(next) = paced.pacer.next_due()
            && paced.due.is_none_or(|due| next < due)
        {
            self.unschedule(key, paced);
            paced.due = Some(next);
            self.due.insert((next, key));
        }
    }

    fn unschedule(&mut self, key: CohortKey, paced: &mut Paced) {
        if let Some(due) = paced.due.take() {
            self.due.remove(&(due, key));
        }
    }
}
