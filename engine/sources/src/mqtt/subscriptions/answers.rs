//! What the broker answers, or does not.

use std::time::Instant;

use super::Subscriptions;
use super::entry::{Entry, Standing, State};
use super::subject::Subject;
use crate::mqtt::request::Answer;

impl Subscriptions {
    /// A SUBACK or UNSUBACK has come, with one answer for each filter (MQTT 5.0, 3.9.3 and 3.11.3). Returns whether its
    /// request was ours.
    pub(in crate::mqtt) fn answered(&mut self, id: u16, answers: &[Answer], now: Instant) -> bool {
        let Some(subjects) = self.in_flight.answered(id) else {
            return false;
        };
        let broker = self.broker;
        self.here_is_over(&subjects);
        let mut refused = Vec::new();
        for (place, subject) in subjects.iter().enumerate() {
            let Some(standing) = self.standing(subject) else {
                continue;
            };
            standing.set_harmless(broker, true);
            // It may have been asked for twice.
            if matches!(standing.state, State::Confirmed | State::Leaving) {
                continue;
            }
            match refusal(answers, place) {
                None => self.grant(subject),
                Some(reason) => {
                    self.refuse(subject, reason, now);
                    refused.push((subject.filter(), reason));
                }
            }
        }
        // One line for a batch: a broker that refuses everybody does so again and again.
        if let Some((filter, reason)) = refused.first() {
            tracing::warn!(
                filter,
                reason,
                count = refused.len(),
                "subscriptions refused"
            );
        }
        true
    }

    pub(super) fn give_up(&mut self, now: Instant) {
        let overdue = self.in_flight.overdue(now, self.subscribe_timeout);
        for subjects in &overdue {
            self.here_is_over(subjects);
            for subject in subjects {
                self.give_up_on(subject, subjects.len() == 1, now);
            }
        }
        let mut all = overdue.iter().flatten();
        if let Some(first) = all.next() {
            let (filter, count) = (first.filter(), 1 + all.count());
            tracing::warn!(
                filter,
                count,
                "subscriptions are not answered in time (mqtt.subscribe_timeout_seconds); they are asked for again"
            );
        }
    }

    /// Who was asked for with others is asked for by itself at once: one of them is the reason, and harms the others no
    /// longer.
    fn give_up_on(&mut self, subject: &Subject, was_alone: bool, now: Instant) {
        let is_asked = |standing: &&mut Standing| standing.state == State::Asked;
        let Some(standing) = self.standing(subject).filter(is_asked) else {
            return;
        };
        standing.is_alone = true;
        if was_alone {
            standing.give_up(now);
        } else {
            standing.state = State::Queued;
            self.alone.push_back(subject.clone());
        }
    }

    fn grant(&mut self, subject: &Subject) {
        match subject {
            Subject::All => {
                self.everything.grant();
                self.everything_refusal = None;
                self.confirmed
                    .extend(self.entries.values_mut().map(Entry::confirm));
            }
            Subject::Tenant(tenant) => {
                let entry = self.entries.get_mut(tenant.id());
                self.confirmed.extend(entry.map(Entry::confirm));
            }
        }
    }

    pub(super) fn refuse(&mut self, subject: &Subject, reason: &str, now: Instant) {
        let Some(standing) = self.standing(subject) else {
            return;
        };
        standing.refuse(now);
        match subject {
            Subject::All => {
                self.everything_refusal = Some(reason.into());
                let refused = self.entries.values_mut();
                self.refused
                    .extend(refused.filter_map(|entry| entry.refuse(reason)));
            }
            Subject::Tenant(tenant) => {
                let entry = self.entries.get_mut(tenant.id());
                self.refused
                    .extend(entry.and_then(|entry| entry.refuse(reason)));
            }
        }
    }
}

/// Why the filter at this place was refused. One that the broker left out is not granted.
fn refusal(answers: &[Answer], place: usize) -> Option<&str> {
    match answers.get(place) {
        Some(Ok(())) => None,
        Some(Err(reason)) => Some(reason),
        None => Some("the broker gave no answer"),
    }
}
