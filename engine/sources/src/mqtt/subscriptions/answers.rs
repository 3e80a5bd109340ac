//! The broker's answers to subscription requests, those that do not come, and the outcomes of probes.

use std::time::Instant;

use super::Subscriptions;
use super::bisection::{Finding, ProbeOutcome};
use super::entry::{Entry, State, Subject, Subscription, entries_of};
use crate::mqtt::request::Answer;

impl Subscriptions {
    /// A SUBACK or UNSUBACK has come, with one answer for each filter (MQTT 5.0, 3.9.3 and 3.11.3). A subject is granted if
    /// all its filters are. Returns whether the request was ours.
    pub(in crate::mqtt) fn answered(&mut self, id: u16, answers: &[Answer], now: Instant) -> bool {
        let Some(subjects) = self.in_flight.answered(id) else {
            return false;
        };
        let broker = self.broker;
        self.on_link_done(&subjects);
        let mut refused = Vec::new();
        let mut next = 0;
        for subject in &subjects {
            let filters = self.filters.of(subject);
            let from = next;
            next += filters.len();
            let Some(subscription) = self.subscription(subject) else {
                continue;
            };
            subscription.set_harmless(broker, true);
            // It may have been requested twice.
            if matches!(subscription.state, State::Confirmed | State::Leaving) {
                continue;
            }
            let (granted, denied): (Vec<_>, Vec<_>) =
                filters.into_iter().zip(from..).partition(|(_, at)| refusal(answers, *at).is_none());
            let Some((filter, at)) = denied.into_iter().next() else {
                self.grant(subject);
                continue;
            };
            let reason = refusal(answers, at).unwrap_or_default();
            self.refuse(subject, reason, now);
            refused.push((filter, reason));
            self.give_back(subject, granted.into_iter().map(|(filter, _)| filter));
        }
        // One line for a batch: a broker that refuses everybody does so again and again.
        if let Some((filter, reason)) = refused.first() {
            tracing::warn!(filter, reason, count = refused.len(), "subscriptions refused");
        }
        true
    }

    pub(super) fn expire_requests(&mut self, now: Instant) {
        let overdue = self.in_flight.overdue(now, self.subscribe_timeout);
        for subjects in &overdue {
            self.on_link_done(subjects);
            for subject in subjects {
                self.expire(subject, subjects.len() == 1, now);
            }
        }
        let mut all = overdue.iter().flatten();
        if let Some(first) = all.next() {
            let (filter, count) = (self.filters.of(first).join(" "), 1 + all.count());
            tracing::warn!(
                filter,
                count,
                "subscriptions are not answered in time (mqtt.subscribe_timeout_seconds); they are asked for again"
            );
        }
    }

    /// A subject that was requested with others is requested by itself at once: one of them is the reason, and must harm the
    /// others no longer.
    fn expire(&mut self, subject: &Subject, was_single: bool, now: Instant) {
        let is_requested = |subscription: &&mut Subscription| subscription.state == State::Requested;
        let Some(subscription) = self.subscription(subject).filter(is_requested) else {
            return;
        };
        subscription.is_single = true;
        if was_single {
            subscription.time_out(now);
        } else {
            subscription.state = State::Queued;
            self.singles.push_back(subject.clone());
        }
    }

    /// Unsubscribes these filters of a subject that is refused for another one: its events are nobody's. If it was asked for
    /// again meanwhile, that answer decides.
    fn give_back(&mut self, subject: &Subject, filters: impl Iterator<Item = String>) {
        if !self.in_flight.awaits(subject) {
            self.unsubscribing.extend(filters);
        }
    }

    fn grant(&mut self, subject: &Subject) {
        if let Subject::All = subject {
            self.all_tenants.grant();
            self.all_refusal = None;
        }
        self.confirmed.extend(entries_of(&mut self.entries, subject).map(Entry::confirm));
    }

    pub(super) fn refuse(&mut self, subject: &Subject, reason: &str, now: Instant) {
        let Some(subscription) = self.subscription(subject) else {
            return;
        };
        subscription.refuse(now);
        if let Subject::All = subject {
            self.all_refusal = Some(reason.into());
        }
        let entries = entries_of(&mut self.entries, subject);
        self.refused.extend(entries.filter_map(|entry| entry.tracked.refused(reason)));
    }

    /// The requests to send on another connection now, all at once, if any. [`Subscriptions::probed`] takes the outcome.
    pub(in crate::mqtt) fn next_probe(&mut self, now: Instant) -> Option<Vec<Vec<String>>> {
        if !self.is_open {
            return None;
        }
        let batch = self.batch();
        let Self { entries, all_tenants, bisection, filters, .. } = self;
        let undecided = |subject: &Subject| match subject {
            Subject::All => all_tenants.state == State::Suspect,
            Subject::Tenant(tenant) => {
                let entry = entries.get(tenant.id());
                entry.is_some_and(|entry| entry.tracked.is(tenant) && entry.subscription.state == State::Suspect)
            }
        };
        let requests = bisection.next_probe(batch, now, undecided)?;
        let filters = |subjects: Vec<Subject>| subjects.iter().flat_map(|subject| filters.of(subject)).collect();
        Some(requests.into_iter().map(filters).collect())
    }

    pub(in crate::mqtt) fn probed(&mut self, outcome: ProbeOutcome, now: Instant) {
        let broker = self.broker;
        let limits = self.limits_by_broker.entry(broker).or_default();
        for found in self.bisection.probed(outcome, limits, now) {
            match found {
                Finding::Harmless(subjects) => {
                    for subject in subjects {
                        if let Some(subscription) = self.subscription(&subject) {
                            subscription.set_harmless(broker, true);
                        }
                        self.enqueue_if(subject, |state| *state == State::Suspect);
                    }
                }
                Finding::Fatal(subject, reason) => self.found_fatal(&subject, &reason, now),
            }
        }
    }

    pub(super) fn found_fatal(&mut self, subject: &Subject, reason: &str, now: Instant) {
        let filter = self.filters.of(subject).join(" ");
        let broker = self.broker;
        if let Some(subscription) = self.subscription(subject) {
            subscription.set_harmless(broker, false);
        }
        tracing::warn!(filter, reason, "the broker ends the connection for a subscription");
        self.refuse(subject, reason, now);
    }

    /// The request for these was answered, or its time has passed: if it was a probe on the link, they have passed.
    pub(super) fn on_link_done(&mut self, subjects: &[Subject]) {
        if self.bisection.is_on_link(subjects) {
            let limits = self.limits_by_broker.entry(self.broker).or_default();
            self.bisection.passed_on_link(Some(limits));
        }
    }
}

/// Why the filter at this position was refused. One that the broker left out is not granted.
fn refusal(answers: &[Answer], at: usize) -> Option<&str> {
    match answers.get(at) {
        Some(Ok(())) => None,
        Some(Err(reason)) => Some(reason),
        None => Some("the broker gave no answer"),
    }
}
