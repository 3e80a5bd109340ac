//! Which tenants are subscribed at the broker, and which are to be.
//!
//! Knows no socket and no clock: its caller reports what happened, and asks what to send. Invariants:
//! * A tenant counts as confirmed only once a SUBACK of *this* connection granted all its filters, or one of an earlier
//!   connection whose session the broker has kept. Losing the link takes every confirmation back; the next one says which
//!   tenants had one before, so that they get a gap.
//! * The next sweep at the latest tracks every tenant of the index that is ours, whatever became of the request for it.
//! * A tenant leaves the index only after nobody held a permit of it for the linger. It is unsubscribed only if it has left
//!   and no successor of its name has come.
//! * One tenant's trouble is its own: `pending` gives each request a time of its own, `bisection` finds the filter for which
//!   the broker ends the connection, `broker_limits` remembers what each broker was seen to do. What may end the connection
//!   is probed on another one first, and requested on this one only if that one survived.

mod answers;
mod bisection;
mod broker_limits;
mod entry;
mod filters;
mod pending;
mod requests;
mod session;
#[cfg(all(test, not(floodway_loom)))]
mod tests;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hashbrown::HashMap;

use super::config::{Config, Subscribe};
use super::share::Share;
use crate::router::Topics;
use crate::source::{Confirmation, SourceState};
use bisection::Bisection;
pub(super) use bisection::ProbeOutcome;
use broker_limits::BrokerLimits;
use entry::{Entry, State, Subject, Subscription};
use filters::Filters;
use floodway_core::index::{Answer, Index, SourceNumber, Tenant};
use floodway_protocol::names::TenantId;
use pending::PendingRequests;
use session::Session;

/// Why a tenant is refused that there is nothing to ask for.
const NO_TOPIC: &str = "no template of mqtt.topics has {tenant}, and mqtt.tenant is another one";

#[derive(Debug)]
pub(super) struct Subscriptions {
    mode: Subscribe,
    /// The tenants of this connection; those of others are nothing to it.
    share: Share,
    linger: Duration,
    subscribe_timeout: Duration,
    filters: Filters,
    index: Arc<Index>,
    source: SourceNumber,
    entries: HashMap<TenantId, Entry>,
    /// The one subscription of the mode `all`.
    all_tenants: Subscription,
    /// Why it was refused last, until it is granted.
    all_refusal: Option<Arc<str>>,
    is_open: bool,
    /// Whether this broker takes names that NATS takes for wildcards. Tenants with such names are not asked for otherwise, and
    /// no stream of theirs begins.
    pub(super) takes_wild_names: bool,
    session: Session,
    /// The number of the broker that is connected, or was last.
    broker: usize,
    /// What each broker was seen to do, by its number.
    limits_by_broker: HashMap<usize, BrokerLimits>,
    in_flight: PendingRequests,
    bisection: Bisection,
    /// To subscribe, oldest first. A subject whose state has changed meanwhile is passed over.
    queued: VecDeque<Subject>,
    /// To subscribe each by itself.
    singles: VecDeque<Subject>,
    leaving: VecDeque<TenantId>,
    /// Filters to unsubscribe, before anything is subscribed.
    unsubscribing: VecDeque<String>,
    /// To be passed on, oldest first.
    pub(super) confirmed: VecDeque<Confirmation>,
    /// Tenants that were refused, and whose live streams do not know it yet.
    pub(super) refused: VecDeque<Arc<Tenant>>,
}

impl Subscriptions {
    /// Begins without a link.
    pub(super) fn new(config: &Config, share: Share, topics: Arc<Topics>, index: Arc<Index>) -> Self {
        Self {
            mode: config.subscribe,
            share,
            linger: config.linger.max(config.keep),
            subscribe_timeout: config.subscribe_timeout,
            filters: Filters::new(topics),
            index,
            source: config.source,
            entries: HashMap::new(),
            all_tenants: Subscription::new(),
            all_refusal: None,
            is_open: false,
            takes_wild_names: true,
            session: Session::new(config),
            broker: 0,
            limits_by_broker: HashMap::new(),
            in_flight: PendingRequests::default(),
            bisection: Bisection::default(),
            queued: VecDeque::new(),
            singles: VecDeque::new(),
            leaving: VecDeque::new(),
            unsubscribing: VecDeque::new(),
            confirmed: VecDeque::new(),
            refused: VecDeque::new(),
        }
    }

    /// A broker is connected. If it has a session of ours, which is the one of the last link, what was granted in that
    /// session holds, and true is returned. Nothing is requested before [`Subscriptions::open`].
    pub(super) fn link_up(&mut self, broker: usize, session_present: bool) -> bool {
        let is_same = std::mem::replace(&mut self.broker, broker) == broker;
        if !is_same {
            // Another one has other rules.
            for subject in std::mem::take(&mut self.bisection).suspected() {
                if let Some(subscription) = self.subscription(&subject) {
                    subscription.state = State::Idle;
                }
            }
            let is_refused = |entry: &&mut Entry| matches!(entry.subscription.state, State::Refused(_));
            self.entries.values_mut().filter(is_refused).for_each(Entry::reset);
        }
        self.broker_limits().link_up();
        self.begin_session(session_present, is_same);
        self.session.is_present && is_same
    }

    /// Subscriptions may be requested from now on.
    pub(super) fn open(&mut self) {
        self.is_open = true;
        let wanted: Vec<Subject> = match self.mode {
            Subscribe::All => vec![Subject::All],
            Subscribe::OnDemand => {
                let wanted = self.entries.values().filter(|entry| entry.tracked.is_wanted());
                wanted.map(Entry::subject).collect()
            }
        };
        for subject in wanted {
            self.enqueue_if(subject, |state| *state == State::Idle);
        }
    }

    /// The link is gone, and with it all that the broker had granted: every tenant waits again. If the broker ended it,
    /// perhaps for a request, `reason` says why, and the filters under way are suspected. Returns the tenants whose live
    /// streams do not know it yet.
    pub(super) fn link_lost(&mut self, reason: Option<&str>, now: Instant) -> Vec<Arc<Tenant>> {
        self.is_open = false;
        // Those that somebody wants, but whose request was not seen yet.
        self.index.tenants().iter().for_each(|tenant| self.track(tenant));
        self.queued.clear();
        self.singles.clear();
        self.leaving.clear();
        self.unsubscribing.clear();
        self.confirmed.clear();
        self.refused.clear();
        self.all_tenants.state = State::Idle;
        self.all_refusal = None;
        let (broker, ends_for_forbidden) = (self.broker, self.broker_limits().ends_for_forbidden);
        let mut lost = Vec::new();
        self.entries.retain(|_, entry| {
            let stays = entry.subscription.state != State::Leaving;
            if !ends_for_forbidden || !entry.subscription.is_held_off(broker) {
                lost.extend(entry.link_lost());
            }
            stays
        });
        let mut under_way = self.in_flight.link_lost();
        if reason.is_none() {
            under_way.clear();
        }
        let limits = self.limits_by_broker.entry(broker).or_default();
        let fatal = self.bisection.link_lost(under_way, limits);
        for subject in self.bisection.suspected() {
            if let Some(subscription) = self.subscription(&subject) {
                subscription.state = State::Suspect;
                subscription.set_harmless(broker, false);
            }
        }
        if let Some(fatal) = fatal {
            self.found_fatal(&fatal, reason.unwrap_or_default(), now);
        }
        lost
    }

    /// Somebody waits for `tenant`.
    pub(super) fn want(&mut self, tenant: &Arc<Tenant>) {
        // A request may be older than the tenant's retirement.
        if self.index.find(tenant.id().as_str()).is_some_and(|found| Arc::ptr_eq(&found, tenant)) {
            self.track(tenant);
        }
    }

    /// To be called about once a second: finds tenants that nobody reported, stops waiting for late answers, requests again
    /// what is due, and ends lingering.
    pub(super) fn sweep(&mut self, now: Instant) {
        for tenant in self.index.tenants() {
            self.track(&tenant);
        }
        self.session.strays.clear();
        self.expire_requests(now);
        if self.is_open {
            let mut due: Vec<Subject> = Vec::new();
            due.extend(self.all_tenants.is_due(now).then_some(Subject::All));
            let entries = self.entries.values();
            due.extend(entries.filter(|entry| entry.subscription.is_due(now)).map(Entry::subject));
            due.into_iter().for_each(|subject| self.enqueue_if(subject, |_| true));
        }
        let Self { entries, index, leaving, linger, mode, .. } = self;
        entries.retain(|name, entry| {
            // Where every tenant's events come anyway, it stays for its last values.
            let is_needed = *mode == Subscribe::All && !entry.tracked.tenant().is_forgotten();
            if is_needed || !entry.tracked.has_lingered(now, *linger) || !entry.leave(index) {
                return true;
            }
            let is_subscribed = *mode == Subscribe::OnDemand && entry.subscription.state == State::Confirmed;
            if is_subscribed {
                entry.subscription.state = State::Leaving;
            }
            // What was never answered may have been granted as well.
            if is_subscribed || entry.subscription.is_requested() {
                leaving.push_back(name.clone());
            }
            is_subscribed
        });
    }

    /// Whether a stream could begin: what is refused or unanswered counts only where it concerns every tenant.
    pub(super) fn source_state(&self) -> SourceState {
        match &self.all_refusal {
            Some(reason) => SourceState::Refused(Arc::clone(reason)),
            None if self.in_flight.leaves_all_unanswered() => SourceState::Unanswered,
            None => SourceState::Open,
        }
    }

    /// Makes sure that `tenant`, which is in the index, has an entry if it is ours, and is requested if it should be.
    fn track(&mut self, tenant: &Arc<Tenant>) {
        if !self.share.has(tenant.id()) {
            tenant.set_answer(self.source, Answer::Passed);
            return;
        }
        let entry = self
            .entries
            .entry(tenant.id().clone())
            .or_insert_with(|| Entry::new(Arc::clone(tenant), self.source));
        if !entry.tracked.is(tenant) {
            // The name's last tenant has left the index. What the broker granted to it holds for its successor.
            if entry.succeed(Arc::clone(tenant)) {
                self.confirmed.push_back(entry.confirm());
            }
        }
        if !self.is_open || entry.subscription.state != State::Idle {
            return;
        }
        match (self.mode, &self.all_tenants.state) {
            (Subscribe::All, State::Confirmed) => self.confirmed.push_back(entry.confirm()),
            (Subscribe::All, _) => {
                if let Some(reason) = &self.all_refusal {
                    tenant.set_refused(self.source, reason);
                }
            }
            (Subscribe::OnDemand, _) if !self.filters.has(tenant.id()) => {
                if tenant.refusal().is_none() {
                    tracing::warn!(tenant = %tenant.id(), reason = NO_TOPIC, "tenant refused");
                }
                tenant.set_refused(self.source, NO_TOPIC);
            }
            (Subscribe::OnDemand, _) if entry.tracked.is_wanted() => {
                let subject = entry.subject();
                self.enqueue_if(subject, |_| true);
            }
            _ => {}
        }
    }

    /// None if the tenant has left.
    fn subscription(&mut self, subject: &Subject) -> Option<&mut Subscription> {
        match subject {
            Subject::All => Some(&mut self.all_tenants),
            Subject::Tenant(tenant) => {
                let entry = self.entries.get_mut(tenant.id())?;
                entry.tracked.is(tenant).then_some(&mut entry.subscription)
            }
        }
    }

    /// What the broker was seen to do.
    pub(super) fn broker_limits(&mut self) -> &mut BrokerLimits {
        self.limits_by_broker.entry(self.broker).or_default()
    }
}
