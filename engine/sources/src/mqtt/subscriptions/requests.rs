//! Which subscription request is sent next, and when.

use std::time::Instant;

use super::Subscriptions;
use super::broker_limits::BATCH_FILTERS;
use super::entry::{State, Subject, entries_of};
use super::pending::Sending;
use crate::mqtt::request::Request;

/// Bytes of the filters of one SUBSCRIBE at most, well below any broker's limit on packets.
const BATCH_BYTES: usize = 8 * 1024;

impl Subscriptions {
    /// The request to send now, if any. It counts as under way from then on.
    pub(in crate::mqtt) fn next_request(&mut self, now: Instant) -> Option<Request> {
        if !self.is_open || self.in_flight.is_full(now) || !self.broker_limits().may_request(now) {
            return None;
        }
        let request = self
            .unsubscribe_next(now)
            .or_else(|| self.next_batch(now))
            .or_else(|| self.next_retry(now))
            .or_else(|| self.next_unsubscribe(now))
            .or_else(|| self.next_isolated(now))?;
        self.broker_limits().count_request(now);
        Some(request)
    }

    /// The request that was handed over last was given this packet id.
    pub(in crate::mqtt) fn sent(&mut self, id: u16) {
        self.in_flight.sent(id);
    }

    /// The request that was handed over last can't be sent.
    pub(in crate::mqtt) fn unsent(&mut self, reason: &str, now: Instant) {
        let subjects = self.in_flight.unsent();
        self.on_link_done(&subjects);
        let size = subjects.len();
        if size > 1 {
            self.broker_limits().shrink(size.div_ceil(2));
        } else {
            tracing::warn!(reason, "a subscription can't be asked for");
        }
        for subject in subjects {
            if size > 1 {
                self.enqueue_if(subject, |_| true);
            } else if let Some(subscription) = self.subscription(&subject) {
                subscription.time_out(now);
            }
        }
    }

    /// Enqueues `subject` for a request, if there are filters for it and its state `is_to_be`. Where it may cost the link it is
    /// probed first.
    pub(super) fn enqueue_if(&mut self, subject: Subject, is_to_be: impl Fn(&State) -> bool) {
        if subject.name().is_some_and(|tenant| !self.filters.has(tenant)) {
            return;
        }
        let (broker, ends_for_forbidden) = (self.broker, self.broker_limits().ends_for_forbidden);
        if !self.takes_wild_names && subject.is_wild() {
            return;
        }
        let Some(subscription) = self.subscription(&subject).filter(|subscription| is_to_be(&subscription.state))
        else {
            return;
        };
        if !ends_for_forbidden || subscription.is_harmless(broker) {
            subscription.state = State::Queued;
            let queue = if subscription.is_single { &mut self.singles } else { &mut self.queued };
            queue.push_back(subject);
        } else if matches!(std::mem::replace(&mut subscription.state, State::Suspect), State::Refused(_)) {
            self.bisection.known_fatal.push_back(subject);
        } else {
            self.bisection.unproven.push(subject);
        }
    }

    /// How many subjects the broker is asked for in one request.
    pub(super) fn batch(&mut self) -> usize {
        let most = BATCH_FILTERS / self.filters.most();
        self.broker_limits().batch.min(most)
    }

    fn next_batch(&mut self, now: Instant) -> Option<Request> {
        let most = self.batch();
        let (mut subjects, mut bytes) = (Vec::new(), 0);
        while subjects.len() < most
            && bytes < BATCH_BYTES
            && let Some(subject) = self.queued.pop_front()
        {
            let subscription = self.subscription(&subject);
            if let Some(subscription) = subscription.filter(|subscription| subscription.state == State::Queued) {
                subscription.state = State::Requested;
                bytes += self.filters.of(&subject).iter().map(String::len).sum::<usize>();
                subjects.push(subject);
            }
        }
        (!subjects.is_empty()).then(|| self.subscribe(subjects, Sending::Batched, now))
    }

    /// The next subject that was not answered before, by itself.
    fn next_retry(&mut self, now: Instant) -> Option<Request> {
        while self.in_flight.has_room_to_retry() {
            let subject = self.singles.pop_front()?;
            let subscription = self.subscription(&subject);
            if subscription.is_some_and(|subscription| subscription.state == State::Queued) {
                return Some(self.subscribe(vec![subject], Sending::Retry, now));
            }
        }
        None
    }

    /// The filters to probe on the link itself, once nothing else is under way.
    fn next_isolated(&mut self, now: Instant) -> Option<Request> {
        if !self.in_flight.is_quiet() {
            return None;
        }
        let mut subjects = self.bisection.next_on_link()?;
        subjects.retain(|subject| {
            let subscription = self.subscription(subject);
            subscription.is_some_and(|subscription| subscription.state == State::Suspect)
        });
        if subjects.is_empty() {
            self.bisection.passed_on_link(None);
            return None;
        }
        Some(self.subscribe(subjects, Sending::Isolated, now))
    }

    fn subscribe(&mut self, subjects: Vec<Subject>, sending: Sending, now: Instant) -> Request {
        let mut owes_gap = false;
        for subject in &subjects {
            owes_gap |= entries_of(&mut self.entries, subject).any(|entry| entry.tracked.owes_gap());
            if let Some(subscription) = self.subscription(subject) {
                subscription.state = State::Requested;
            }
        }
        let filters = subjects.iter().flat_map(|subject| self.filters.of(subject)).collect();
        self.in_flight.begin(subjects, sending, owes_gap, now);
        Request::Subscribe(filters)
    }

    /// The oldest tenant that left. A successor of its name is subscribed anew, after this.
    fn next_unsubscribe(&mut self, now: Instant) -> Option<Request> {
        if std::mem::take(&mut self.session.may_hold_all) {
            self.unsubscribing.extend(self.filters.of_all_alone());
        }
        while self.unsubscribing.is_empty()
            && let Some(name) = self.leaving.pop_front()
        {
            let state = self.entries.get(&name).map(|entry| &entry.subscription.state);
            // None: it was never answered, and is forgotten already.
            if matches!(state, None | Some(State::Leaving)) {
                self.entries.remove(&name);
                self.unsubscribing.extend(self.filters.of_tenant(&name));
            }
        }
        self.unsubscribe_next(now)
    }

    /// The next filter of what is unsubscribed. All of them go out before anything is subscribed, which may be the same.
    fn unsubscribe_next(&mut self, now: Instant) -> Option<Request> {
        let filter = self.unsubscribing.pop_front()?;
        self.in_flight.begin(Vec::new(), Sending::Batched, false, now);
        Some(Request::Unsubscribe(filter))
    }
}
