//! How one subscription stands.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::subject::Subject;
use crate::source::{Confirmation, TenantNotices};
use floodway_core::index::{Index, Tenant, Upstream};

/// Pauses before the broker is asked again: the first, which doubles, and the longest.
const RETRY: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(30));

#[derive(Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Not asked for: unwanted, or there is no link.
    Idle,
    /// To be asked for.
    Queued,
    /// In a request under way.
    Asked,
    /// Granted.
    Confirmed,
    /// Refused; to be asked for again from this time on.
    Refused(Instant),
    /// Not answered in time; to be asked for again from this time on. An answer may still come.
    Unanswered(Instant),
    /// The broker may end the connection for it: to be tried on another one first.
    Suspect,
    /// Granted, but its tenant has left the index: to be unsubscribed.
    Leaving,
}

#[derive(Debug)]
pub(super) struct Standing {
    pub(super) state: State,
    /// It is asked for by itself until it is granted: it was not answered, perhaps for another one's sake.
    pub(super) is_alone: bool,
    retry: Duration,
    /// Brokers, a bit each, that are known not to end the connection for it.
    harmless: u64,
}

impl Standing {
    pub(super) fn new() -> Self {
        Self {
            state: State::Idle,
            is_alone: false,
            retry: RETRY.0,
            harmless: 0,
        }
    }

    pub(super) fn grant(&mut self) {
        self.state = State::Confirmed;
        self.is_alone = false;
        self.retry = RETRY.0;
    }

    pub(super) fn refuse(&mut self, now: Instant) {
        self.state = State::Refused(now + self.pause());
    }

    pub(super) fn give_up(&mut self, now: Instant) {
        self.state = State::Unanswered(now + self.pause());
    }

    /// Whether the broker may send its events though it has not said so.
    pub(super) fn is_asked(&self) -> bool {
        match self.state {
            State::Asked | State::Unanswered(_) => true,
            State::Queued => self.is_alone,
            _ => false,
        }
    }

    /// Whether `broker` was seen to end the connection for it, and is not to be asked yet.
    pub(super) fn is_held_off(&self, broker: usize) -> bool {
        matches!(self.state, State::Refused(_)) && !self.is_harmless(broker)
    }

    /// Whether a refusal, or a request that was not answered, is old enough to ask again.
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

/// Brokers that share a bit make each other tried once more, or once less.
fn bit(broker: usize) -> u64 {
    1 << (broker % 64)
}

/// A tenant in the table.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) tenant: Arc<Tenant>,
    pub(super) standing: Standing,
    pub(super) notices: TenantNotices,
    /// Since when nobody has been seen in it.
    empty_since: Option<Instant>,
}

impl Entry {
    pub(super) fn new(tenant: Arc<Tenant>) -> Self {
        Self {
            tenant,
            standing: Standing::new(),
            notices: TenantNotices::default(),
            empty_since: None,
        }
    }

    /// Whether the broker should send its events: somebody is there, or was a moment ago and may come back.
    pub(super) fn is_wanted(&self) -> bool {
        self.notices.owes_gap() || !self.tenant.is_empty()
    }

    pub(super) fn confirm(&mut self) -> Confirmation {
        self.standing.grant();
        self.notices.confirmed(&self.tenant)
    }

    /// The broker refuses it. Returns the tenant if it has subscribers that do not know yet.
    pub(super) fn refuse(&mut self, reason: &str) -> Option<Arc<Tenant>> {
        self.tenant.set_refused(reason);
        let is_news = self.notices.refused(&self.tenant);
        is_news.then(|| Arc::clone(&self.tenant))
    }

    pub(super) fn subject(&self) -> Subject {
        Subject::Tenant(Arc::clone(&self.tenant))
    }

    /// Whether this is `tenant`, and not another one of its name.
    pub(super) fn is(&self, tenant: &Arc<Tenant>) -> bool {
        Arc::ptr_eq(&self.tenant, tenant)
    }

    /// The link is lost.
    pub(super) fn lose(&mut self) {
        let was_confirmed = self.standing.state == State::Confirmed;
        self.notices.connection_lost(was_confirmed);
        self.reset();
    }

    /// How it stood says nothing any more.
    pub(super) fn reset(&mut self) {
        self.standing.state = State::Idle;
        self.tenant.set_upstream(Upstream::Waiting);
    }

    /// Puts a new tenant of the same name in the place of one that has left the index. Returns whether the broker
    /// sends its events already.
    pub(super) fn succeed(&mut self, successor: Arc<Tenant>) -> bool {
        self.tenant = successor;
        self.notices = TenantNotices::default();
        self.empty_since = None;
        let is_granted = matches!(self.standing.state, State::Confirmed | State::Leaving);
        if !is_granted {
            // Whatever is under way was for the other one.
            self.standing.state = State::Idle;
        }
        is_granted
    }

    /// Notes whether anybody is there, and returns true if nobody has been for `linger`.
    pub(super) fn has_lingered(&mut self, now: Instant, linger: Duration) -> bool {
        if !self.tenant.is_empty() {
            self.empty_since = None;
            return false;
        }
        now >= *self.empty_since.get_or_insert(now) + linger
    }

    /// Lets the tenant leave the index. False if it must not (yet): its request is under way, it has left, or
    /// somebody came in this moment.
    pub(super) fn leave(&self, index: &Index) -> bool {
        !matches!(self.standing.state, State::Asked | State::Leaving) && index.retire(&self.tenant)
    }
}
