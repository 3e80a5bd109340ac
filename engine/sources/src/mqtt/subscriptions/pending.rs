//! The subscription requests that the broker has not answered yet.
//!
//! Invariant: each has a time of its own, and one whose time has passed holds up nothing, though its answer still counts.

use std::time::{Duration, Instant};

use super::entry::Subject;
use crate::in_flight::InFlight;

/// Requests that wait for their answer in time.
const IN_TIME: usize = 64;

/// How many of these may be retries: other requests are not to wait for them.
const RETRIES: usize = IN_TIME / 2;

/// How long other requests wait for an isolated one.
const ISOLATION: Duration = Duration::from_secs(1);

/// Requests whose time has passed and whose answer would still count.
const LATE: usize = 256;

/// In which way filters are requested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sending {
    /// With others that wait.
    Batched,
    /// By itself, after an earlier request was not answered.
    Retry,
    /// With no other request under way, since the broker may close the connection for it.
    Isolated,
}

#[derive(Debug)]
struct Pending {
    /// What was subscribed, all filters of each; nothing in an UNSUBSCRIBE.
    subjects: Vec<Subject>,
    sending: Sending,
    since: Instant,
    is_late: bool,
    owes_gap: bool,
}

#[derive(Debug, Default)]
pub(super) struct PendingRequests {
    all: InFlight<Pending>,
    /// Whether a gap has to precede an event of something that is under way.
    pub(super) owes_gap: bool,
}

impl PendingRequests {
    /// Whether the next request has to wait.
    pub(super) fn is_full(&self, now: Instant) -> bool {
        let is_isolated = |request: &Pending| request.sending == Sending::Isolated && now < request.since + ISOLATION;
        self.in_time().count() >= IN_TIME || self.in_time().any(is_isolated)
    }

    /// Whether a retry may be sent.
    pub(super) fn has_room_to_retry(&self) -> bool {
        let retries = self.in_time().filter(|request| request.sending == Sending::Retry);
        retries.count() < RETRIES
    }

    /// Whether nothing waits for its answer in time.
    pub(super) fn is_quiet(&self) -> bool {
        self.in_time().next().is_none()
    }

    /// A request is handed over; with `owes_gap` an event of one of its subjects has to be preceded by a gap.
    pub(super) fn begin(&mut self, subjects: Vec<Subject>, sending: Sending, owes_gap: bool, now: Instant) {
        self.owes_gap |= owes_gap;
        self.all.begin(Pending { subjects, sending, since: now, is_late: false, owes_gap });
    }

    /// The request that was handed over last has this packet id.
    pub(super) fn sent(&mut self, id: u16) {
        self.all.sent(id);
    }

    /// The request that was handed over last is not sent. Returns its subjects.
    pub(super) fn unsent(&mut self) -> Vec<Subject> {
        let request = self.all.unsent();
        self.update_owed();
        request.map(|request| request.subjects).unwrap_or_default()
    }

    /// The request with this packet id is answered. Returns its subjects.
    pub(super) fn answered(&mut self, id: u16) -> Option<Vec<Subject>> {
        let request = self.all.answered(id)?;
        self.update_owed();
        Some(request.subjects)
    }

    /// Whether an answer about `subject` may still come.
    pub(super) fn awaits(&self, subject: &Subject) -> bool {
        let is_of_it = |other: &Subject| other.name() == subject.name();
        self.all.iter().any(|request| request.subjects.iter().any(is_of_it))
    }

    /// The subjects of the requests that have been under way for longer than `patience` since the last call.
    pub(super) fn overdue(&mut self, now: Instant, patience: Duration) -> Vec<Vec<Subject>> {
        let mut overdue = Vec::new();
        for request in self.all.iter_mut() {
            if !request.is_late && now >= request.since + patience {
                request.is_late = true;
                overdue.push(request.subjects.clone());
            }
        }
        let late = self.all.iter().filter(|request| request.is_late);
        let mut excess = late.count().saturating_sub(LATE);
        self.all.retain(|request| {
            // Nothing depends on the answer to an UNSUBSCRIBE.
            let is_over = request.is_late && (excess > 0 || request.subjects.is_empty());
            excess = excess.saturating_sub(usize::from(is_over));
            !is_over
        });
        self.update_owed();
        overdue
    }

    /// The link has ended. Returns the subscriptions that it may have ended for, request by request.
    pub(super) fn link_lost(&mut self) -> Vec<Vec<Subject>> {
        self.owes_gap = false;
        let sent = self.all.clear();
        let suspected = sent.filter(|request| !request.is_late && !request.subjects.is_empty());
        suspected.map(|request| request.subjects).collect()
    }

    /// Whether a request for all tenants was not answered in time.
    pub(super) fn leaves_all_unanswered(&self) -> bool {
        let is_of_all = |request: &Pending| matches!(request.subjects[..], [Subject::All]);
        self.all.iter().any(|request| request.is_late && is_of_all(request))
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.all.iter().count()
    }

    fn in_time(&self) -> impl Iterator<Item = &Pending> {
        self.all.iter().filter(|request| !request.is_late)
    }

    fn update_owed(&mut self) {
        self.owes_gap = self.all.iter().any(|request| request.owes_gap);
    }
}
