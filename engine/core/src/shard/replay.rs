//! How a stream begins with what was before, and how one that is behind reads on from its tenant's history.
//!
//! What it needs is prepared little by little, so that a stream that missed ten thousand events delays nobody's live ones.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use hashbrown::HashSet;

use super::backlog::Backlog;
use super::filter::Filter;
use super::keys::SubscriberKey;
use super::options::Resume;
use super::outgoing::{Addressed, Outgoing, SubscriptionKey};
use super::registry::{Live, Subscriber};
use super::ring::{BacklogRest, SnapshotRest, Span};
use super::session::NAMES_A_MESSAGE;
use super::state::State;
use crate::event::Event;
use crate::history::{Entry, Located, Position};
use crate::index::Tenant;
use floodway_protocol::EventId;
use floodway_protocol::messages::notice::Gap;

/// Entries of history that are looked at for one subscriber in one turn: some 20 ns each, more where metrics are named.
const FILLED_A_TURN: u64 = 1024;

/// Where a stream begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Beginning {
    /// Behind this position.
    pub(super) behind: Position,
    /// What was before is not kept any more, or was never known: the gap that says so.
    pub(super) gap: Option<Gap>,
    /// Behind this id, if what follows first is a backlog.
    pub(super) after: Option<EventId>,
    /// History has moved past the end of the backlog: the gap between them.
    pub(super) gap_behind_backlog: Option<Gap>,
}

impl Beginning {
    fn behind(behind: Position, gap: Option<Gap>) -> Self {
        Self { behind, gap, after: None, gap_behind_backlog: None }
    }
}

impl State {
    /// Where a stream of `tenant` begins that comes now, and is pushed what is behind `newest`.
    pub(super) fn beginning(
        &self,
        tenant: &Tenant,
        filter: &Filter,
        (resume, backlog): (Resume, Option<&Backlog>),
        newest: Position,
    ) -> Beginning {
        let wants_everything = filter.wants_all_devices() && filter.metrics().is_none();
        let id = match resume {
            Resume::FromNow => return Beginning::behind(newest, None),
            Resume::After(id) => Some(backlog.map_or(id, |backlog| backlog.until)),
            Resume::AfterUnknown => None,
        };
        // Which of those that are gone a filter had wanted, nobody knows.
        let replay = |missed: Option<u64>| Gap::Replay(missed.filter(|_| wants_everything));
        let (located, resumes) =
            (tenant.history().locate(id, self.delivery.clock.now()), &self.delivery.metrics.resumes);
        let (behind, gap) = match located {
            // The entry there may be evicted at any moment: its id is the one that the client has named.
            Located::Behind(behind) if backlog.is_none() => {
                resumes.complete.add(1);
                return Beginning { after: id, ..Beginning::behind(behind, None) };
            }
            Located::Behind(behind) => (behind, None),
            Located::Lost(behind, missed) => (behind, Some(replay(missed))),
        };
        let lost = backlog.and_then(|backlog| backlog.lost);
        let result = if gap.is_none() && lost.is_none() {
            &resumes.complete
        } else {
            &resumes.incomplete
        };
        result.add(1);
        match backlog {
            None => Beginning::behind(behind, gap),
            Some(backlog) => Beginning {
                behind,
                gap: lost.map(replay),
                after: Some(backlog.after),
                gap_behind_backlog: gap,
            },
        }
    }

    /// Sends a stream that begins what was before: what its pace held back, what it missed, and the snapshot.
    pub(super) fn send_earlier(
        &mut self,
        key: SubscriberKey,
        beginning: Beginning,
        (resume, backlog): (Resume, Option<Backlog>),
        has_snapshot: bool,
    ) {
        let Some(tenant) = self.registry.get(key).and_then(Subscriber::live).map(|live| live.position.cohort.tenant)
        else {
            // The peer was gone before its greeting.
            return;
        };
        if let Some(rate) = self.registry[key].info.options.max_rate
            && resume != Resume::FromNow
            && beginning.gap.is_none()
        {
            self.repeat_held_back(key, beginning.behind, rate.interval());
        }
        if beginning.behind < self.matcher.tenant(tenant).newest || backlog.is_some() {
            self.read_on(key, beginning.behind);
        }
        if has_snapshot && self.is_live(key) {
            self.send_snapshot(key, None);
        }
        if let Some(backlog) = backlog {
            self.send_backlog(key, backlog, beginning);
        }
    }

    /// Sends a subscriber, before what it reads on from history, what the source has given back.
    fn send_backlog(&mut self, key: SubscriberKey, backlog: Backlog, beginning: Beginning) {
        let Some(Live { permit, position, .. }) = self.registry.get(key).and_then(Subscriber::live) else {
            return;
        };
        let (groups, wanted) = (permit.tenant().groups(), Rc::clone(&self.matcher.cohort(position.cohort).key));
        let (selection, metrics) = (wanted.filter.selection(), wanted.filter.metrics());
        let is_wanted = |event: &&Arc<Event>| selection.wants(event.device(), &groups) && event.matches(metrics);
        let events: Vec<Arc<Event>> = backlog.events().iter().filter(is_wanted).cloned().collect();
        self.delivery.count_unread(events.len() as u64);
        let rest = BacklogRest::new(events, backlog.given, Rc::clone(&wanted), beginning.behind);
        let subscriber = &mut self.registry[key];
        let ring = subscriber.ring_from(self.delivery.clock.tenths(), &self.delivery.metrics);
        ring.push_backlog(rest, beginning.gap_behind_backlog);
    }

    /// Sends a subscriber the last event of each device that it wants, but of those that `except` wants, as of what was
    /// matched; then what follows.
    pub(super) fn send_snapshot(&mut self, key: SubscriberKey, except: Option<Rc<SubscriptionKey>>) {
        // It is behind from now on, and so out of its pace.
        if !self.registry[key].is_behind()
            && let Err(end) = self.delivery.settle_pace(&mut self.registry, &mut self.matcher, key)
        {
            return self.end(key, &end);
        }
        let Some(Live { permit, position, .. }) = self.registry[key].live() else {
            return;
        };
        let (cohort, tenant) = (position.cohort, Arc::clone(permit.tenant()));
        let (events, at) = self.matcher.snapshot(cohort.tenant, self.delivery.clock.now());
        let wanted = Rc::clone(&self.matcher.cohort(cohort).key);
        let subscriber = &mut self.registry[key];
        if except.is_some() {
            // Its client may ask for as many as it likes: a list is work as a filter of as many names is.
            subscriber.count_messages(events.len() / NAMES_A_MESSAGE);
        }
        let rest = SnapshotRest { events, next: 0, key: wanted, except, tenant };
        let is_behind = subscriber.is_behind();
        let ring = subscriber.ring_from(self.delivery.clock.tenths(), &self.delivery.metrics);
        ring.push_snapshot(rest);
        if !is_behind {
            // What is newer than the snapshot is its own, also if it was published before the stream began.
            self.registry[key].after = at;
            self.read_on(key, at);
        }
    }

    /// A paced stream that was cut may have been owed what its pace held back: with an id before the one that its client
    /// read last. So of each device of which nothing follows, the newest event of the last interval is sent again, but for
    /// that one: rather twice than never.
    fn repeat_held_back(&mut self, key: SubscriberKey, behind: Position, interval: Duration) {
        let Some(Live { permit, position, .. }) = self.registry[key].live() else {
            return;
        };
        let (tenant, subscription) =
            (Arc::clone(permit.tenant()), Rc::clone(&self.matcher.cohort(position.cohort).key));
        let held_back = held_back(&tenant, &subscription, behind, interval);
        if held_back.is_empty() {
            return;
        }
        let subscriber = &mut self.registry[key];
        let ring = subscriber.ring_from(self.delivery.clock.tenths(), &self.delivery.metrics);
        for (position, event) in held_back.iter().rev() {
            let outgoing = Rc::new(Outgoing::of_event(Arc::clone(event), *position));
            ring.push_first(Addressed { outgoing, key: Rc::clone(&subscription) }, &self.delivery.pinned);
        }
        self.delivery.count_unread(held_back.len() as u64);
        self.registry.revisit(key);
    }

    /// Lets a subscriber read on from history, behind this position.
    pub(super) fn read_on(&mut self, key: SubscriberKey, behind: Position) {
        let subscriber = &mut self.registry[key];
        let Some(cohort) = subscriber.live().map(|live| live.position.cohort) else {
            return;
        };
        let tenant = self.matcher.tenant(cohort.tenant);
        let (matches, live_from) = (tenant.matches(cohort.cohort), tenant.newest + 1);
        let ring = subscriber.ring_from(self.delivery.clock.tenths(), &self.delivery.metrics);
        ring.push_span(Span::new(matches, behind + 1, live_from));
        self.prepare(key);
        self.registry.revisit(key);
    }

    /// Prepares what a subscriber reads from history. Once is not enough for a long part: it is visited again then.
    pub(super) fn prepare(&mut self, key: SubscriberKey) {
        let subscriber = &mut self.registry[key];
        // What a leaving one has in its ring is prepared, or was given up.
        let Some(tenant) = subscriber.live().map(|live| live.position.cohort.tenant) else {
            return;
        };
        let Some(ring) = &mut subscriber.ring else {
            return;
        };
        let newest = self.matcher.tenant(tenant).newest;
        let prepared = ring.prepare(FILLED_A_TURN, newest);
        self.delivery.count_unread(prepared.matched);
        if prepared.has_more {
            self.registry.revisit(key);
        }
    }
}

/// What a pace may have held back from who has read up to `behind`, the newest first.
fn held_back(
    tenant: &Tenant,
    key: &SubscriptionKey,
    behind: Position,
    interval: Duration,
) -> Vec<(Position, Arc<Event>)> {
    let (view, groups, selection) = (tenant.history().view(), tenant.groups(), key.filter.selection());
    let Some(read_last) = view.get(behind) else {
        return Vec::new();
    };
    let wanted = |entry: &Entry| {
        let event = entry.event().filter(|event| selection.wants(event.device(), &groups))?;
        event.matches(key.filter.metrics()).then(|| Arc::clone(event))
    };
    let followed = view.entries(behind).filter_map(|(_, entry)| wanted(entry));
    let mut seen: HashSet<Box<str>> = followed.map(|event| event.device().into()).collect();
    let before = (view.floor() + 1..behind).rev().map_while(|at| Some((at, view.get(at)?)));
    let lately = before.take_while(|(_, entry)| read_last.received().duration_since(entry.received()) < interval);
    let events = lately.filter_map(|(at, entry)| Some((at, wanted(entry)?)));
    events.filter(|(_, event)| seen.insert(event.device().into())).collect()
}

#[cfg(all(test, not(floodway_loom)))]
mod tests;
