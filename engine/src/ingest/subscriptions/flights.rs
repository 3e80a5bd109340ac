//! The requests that are under way.
//!
//! Invariant: each has a time of its own, and one whose time has passed holds up nothing, though its answer still counts.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::topic;
use crate::index::Tenant;

/// Requests that wait for their answer in time.
const IN_FLIGHT: usize = 64;

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

#[derive(Debug)]
struct Flight {
    /// What was subscribed, a filter each; nothing in an UNSUBSCRIBE.
    subjects: Vec<Subject>,
    /// Its packet id, once it is on its way.
    id: Option<u16>,
    since: Instant,
    is_late: bool,
    owes_gap: bool,
}

#[derive(Debug, Default)]
pub(super) struct Flights {
    /// Oldest first.
    all: VecDeque<Flight>,
    owes_gap: bool,
}

impl Flights {
    pub(super) fn is_full(&self) -> bool {
        self.all.iter().filter(|flight| !flight.is_late).count() >= IN_FLIGHT
    }

    /// A request is handed over; with `owes_gap` an event of one of its subjects has to be preceded by a gap.
    pub(super) fn begin(&mut self, subjects: Vec<Subject>, owes_gap: bool, now: Instant) {
        self.owes_gap |= owes_gap;
        self.all.push_back(Flight {
            subjects,
            id: None,
            since: now,
            is_late: false,
            owes_gap,
        });
    }

    /// The request that was handed over last has this packet id.
    pub(super) fn sent(&mut self, id: u16) {
        if let Some(flight) = self.all.back_mut() {
            flight.id.get_or_insert(id);
        }
    }

    /// The request that was handed over last is not sent: what it was for.
    pub(super) fn unsent(&mut self) -> Vec<Subject> {
        let flight = self.all.pop_back_if(|flight| flight.id.is_none());
        self.tidy();
        flight.map(|flight| flight.subjects).unwrap_or_default()
    }

    /// The request with this packet id is answered: what it was for.
    pub(super) fn land(&mut self, id: u16) -> Option<Vec<Subject>> {
        let is_its = |flight: &Flight| flight.id == Some(id);
        // An id may come again after very many requests: then the older one's answer will not come any more.
        let place = self.all.iter().rposition(is_its)?;
        let flight = self.all.remove(place)?;
        self.tidy();
        Some(flight.subjects)
    }

    /// What was under way for longer than `patience`, and was not told before.
    pub(super) fn overdue(&mut self, now: Instant, patience: Duration) -> Vec<Vec<Subject>> {
        let mut overdue = Vec::new();
        for flight in &mut self.all {
            if !flight.is_late && now >= flight.since + patience {
                flight.is_late = true;
                overdue.push(flight.subjects.clone());
            }
        }
        while self.all.iter().filter(|flight| flight.is_late).count() > LATE {
            let oldest = self.all.iter().position(|flight| flight.is_late);
            oldest.map(|place| self.all.remove(place));
        }
        // Nothing hangs on an UNSUBSCRIBE.
        self.all
            .retain(|flight| !flight.is_late || !flight.subjects.is_empty());
        self.tidy();
        overdue
    }

    /// The link has ended: the subscriptions that it may have ended for, request by request.
    pub(super) fn lose(&mut self) -> Vec<Vec<Subject>> {
        self.owes_gap = false;
        let on_their_way = self
            .all
            .drain(..)
            .filter(|flight| flight.id.is_some() && !flight.is_late && !flight.subjects.is_empty());
        on_their_way.map(|flight| flight.subjects).collect()
    }

    /// Whether a request for all tenants was not answered in time.
    pub(super) fn leaves_everything_unanswered(&self) -> bool {
        let is_of_all = |flight: &Flight| matches!(flight.subjects[..], [Subject::Everything]);
        self.all
            .iter()
            .any(|flight| flight.is_late && is_of_all(flight))
    }

    /// Whether a gap has to precede an event of something that is under way. Cheap.
    pub(super) fn owes_gap(&self) -> bool {
        self.owes_gap
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.all.len()
    }

    fn tidy(&mut self) {
        self.owes_gap = self.all.iter().any(|flight| flight.owes_gap);
    }
}
