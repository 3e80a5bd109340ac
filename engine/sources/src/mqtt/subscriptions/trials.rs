//! What is tried on a connection of its own, and what came of it.

use std::time::Instant;

use super::Subscriptions;
use super::entry::State;
use super::subject::Subject;
use super::suspects::{Found, Outcome};

impl Subscriptions {
    /// The requests to try on a connection of their own now, all at once, if any: [`Subscriptions::tried`] is to be told
    /// what came of it.
    pub(in crate::mqtt) fn next_trial(&mut self, now: Instant) -> Option<Vec<Vec<String>>> {
        if !self.link_is_up {
            return None;
        }
        let batch = self.broker_limits().batch;
        let Self {
            entries,
            everything,
            suspects,
            ..
        } = self;
        let is_open = |subject: &Subject| match subject {
            Subject::All => everything.state == State::Suspect,
            Subject::Tenant(tenant) => {
                let entry = entries.get(tenant.id());
                entry
                    .is_some_and(|entry| entry.is(tenant) && entry.standing.state == State::Suspect)
            }
        };
        let requests = suspects.next_trial(batch, now, is_open)?;
        let filters = |subjects: Vec<Subject>| subjects.iter().map(Subject::filter).collect();
        Some(requests.into_iter().map(filters).collect())
    }

    /// What came of a trial.
    pub(in crate::mqtt) fn tried(&mut self, outcome: Outcome, now: Instant) {
        let broker = self.broker;
        let limits = self.limits_by_broker.entry(broker).or_default();
        for found in self.suspects.tried(outcome, limits, now) {
            match found {
                Found::Harmless(subjects) => {
                    for subject in subjects {
                        if let Some(standing) = self.standing(&subject) {
                            standing.set_harmless(broker, true);
                        }
                        self.ask_if(subject, |state| *state == State::Suspect);
                    }
                }
                Found::Guilty(subject, reason) => self.found_guilty(&subject, &reason, now),
            }
        }
    }

    pub(super) fn found_guilty(&mut self, subject: &Subject, reason: &str, now: Instant) {
        let filter = subject.filter();
        let broker = self.broker;
        if let Some(standing) = self.standing(subject) {
            standing.set_harmless(broker, false);
        }
        tracing::warn!(
            filter,
            reason,
            "the broker ends the connection for a subscription"
        );
        self.refuse(subject, reason, now);
    }

    /// The request for these was answered, or outlived its time: if they were on trial on the link, they have passed.
    pub(super) fn here_is_over(&mut self, subjects: &[Subject]) {
        if self.suspects.is_here(subjects) {
            let limits = self.limits_by_broker.entry(self.broker).or_default();
            self.suspects.passes_here(Some(limits));
        }
    }
}
