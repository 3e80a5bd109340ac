//! Whose turn it is to send a request: that of the tenants' subscriptions, or that of control.
//!
//! Invariants: each answer goes to the side whose request it answers, and neither side waits for the other's; none starves
//! the other, for they take turns; tenants are subscribed only after the control documents were read, or it is known that
//! they are not to be had, so a stream that begins finds the limits and groups that hold. Streams that outlive a link
//! whose session the broker has kept go on at once, with those of before.

use std::future::pending;
use std::sync::Arc;
use std::time::Instant;

use super::link::Unsent;
use super::request::{Answer, Request};
use super::share::Gate;
use super::subscriptions::Subscriptions;
use crate::control::{Follower, StoreFacts, StoreReady, is_control};
use crate::source::SourceState;
use floodway_core::index::Tenant;

pub(super) struct RequestScheduler<'a> {
    pub(super) subscriptions: &'a mut Subscriptions,
    /// None in a gateway without control, and where another connection has it.
    pub(super) control: Option<&'a mut Follower>,
    gate: &'a Gate,
    is_open: bool,
    control_was_last: bool,
}

impl<'a> RequestScheduler<'a> {
    pub(super) fn new(subscriptions: &'a mut Subscriptions, control: Option<&'a mut Follower>, gate: &'a Gate) -> Self {
        Self { subscriptions, control, gate, is_open: false, control_was_last: false }
    }

    /// A link to this broker, which has a session of ours if it has a backlog. Returns whether that is the one of the last
    /// link.
    pub(super) fn link_up(&mut self, broker: usize, facts: StoreFacts, now: Instant) -> bool {
        if let Some(control) = &mut self.control {
            control.link_up(facts, now);
        }
        self.subscriptions.link_up(broker, facts.has_backlog)
    }

    /// True once on each link: when tenants may be subscribed. They are from then on.
    pub(super) fn open_if_settled(&mut self) -> bool {
        let is_settled = match &self.control {
            Some(control) => control.is_settled(),
            // Those who follow no documents wait until others have read them once.
            None => self.gate.is_open(),
        };
        if self.is_open || !is_settled {
            return false;
        }
        self.gate.open();
        self.is_open = true;
        self.subscriptions.open();
        true
    }

    /// If the broker ended the link, perhaps for a request, this says why, and those under way are suspected. Returns the
    /// tenants whose live streams do not know it yet.
    pub(super) fn link_lost(&mut self, reason: Option<&str>, now: Instant) -> Vec<Arc<Tenant>> {
        self.is_open = false;
        if let Some(control) = &mut self.control {
            control.link_lost();
        }
        self.subscriptions.link_lost(reason, now)
    }

    pub(super) fn source_state(&self) -> SourceState {
        if self.is_open {
            self.subscriptions.source_state()
        } else {
            SourceState::Reading
        }
    }

    /// What to send now, if anything; nothing is published unless something `may_be_published`. It is to be followed by
    /// [`RequestScheduler::sent`] or [`RequestScheduler::unsent`].
    pub(super) fn next_request(&mut self, now: Instant, may_be_published: bool) -> Option<Request> {
        let ready = StoreReady {
            publish: may_be_published,
            subscribe: self.subscriptions.broker_limits().may_request(now),
        };
        let request = if self.control_was_last {
            self.subscriptions.next_request(now).or_else(|| self.control_request(ready, now))
        } else {
            self.control_request(ready, now).or_else(|| self.subscriptions.next_request(now))
        };
        if let Some(request) = &request {
            self.control_was_last = matches!(request, Request::Control(_));
        }
        request
    }

    /// The request that was handed over last was given this packet id.
    pub(super) fn sent(&mut self, id: u16) {
        match &mut self.control {
            Some(control) if self.control_was_last => control.sent(id),
            _ => self.subscriptions.sent(id),
        }
    }

    /// The request that was handed over last was not sent.
    pub(super) fn unsent(&mut self, reason: &Unsent, now: Instant) {
        let reason = reason.to_string();
        match &mut self.control {
            Some(control) if self.control_was_last => {
                // No request has this id: it counts as answered, with the reason.
                control.sent(0);
                control.answered(0, Err(reason), now);
            }
            _ => self.subscriptions.unsent(&reason, now),
        }
    }

    pub(super) fn answered(&mut self, id: u16, mut answers: Vec<Answer>, now: Instant) {
        if self.subscriptions.answered(id, &answers, now) {
            return;
        }
        if let Some(control) = &mut self.control {
            let none = || Err("the broker gave no answer".to_owned());
            control.answered(id, answers.pop().unwrap_or_else(none), now);
        }
    }

    /// To be called about once a second.
    pub(super) fn sweep(&mut self, now: Instant) {
        self.subscriptions.sweep(now);
        if let Some(control) = &mut self.control {
            control.sweep(now);
        }
    }

    /// See [`Follower::take_order`]; never ready without control.
    pub(super) async fn take_order(&mut self) {
        match &mut self.control {
            Some(control) => control.take_order().await,
            None => pending().await,
        }
    }

    /// A message has come. Returns whether it was one of control.
    pub(super) fn message(&mut self, topic: &[u8], payload: &[u8], retain: bool) -> bool {
        match &mut self.control {
            // Asked first, since nearly all are events, and the clock costs something.
            Some(control) if is_control(topic) => control.message(topic, payload, retain, Instant::now()),
            _ => false,
        }
    }

    fn control_request(&mut self, ready: StoreReady, now: Instant) -> Option<Request> {
        let request = Request::Control(self.control.as_mut()?.next_request(ready, now)?);
        if request.is_of_subscriptions() {
            self.subscriptions.broker_limits().count_request(now);
        }
        Some(request)
    }
}

#[cfg(all(test, not(floodway_loom)))]
mod tests;
