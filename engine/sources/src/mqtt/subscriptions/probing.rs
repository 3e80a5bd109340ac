//! Subscriptions that are probed on another connection first.

use std::time::Instant;

use super::Subscriptions;
use super::bisection::{Finding, ProbeOutcome};
use super::entry::State;
use super::subject::Subject;

impl Subscriptions {
    /// The requests to send on another connection now, all at once, if any. [`Subscriptions::probed`] takes the outcome.
    pub(in crate::mqtt) fn next_probe(&mut self, now: Instant) -> Option<Vec<Vec<String>>> {
        if !self.is_open {
            return None;
        }
        let batch = self.broker_limits().batch;
        let Self { entries, all_tenants, bisection, .. } = self;
        let undecided = |subject: &Subject| match subject {
            Subject::All => all_tenants.state == State::Suspect,
            Subject::Tenant(tenant) => {
                let entry = entries.get(tenant.id());
                entry.is_some_and(|entry| entry.tracked.is(tenant) && entry.subscription.state == State::Suspect)
            }
        };
        let requests = bisection.next_probe(batch, now, undecided)?;
        let filters = |subjects: Vec<Subject>| subjects.iter().map(Subject::filter).collect();
        Some(requests.into_iter().map(filters).collect())
    }

    /// A probe has ended.
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
        let filter = subject.filter();
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
