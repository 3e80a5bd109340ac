//! Whose turn it is to send a request: that of the tenants' subscriptions, or that of control.
//!
//! Invariants: of both together one request is under way at a time (`subscriptions` tells why); none starves the other,
//! for they take turns; tenants are subscribed only after the control documents were read, so a stream that begins finds
//! the limits and groups that hold.

use std::time::{Duration, Instant};

use super::link::Unsent;
use super::state::LinkState;
use super::subscriptions::{Answer, Request, Subscriptions};
use crate::control::{Facts, Follower, Order, is_control};
use crate::index::Tenant;

/// Both sides of one link.
pub(super) struct Exchange<'a> {
    pub(super) subscriptions: &'a mut Subscriptions,
    /// None in a gateway without control.
    pub(super) control: Option<&'a mut Follower>,
    is_open: bool,
    control_was_last: bool,
}

impl<'a> Exchange<'a> {
    pub(super) fn new(
        subscriptions: &'a mut Subscriptions,
        control: Option<&'a mut Follower>,
    ) -> Self {
        Self {
            subscriptions,
            control,
            is_open: false,
            control_was_last: false,
        }
    }

    pub(super) fn link_up(&mut self, facts: Facts, now: Instant) {
        if let Some(control) = &mut self.control {
            control.link_up(facts, now);
        }
    }

    /// True once on each link: when tenants may be subscribed. They are from then on.
    pub(super) fn opens(&mut self) -> bool {
        let is_settled = self
            .control
            .as_ref()
            .is_none_or(|control| control.is_settled());
        if self.is_open || !is_settled {
            return false;
        }
        self.is_open = true;
        self.subscriptions.link_up();
        true
    }

    pub(super) fn link_lost(&mut self) {
        self.is_open = false;
        self.subscriptions.link_lost();
        if let Some(control) = &mut self.control {
            control.link_lost();
        }
    }

    /// How the link stands for those who want to begin a stream.
    pub(super) fn link_state(&self, now: Instant) -> LinkState {
        if self.is_open {
            self.subscriptions.link_state(now)
        } else {
            LinkState::Reading
        }
    }

    /// What to send now, if anything; nothing of control unless something `may_be_published`.
    pub(super) fn next_request(&mut self, now: Instant, may_be_published: bool) -> Option<Request> {
        if self.subscriptions.is_waiting() || self.control_is_waiting() {
            return None;
        }
        let request = if !may_be_published {
            self.of_tenants(now)
        } else if self.control_was_last {
            self.of_tenants(now).or_else(|| self.of_control(now))
        } else {
            self.of_control(now).or_else(|| self.of_tenants(now))
        };
        if let Some(request) = &request {
            self.control_was_last = matches!(request, Request::Control(_));
        }
        request
    }

    /// The request under way was given this packet id.
    pub(super) fn sent(&mut self, id: u16) {
        match self.waiting_control() {
            Some(control) => control.sent(id),
            None => self.subscriptions.sent(id),
        }
    }

    /// The request under way was not sent: it counts as answered, with the reason.
    pub(super) fn unsent(&mut self, reason: &Unsent, now: Instant) {
        // No request has this id.
        self.sent(0);
        self.answered(0, vec![Err(reason.to_string())], now);
    }

    /// The request under way was answered.
    pub(super) fn answered(&mut self, id: u16, mut answers: Vec<Answer>, now: Instant) {
        match self.waiting_control() {
            Some(control) => {
                let none = || Err("the broker gave no answer".to_owned());
                control.answered(id, answers.pop().unwrap_or_else(none), now);
            }
            None => self.subscriptions.answered(id, &answers, now),
        }
    }

    /// To be called about once a second. Returns whether the broker has left a request unanswered for too long.
    pub(super) fn sweep(&mut self, now: Instant, patience: Duration) -> bool {
        self.subscriptions.sweep(now);
        let mut is_overdue = self.subscriptions.is_overdue(now);
        if let Some(control) = &mut self.control {
            control.sweep(now);
            is_overdue |= control.is_overdue(now, patience);
        }
        is_overdue
    }

    /// Whether another order may be taken.
    pub(super) fn takes_orders(&self) -> bool {
        self.control
            .as_ref()
            .is_some_and(|control| !control.is_full())
    }

    pub(super) fn order(&mut self, order: Order) {
        if let Some(control) = &mut self.control {
            control.order(order);
        }
    }

    /// A message has come. Returns whether it was one of control.
    pub(super) fn message(&mut self, topic: &[u8], payload: &[u8], retain: bool) -> bool {
        match &mut self.control {
            // Asked first, since nearly all are events, and the clock costs something.
            Some(control) if is_control(topic) => {
                control.message(topic, payload, retain, Instant::now())
            }
            _ => false,
        }
    }

    /// Before `tenant` is told that its events come.
    pub(super) fn furnish(&self, tenant: &Tenant) {
        if let Some(control) = &self.control {
            control.furnish(tenant);
        }
    }

    /// Where our status is to be taken back, if it was published.
    pub(super) fn farewell(&self) -> Option<String> {
        self.control.as_ref()?.farewell()
    }

    fn of_control(&mut self, now: Instant) -> Option<Request> {
        let control = self.control.as_mut()?;
        control.next_request(now).map(Request::Control)
    }

    fn of_tenants(&mut self, now: Instant) -> Option<Request> {
        self.subscriptions.next_request(now)
    }

    fn control_is_waiting(&self) -> bool {
        self.control
            .as_ref()
            .is_some_and(|control| control.is_waiting())
    }

    fn waiting_control(&mut self) -> Option<&mut Follower> {
        let control = self.control.as_deref_mut()?;
        control.is_waiting().then_some(control)
    }
}
