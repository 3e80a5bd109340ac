//! Which tenants are subscribed at the broker, and which are to be.
//!
//! Knows no socket and no clock: it is told what happened, and asked what to send. Invariants:
//! * A tenant counts as confirmed only once a SUBACK of *this* connection granted its filter. Losing the link takes
//!   every confirmation back; the next one tells those that had one before that events may be missing.
//! * Every tenant of the index is noticed by the next sweep at the latest, whatever became of the request for it.
//! * A tenant leaves the index only after nobody had a place in it for the linger, and is unsubscribed only if it is
//!   gone from there and no successor of its name has come.
//! * One tenant's trouble is its own: `in_flight` gives each request a time of its own, `suspects` finds the one for which
//!   the broker ends the connection, `broker_limits` remembers what it was seen to do. What may end the connection is tried on
//!   another one first, and asked for on this one only if that one outlived it.

mod answers;
mod asking;
mod broker_limits;
mod entry;
mod pending;
mod subject;
mod suspects;
#[cfg(all(test, not(floodway_loom)))]
mod tests;
mod trials;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hashbrown::HashMap;

use super::config::{Config, Subscribe};
use crate::source::{Confirmation, SourceState};
use broker_limits::BrokerLimits;
use entry::{Entry, Standing, State};
use floodway_core::index::{Index, Tenant};
use floodway_protocol::names::TenantId;
use pending::PendingRequests;
use subject::Subject;
pub(super) use suspects::Outcome;
use suspects::Suspects;

/// The subscriptions of one gateway.
#[derive(Debug)]
pub(super) struct Subscriptions {
    mode: Subscribe,
    linger: Duration,
    subscribe_timeout: Duration,
    index: Arc<Index>,
    entries: HashMap<TenantId, Entry>,
    /// The one subscription of the mode `all`.
    everything: Standing,
    /// Why it was refused last, until it is granted.
    everything_refusal: Option<Arc<str>>,
    link_is_up: bool,
    /// The number of the broker that is connected, or was last.
    broker: usize,
    /// What each broker was seen to do, by its number.
    limits_by_broker: HashMap<usize, BrokerLimits>,
    in_flight: PendingRequests,
    suspects: Suspects,
    /// To subscribe and to unsubscribe, oldest first. An entry that has moved on meanwhile is passed over.
    queued: VecDeque<Subject>,
    /// To subscribe each by itself.
    alone: VecDeque<Subject>,
    leaving: VecDeque<TenantId>,
    confirmed: VecDeque<Confirmation>,
    /// Tenants with subscribers that were refused.
    refused: VecDeque<Arc<Tenant>>,
}

impl Subscriptions {
    /// Begins without a link.
    pub(super) fn new(config: &Config, index: Arc<Index>) -> Self {
        Self {
            mode: config.subscribe,
            linger: config.linger,
            subscribe_timeout: config.subscribe_timeout,
            index,
            entries: HashMap::new(),
            everything: Standing::new(),
            everything_refusal: None,
            link_is_up: false,
            broker: 0,
            limits_by_broker: HashMap::new(),
            in_flight: PendingRequests::default(),
            suspects: Suspects::default(),
            queued: VecDeque::new(),
            alone: VecDeque::new(),
            leaving: VecDeque::new(),
            confirmed: VecDeque::new(),
            refused: VecDeque::new(),
        }
    }

    /// A broker lets us in, and knows nothing of us. Nothing is asked of it before [`Subscriptions::link_up`].
    pub(super) fn link_begins(&mut self, broker: usize) {
        if std::mem::replace(&mut self.broker, broker) != broker {
            // Another one has other rules.
            for subject in std::mem::take(&mut self.suspects).accused() {
                if let Some(standing) = self.standing(&subject) {
                    standing.state = State::Idle;
                }
            }
            let is_refused = |entry: &&mut Entry| matches!(entry.standing.state, State::Refused(_));
            let refused = self.entries.values_mut().filter(is_refused);
            refused.for_each(Entry::reset);
        }
        self.broker_limits().link_up();
    }

    /// It may be asked.
    pub(super) fn link_up(&mut self) {
        self.link_is_up = true;
        let wanted: Vec<Subject> = match self.mode {
            Subscribe::All => vec![Subject::All],
            Subscribe::OnDemand => {
                let wanted = self.entries.values().filter(|entry| entry.is_wanted());
                wanted.map(Entry::subject).collect()
            }
        };
        for subject in wanted {
            self.ask_if(subject, |state| *state == State::Idle);
        }
    }

    /// The broker is gone, and with it all that it had granted. Whoever waits for a tenant is told. If the broker `ended`
    /// the link, perhaps for a request, this says how, and those that were under way are suspected.
    pub(super) fn link_lost(&mut self, ended: Option<&str>, now: Instant) {
        self.link_is_up = false;
        // The requests for some may still be on their way.
        self.index
            .tenants()
            .iter()
            .for_each(|tenant| self.notice(tenant));
        self.queued.clear();
        self.alone.clear();
        self.leaving.clear();
        self.confirmed.clear();
        self.refused.clear();
        self.everything.state = State::Idle;
        self.everything_refusal = None;
        let (broker, ends_for_forbidden) = (self.broker, self.broker_limits().ends_for_forbidden);
        self.entries.retain(|_, entry| {
            let stays = entry.standing.state != State::Leaving;
            if !ends_for_forbidden || !entry.standing.is_held_off(broker) {
                entry.lose();
            }
            stays
        });
        let mut under_way = self.in_flight.link_lost();
        if ended.is_none() {
            under_way.clear();
        }
        let limits = self.limits_by_broker.entry(broker).or_default();
        let guilty = self.suspects.link_lost(under_way, limits);
        for subject in self.suspects.accused() {
            if let Some(standing) = self.standing(&subject) {
                standing.state = State::Suspect;
                standing.set_harmless(broker, false);
            }
        }
        if let Some(guilty) = guilty {
            self.found_guilty(&guilty, ended.unwrap_or_default(), now);
        }
    }

    /// Somebody waits for `tenant`.
    pub(super) fn want(&mut self, tenant: &Arc<Tenant>) {
        // A request may be older than the tenant's retirement.
        if self
            .index
            .find(tenant.id().as_str())
            .is_some_and(|found| Arc::ptr_eq(&found, tenant))
        {
            self.notice(tenant);
        }
    }

    /// To be called about once a second: finds tenants that nobody asked for, gives up waiting for answers, asks again,
    /// ends lingering.
    pub(super) fn sweep(&mut self, now: Instant) {
        for tenant in self.index.tenants() {
            self.notice(&tenant);
        }
        self.give_up(now);
        if self.link_is_up {
            let mut due: Vec<Subject> = Vec::new();
            due.extend(self.everything.is_due(now).then_some(Subject::All));
            let entries = self.entries.values();
            due.extend(
                entries
                    .filter(|entry| entry.standing.is_due(now))
                    .map(Entry::subject),
            );
            due.into_iter()
                .for_each(|subject| self.ask_if(subject, |_| true));
        }
        let Self {
            entries,
            index,
            leaving,
            linger,
            mode,
            ..
        } = self;
        entries.retain(|name, entry| {
            if !entry.has_lingered(now, *linger) || !entry.leave(index) {
                return true;
            }
            let is_subscribed =
                *mode == Subscribe::OnDemand && entry.standing.state == State::Confirmed;
            if is_subscribed {
                entry.standing.state = State::Leaving;
            }
            // What was never answered may have been granted as well.
            if is_subscribed || entry.standing.is_asked() {
                leaving.push_back(name.clone());
            }
            is_subscribed
        });
    }

    /// The next tenant that was confirmed, to be told so.
    pub(super) fn next_confirmed(&mut self) -> Option<Confirmation> {
        self.confirmed.pop_front()
    }

    /// The next tenant whose live streams are to be told that the broker refuses it.
    pub(super) fn next_refused(&mut self) -> Option<Arc<Tenant>> {
        self.refused.pop_front()
    }

    /// Whether a stream could begin: what is refused or unanswered counts only where it concerns every tenant.
    pub(super) fn source_state(&self) -> SourceState {
        match &self.everything_refusal {
            Some(reason) => SourceState::Refused(Arc::clone(reason)),
            None if self.in_flight.leaves_all_unanswered() => SourceState::Unanswered,
            None => SourceState::Open,
        }
    }

    /// The tenant, if an event of it comes while it is owed a gap: a broker may send events before its SUBACK (MQTT
    /// 5.0, 3.8.4), and the gap's place is before them. It is not owed any more then.
    pub(super) fn gap_before(&mut self, tenant: &str) -> Option<Arc<Tenant>> {
        let mode = self.mode;
        let is_asked = |entry: &&mut Entry| mode == Subscribe::All || entry.standing.is_asked();
        let entry = self.entries.get_mut(tenant).filter(is_asked)?;
        entry
            .notices
            .gap_before_event()
            .then(|| Arc::clone(&entry.tenant))
    }

    /// Whether the next event may be of a tenant that is owed a gap. Cheap, and nearly always false.
    pub(super) fn may_owe_gaps(&self) -> bool {
        self.in_flight.owes_gap()
    }

    /// Makes sure that `tenant`, which is in the index, is in the table, and asked for if it should be.
    fn notice(&mut self, tenant: &Arc<Tenant>) {
        let entry = self
            .entries
            .entry(tenant.id().clone())
            .or_insert_with(|| Entry::new(Arc::clone(tenant)));
        if !entry.is(tenant) {
            // The name's last tenant has left the index. What the broker granted to it holds for its successor.
            if entry.succeed(Arc::clone(tenant)) {
                self.confirmed.push_back(entry.confirm());
            }
        }
        if !self.link_is_up || entry.standing.state != State::Idle {
            return;
        }
        match (self.mode, &self.everything.state) {
            (Subscribe::All, State::Confirmed) => self.confirmed.push_back(entry.confirm()),
            (Subscribe::All, _) => {
                if let Some(reason) = &self.everything_refusal {
                    tenant.set_refused(reason);
                }
            }
            (Subscribe::OnDemand, _) if entry.is_wanted() => {
                let subject = entry.subject();
                self.ask_if(subject, |_| true);
            }
            _ => {}
        }
    }

    fn owes_gap(&self, subject: &Subject) -> bool {
        match subject {
            Subject::All => self.entries.values().any(|entry| entry.notices.owes_gap()),
            Subject::Tenant(tenant) => self
                .entries
                .get(tenant.id())
                .is_some_and(|entry| entry.notices.owes_gap()),
        }
    }

    /// None if the tenant has left.
    fn standing(&mut self, subject: &Subject) -> Option<&mut Standing> {
        match subject {
            Subject::All => Some(&mut self.everything),
            Subject::Tenant(tenant) => {
                let entry = self.entries.get_mut(tenant.id())?;
                entry.is(tenant).then_some(&mut entry.standing)
            }
        }
    }

    fn broker_limits(&mut self) -> &mut BrokerLimits {
        self.limits_by_broker.entry(self.broker).or_default()
    }
}
