//! The requests that are under way.
//!
//! Invariant: each has a time of its own, and one whose time has passed holds up nothing, though its answer still counts.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::topic;
use floodway_core::index::Tenant;

/// Requests that wait for their answer in time.
const IN_TIME: usize = 64;

/// How many of these may be asked for once more after no answer: the others are not to wait for them.
const AGAIN: usize = IN_TIME / 2;

/// How long the others wait while something is asked for apart from them.
const APART: Duration = Duration::from_secs(1);

/// Requests whose time has passed and whose answer would still count.
const LATE: usize = 256;

/// Whose events a filter is for.
#[derive(Clone, Debug)]
pub(super) enum Subject {
    /// Every tenant's.
    Everything,
    /// This one's, and not those of a successor of its name.
    Tenant(Arc<Tenant>),
}

impl Subject {
    pub(super) fn filter(&self) -> String {
        match self {
            Self::Everything => topic::ALL.to_owned(),
            Self::Tenant(tenant) => topic::filter(tenant.id()),
        }
    }
}

/// In which way something is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    Usual,
    /// Once more, by itself, after no answer.
    Again,
    /// Apart from everything else, since the broker may end the connection for it.
    Apart,
}

#[derive(Debug)]
struct Pending {
    /// What was subscribed, a filter each; nothing in an UNSUBSCRIBE.
    subjects: Vec<Subject>,
    /// Its packet id, once it is on its way.
    id: Option<u16>,
    how: How,
    since: Instant,
    is_late: bool,
    owes_gap: bool,
}

#[derive(Debug, Default)]
pub(super) struct InFlight {
    /// Oldest first.
    all: VecDeque<Pending>,
    owes_gap: bool,
}

impl InFlight {
    /// Whether the next request has to wait.
    pub(super) fn is_full(&self, now: Instant) -> bool {
        let is_apart = |request: &Pending| request.how == How::Apart && now < request.since + APART;
        self.in_time().count() >= IN_TIME || self.in_time().any(is_apart)
    }

    /// Whether something may be asked for once more.
    pub(super) fn has_room_again(&self) -> bool {
        let again = self.in_time().filter(|request| request.how == How::Again);
        again.count() < AGAIN
    }

    /// Whether nothing waits for its answer in time.
    pub(super) fn is_quiet(&self) -> bool {
        self.in_time().next().is_none()
    }

    /// A request is handed over; with `owes_gap` an event of one of its subjects has to be preceded by a gap.
    pub(super) fn begin(&mut self, subjects: Vec<Subject>, how: How, owes_gap: bool, now: Instant) {
        self.owes_gap |= owes_gap;
        self.all.push_back(Pending {
            subjects,
            id: None,
            how,
            since: now,
            is_late: false,
            owes_gap,
        });
    }

    /// The request that was handed over last has this packet id.
    pub(super) fn sent(&mut self, id: u16) {
        if let Some(request) = self.all.back_mut() {
            request.id.get_or_insert(id);
        }
    }

    /// The request that was handed over last is not sent: what it was for.
    pub(super) fn unsent(&mut self) -> Vec<Subject> {
        let is_its = self.all.back().is_some_and(|request| request.id.is_none());
        let request = is_its.then(|| self.all.pop_back()).flatten();
        self.tidy();
        request.map(|request| request.subjects).unwrap_or_default()
    }

    /// The request with this packet id is answered: what it was for.
    pub(super) fn answered(&mut self, id: u16) -> Option<Vec<Subject>> {
        let is_its = |request: &Pending| request.id == Some(id);
        // An id may come again after very many requests: then the older one's answer will not come any more.
        let place = self.all.iter().rposition(is_its)?;
        let request = self.all.remove(place)?;
        self.tidy();
        Some(request.subjects)
    }

    /// What was under way for longer than `patience`, and was not told before.
    pub(super) fn overdue(&mut self, now: Instant, patience: Duration) -> Vec<Vec<Subject>> {
        let mut overdue = Vec::new();
        for request in &mut self.all {
            if !request.is_late && now >= request.since + patience {
                request.is_late = true;
                overdue.push(request.subjects.clone());
            }
        }
        while self.all.iter().filter(|request| request.is_late).count() > LATE {
            let oldest = self.all.iter().position(|request| request.is_late);
            oldest.map(|place| self.all.remove(place));
        }
        // Nothing hangs on an UNSUBSCRIBE.
        self.all
            .retain(|request| !request.is_late || !request.subjects.is_empty());
        self.tidy();
        overdue
    }

    /// The link has ended: the subscriptions that it may have ended for, request by request.
    pub(super) fn link_lost(&mut self) -> Vec<Vec<Subject>> {
        self.owes_gap = false;
        let on_their_way = self.all.drain(..).filter(|request| {
            request.id.is_some() && !request.is_late && !request.subjects.is_empty()
        });
        on_their_way.map(|request| request.subjects).collect()
    }

    /// Whether a request for all tenants was not answered in time.
    pub(super) fn leaves_everything_unanswered(&self) -> bool {
        let is_of_all = |request: &Pending| matches!(request.subjects[..], [Subject::Everything]);
        self.all
            .iter()
            .any(|request| request.is_late && is_of_all(request))
    }

    /// Whether a gap has to precede an event of something that is under way. Cheap.
    pub(super) fn owes_gap(&self) -> bool {
        self.owes_gap
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.all.len()
    }

    fn in_time(&self) -> impl Iterator<Item = &Pending> {
        self.all.iter().filter(|request| !request.is_late)
    }

    fn tidy(&mut self) {
        self.owes_gap = self.all.iter().any(|request| request.owes_gap);
    }
}
