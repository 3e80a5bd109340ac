//! One subscription and its state. It may have several filters, which are granted together or not at all.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hashbrown::HashMap;

use crate::source::{Confirmation, TrackedTenant};
use floodway_core::index::{Index, SourceNumber, Tenant};
use floodway_protocol::names::{self, TenantId};

/// Whose events a subscription is for.
#[derive(Clone, Debug)]
pub(super) enum Subject {
    /// Every tenant's.
    All,
    /// This one's, and not those of a successor of its name.
    Tenant(Arc<Tenant>),
}

impl Subject {
    /// The tenant's name; none for all.
    pub(super) fn name(&self) -> Option<&TenantId> {
        match self {
            Self::All => None,
            Self::Tenant(tenant) => Some(tenant.id()),
        }
    }

    /// Whether its filter holds a name that NATS takes for a wildcard.
    pub(super) fn is_wild(&self) -> bool {
        matches!(self, Self::Tenant(tenant) if names::is_wild(tenant.id().as_str().as_bytes()))
    }
}

/// The entries of the tenants whose events `subject` is for.
pub(super) fn entries_of<'a>(
    entries: &'a mut HashMap<TenantId, Entry>,
    subject: &Subject,
) -> impl Iterator<Item = &'a mut Entry> + use<'a> {
    let (all, one) = match subject {
        Subject::All => (Some(entries.values_mut()), None),
        Subject::Tenant(tenant) => (None, entries.get_mut(tenant.id())),
    };
    all.into_iter().flatten().chain(one)
}

/// Pauses before a subscription is requested again: the first, which doubles, and the longest.
const RETRY: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(30));

#[derive(Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Not requested: unwanted, or there is no link.
    Idle,
    /// To be requested.
    Queued,
    /// In a request under way.
    Requested,
    Confirmed,
    /// Refused; to be requested again from this time on.
    Refused(Instant),
    /// Not answered in time; to be requested again from this time on. An answer may still come.
    Unanswered(Instant),
    /// The broker may close the connection for it: to be probed on another one first.
    Suspect,
    /// Granted, but its tenant has left the index: to be unsubscribed.
    Leaving,
}

#[derive(Debug)]
pub(super) struct Subscription {
    pub(super) state: State,
    /// It is requested by itself until it is granted: it was not answered, perhaps because of another one.
    pub(super) is_single: bool,
    retry: Duration,
    /// Brokers, a bit each, that are known not to close the connection for it.
    harmless: u64,
    /// The broker's session, that of the last link, holds it.
    pub(super) in_session: bool,
}

impl Subscription {
    pub(super) fn new() -> Self {
        Self {
            state: State::Idle,
            is_single: false,
            retry: RETRY.0,
            harmless: 0,
            in_session: false,
        }
    }

    pub(super) fn grant(&mut self) {
        self.state = State::Confirmed;
        self.in_session = true;
        self.is_single = false;
        self.retry = RETRY.0;
    }

    pub(super) fn refuse(&mut self, now: Instant) {
        self.state = State::Refused(now + self.pause());
        self.in_session = false;
    }

    pub(super) fn time_out(&mut self, now: Instant) {
        self.state = State::Unanswered(now + self.pause());
    }

    /// Whether the broker may send its events though it has not confirmed it.
    pub(super) fn is_requested(&self) -> bool {
        match self.state {
            State::Requested | State::Unanswered(_) => true,
            State::Queued => self.is_single,
            _ => false,
        }
    }

    /// Whether `broker` was seen to close the connection for it, and it is not to be requested yet.
    pub(super) fn is_held_off(&self, broker: usize) -> bool {
        matches!(self.state, State::Refused(_)) && !self.is_harmless(broker)
    }

    /// Whether a refusal, or a request that was not answered, is old enough to request it again.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        matches!(self.state, State::Refused(until) | State::Unanswered(until) if until <= now)
    }

    pub(super) fn is_harmless(&self, broker: usize) -> bool {
        self.harmless & bit(broker) != 0
    }

    pub(super) fn set_harmless(&mut self, broker: usize, is_harmless: bool) {
        self.harmless &= !bit(broker);
        self.harmless |= if is_harmless { bit(broker) } else { 0 };
    }

    fn pause(&mut self) -> Duration {
        let pause = self.retry;
        self.retry = (pause * 2).min(RETRY.1);
        pause
    }
}

/// The bit of a broker. Two that share one cost a probe too many, or save one too many.
fn bit(broker: usize) -> u64 {
    1 << (broker % 64)
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) tracked: TrackedTenant,
    pub(super) subscription: Subscription,
    /// Events of it came that the session does not keep while there is no link.
    pub(super) has_unkept: bool,
}

impl Entry {
    pub(super) fn new(tenant: Arc<Tenant>, source: SourceNumber) -> Self {
        Self {
            tracked: TrackedTenant::new(tenant, source),
            subscription: Subscription::new(),
            has_unkept: false,
        }
    }

    pub(super) fn confirm(&mut self) -> Confirmation {
        self.subscription.grant();
        self.tracked.confirmed()
    }

    pub(super) fn subject(&self) -> Subject {
        Subject::Tenant(Arc::clone(self.tracked.tenant()))
    }

    /// Returns its tenant if its live streams do not know it yet.
    pub(super) fn link_lost(&mut self) -> Option<Arc<Tenant>> {
        let was_confirmed = self.subscription.state == State::Confirmed;
        self.subscription.state = State::Idle;
        self.tracked.connection_lost(was_confirmed)
    }

    /// Its state says nothing any more.
    pub(super) fn reset(&mut self) {
        self.subscription.state = State::Idle;
        self.tracked.reset();
    }

    /// Puts a new tenant of the same name in the place of one that has left the index. Returns whether the broker
    /// sends its events already.
    pub(super) fn succeed(&mut self, successor: Arc<Tenant>) -> bool {
        self.tracked = self.tracked.successor(successor);
        let is_granted = matches!(self.subscription.state, State::Confirmed | State::Leaving);
        if !is_granted {
            // A request under way was for the other one.
            self.subscription.state = State::Idle;
        }
        is_granted
    }

    /// Lets the tenant leave the index. False if it must not (yet): its request is under way, it is being unsubscribed, or
    /// somebody came in this moment.
    pub(super) fn leave(&self, index: &Index) -> bool {
        !matches!(self.subscription.state, State::Requested | State::Leaving) && self.tracked.leave(index)
    }
}
