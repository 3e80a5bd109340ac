//! What is asked of the broker, and when.

use std::time::Instant;

use super::Subscriptions;
use super::entry::State;
use super::pending::How;
use super::subject::Subject;
use crate::mqtt::filters;
use crate::mqtt::request::Request;

/// Bytes of the filters of one SUBSCRIBE at most, well below any broker's limit on packets.
const BATCH_BYTES: usize = 8 * 1024;

impl Subscriptions {
    /// What to send now, if anything. It counts as under way from then on.
    pub(in crate::mqtt) fn next_request(&mut self, now: Instant) -> Option<Request> {
        if !self.link_is_up || self.in_flight.is_full(now) || !self.may_ask(now) {
            return None;
        }
        let request = self
            .batch(now)
            .or_else(|| self.one_again(now))
            .or_else(|| self.departure(now))
            .or_else(|| self.apart(now))?;
        self.asks(now);
        Some(request)
    }

    /// Whether the broker takes another request yet.
    pub(in crate::mqtt) fn may_ask(&mut self, now: Instant) -> bool {
        self.broker_limits().may_ask(now)
    }

    /// Something is asked of the broker.
    pub(in crate::mqtt) fn asks(&mut self, now: Instant) {
        self.broker_limits().asks(now);
    }

    /// The request that was handed over last was given this packet id.
    pub(in crate::mqtt) fn sent(&mut self, id: u16) {
        self.in_flight.sent(id);
    }

    /// The request that was handed over last can't be sent.
    pub(in crate::mqtt) fn unsent(&mut self, reason: &str, now: Instant) {
        let subjects = self.in_flight.unsent();
        self.here_is_over(&subjects);
        let size = subjects.len();
        if size > 1 {
            self.broker_limits().shrink(size.div_ceil(2));
        } else {
            tracing::warn!(reason, "a subscription can't be asked for");
        }
        for subject in subjects {
            if size > 1 {
                self.ask_if(subject, |_| true);
            } else if let Some(standing) = self.standing(&subject) {
                standing.give_up(now);
            }
        }
    }

    /// Sees to it that this is asked for, if it is to be by its state: on another connection first, where it may cost this
    /// one.
    pub(super) fn ask_if(&mut self, subject: Subject, is_to_be: impl Fn(&State) -> bool) {
        let (broker, ends_for_forbidden) = (self.broker, self.broker_limits().ends_for_forbidden);
        let Some(standing) = self
            .standing(&subject)
            .filter(|standing| is_to_be(&standing.state))
        else {
            return;
        };
        if !ends_for_forbidden || standing.is_harmless(broker) {
            standing.state = State::Queued;
            let queue = if standing.is_alone {
                &mut self.alone
            } else {
                &mut self.queued
            };
            queue.push_back(subject);
        } else if matches!(
            std::mem::replace(&mut standing.state, State::Suspect),
            State::Refused(_)
        ) {
            self.suspects.meet_again(subject);
        } else {
            self.suspects.meet(subject);
        }
    }

    fn batch(&mut self, now: Instant) -> Option<Request> {
        let most = self.broker_limits().batch;
        let (mut subjects, mut bytes) = (Vec::new(), 0);
        while subjects.len() < most && bytes < BATCH_BYTES {
            let Some(subject) = self.queued.pop_front() else {
                break;
            };
            let standing = self.standing(&subject);
            let Some(standing) = standing.filter(|standing| standing.state == State::Queued) else {
                continue;
            };
            standing.state = State::Asked;
            bytes += subject.filter().len();
            subjects.push(subject);
        }
        (!subjects.is_empty()).then(|| self.ask(subjects, How::Usual, now))
    }

    /// The next one that was not answered before.
    fn one_again(&mut self, now: Instant) -> Option<Request> {
        while self.in_flight.has_room_again() {
            let subject = self.alone.pop_front()?;
            let standing = self.standing(&subject);
            if standing.is_some_and(|standing| standing.state == State::Queued) {
                return Some(self.ask(vec![subject], How::Again, now));
            }
        }
        None
    }

    /// What is suspected and can't be tried elsewhere, once nothing else is under way.
    fn apart(&mut self, now: Instant) -> Option<Request> {
        if !self.in_flight.is_quiet() {
            return None;
        }
        let mut subjects = self.suspects.next_here()?;
        subjects.retain(|subject| {
            let standing = self.standing(subject);
            standing.is_some_and(|standing| standing.state == State::Suspect)
        });
        if subjects.is_empty() {
            self.suspects.passes_here(None);
            return None;
        }
        Some(self.ask(subjects, How::Apart, now))
    }

    fn ask(&mut self, subjects: Vec<Subject>, how: How, now: Instant) -> Request {
        let mut owes_gap = false;
        for subject in &subjects {
            owes_gap |= self.owes_gap(subject);
            if let Some(standing) = self.standing(subject) {
                standing.state = State::Asked;
            }
        }
        let filters = subjects.iter().map(Subject::filter).collect();
        self.in_flight.begin(subjects, how, owes_gap, now);
        Request::Subscribe(filters)
    }

    /// The oldest tenant that left. From here on a successor is a stranger, and subscribed anew, after this.
    fn departure(&mut self, now: Instant) -> Option<Request> {
        while let Some(name) = self.leaving.pop_front() {
            let state = self.entries.get(&name).map(|entry| &entry.standing.state);
            // None: it was never answered, and is forgotten already.
            if matches!(state, None | Some(State::Leaving)) {
                self.entries.remove(&name);
                self.in_flight.begin(Vec::new(), How::Usual, false, now);
                return Some(Request::Unsubscribe(filters::of_tenant(&name)));
            }
        }
        None
    }
}
