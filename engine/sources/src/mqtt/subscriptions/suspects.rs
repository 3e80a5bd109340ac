//! Which filter a broker ends the connection for.
//!
//! A broker may answer a SUBSCRIBE that it forbids by ending the connection, and every tenant's events with it. So what was
//! under way when a connection ended is tried on one of its own, and halved until the guilty filter is found. Where both
//! halves pass, there were too many filters in one request; where everything passes as it was, there may have been too
//! many requests at once, which is tried as well. Where there is no second connection, the link itself is the place to try,
//! one request at a time and apart from all others.
//!
//! Knows no socket and no clock. Invariant: of everything that it is given, [`Found`] tells exactly once.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::broker_limits::BrokerLimits;
use super::subject::Subject;

/// How often a trial is begun that does not come about. The link itself is then the place to try.
const TRIES: u32 = 3;

/// Pause after one that did not come about.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// How a connection took what was tried on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::mqtt) enum Outcome {
    /// It outlived that, whatever was answered.
    Outlived,
    /// The broker ended it then, for this reason.
    Ended(String),
    /// There was none.
    NoConnection,
}

/// What was found out.
#[derive(Debug)]
pub(super) enum Found {
    /// The broker does not end the connection for these.
    Harmless(Vec<Subject>),
    /// It does for this one, with this reason.
    Guilty(Subject, String),
}

/// Where a group comes from.
#[derive(Clone, Copy, Debug)]
enum Part {
    Whole,
    /// Half of one for which the connection ended; its other half is next.
    First,
    /// The other half, after the first one of this size passed, if it did.
    Second(Option<usize>),
}

#[derive(Debug)]
struct Group {
    subjects: Vec<Subject>,
    part: Part,
    tries: u32,
}

#[derive(Debug)]
enum Trial {
    Group(Group),
    /// This many requests at once.
    Rush(Subject, usize),
    /// On the link itself, where it is asked for apart from everything else; and whether it was.
    Here(Group, bool),
}

#[derive(Debug, Default)]
pub(super) struct Suspects {
    /// What was under way when a connection ended, or is half of that.
    accused: VecDeque<Group>,
    /// Requests at once when it ended, until one of them is found to be the reason.
    rush: Option<usize>,
    /// What passed, and is told when it is known whether the rush was the reason.
    held: Vec<Subject>,
    /// What the broker was not asked for before.
    strangers: Vec<Subject>,
    /// What was found guilty before.
    known: VecDeque<Subject>,
    trial: Option<Trial>,
    /// There is no second connection to try what is accused.
    only_here: bool,
    not_before: Option<Instant>,
}

impl Suspects {
    /// The broker ends connections, and was not asked for this.
    pub(super) fn meet(&mut self, stranger: Subject) {
        self.strangers.push(stranger);
    }

    /// It is time to look whether this one still is guilty.
    pub(super) fn meet_again(&mut self, known: Subject) {
        self.known.push_back(known);
    }

    /// The requests to try on a connection now, all at once, if nothing is on trial. Only what `is_open` is still to be
    /// found out.
    pub(super) fn next_trial(
        &mut self,
        batch: usize,
        now: Instant,
        is_open: impl Fn(&Subject) -> bool,
    ) -> Option<Vec<Vec<Subject>>> {
        if self.trial.is_some() || self.not_before.is_some_and(|at| now < at) {
            return None;
        }
        let accused = self.next_accused(batch, &is_open);
        if self.only_here
            && let Some(group) = accused
        {
            self.trial = Some(Trial::Here(group, false));
            return None;
        }
        self.only_here = false;
        let accused = accused.map(Trial::Group);
        let trial = accused
            .or_else(|| self.exam())
            .or_else(|| self.stranger(batch, &is_open).map(Trial::Group))?;
        let requests = match &trial {
            Trial::Group(group) => vec![group.subjects.clone()],
            Trial::Rush(subject, times) => vec![vec![subject.clone()]; *times],
            Trial::Here(..) => return None,
        };
        self.trial = Some(trial);
        Some(requests)
    }

    fn next_accused(&mut self, batch: usize, is_open: impl Fn(&Subject) -> bool) -> Option<Group> {
        while let Some(mut group) = self.accused.pop_front() {
            group.subjects.retain(&is_open);
            if group.subjects.len() > batch {
                let rest = group.subjects.split_off(batch);
                self.accused.push_front(self::group(rest, Part::Whole));
                group.part = Part::Whole;
            }
            if !group.subjects.is_empty() {
                return Some(group);
            }
        }
        None
    }

    fn exam(&mut self) -> Option<Trial> {
        let rush = self.rush.take()?;
        Some(Trial::Rush(self.held.first()?.clone(), rush))
    }

    fn stranger(&mut self, batch: usize, is_open: impl Fn(&Subject) -> bool) -> Option<Group> {
        self.strangers.retain(&is_open);
        let batch = batch.min(self.strangers.len());
        let mut subjects: Vec<Subject> = self.strangers.drain(..batch).collect();
        while subjects.is_empty() {
            let known = self.known.pop_front()?;
            subjects.extend(Some(known).filter(&is_open));
        }
        Some(group(subjects, Part::Whole))
    }

    /// What was on trial came to this.
    pub(super) fn tried(
        &mut self,
        outcome: Outcome,
        limits: &mut BrokerLimits,
        now: Instant,
    ) -> Vec<Found> {
        match (self.trial.take(), outcome) {
            (Some(Trial::Group(group)), Outcome::Outlived) => {
                self.acquit(&group, limits);
                self.held.extend(group.subjects);
            }
            (Some(Trial::Group(group)), Outcome::Ended(reason)) => {
                self.rush = None;
                let guilty = self.convict(group, limits);
                let harmless = self.release();
                let guilty = guilty.map(|guilty| Found::Guilty(guilty, reason));
                return harmless.into_iter().chain(guilty).collect();
            }
            (Some(Trial::Group(mut group)), Outcome::NoConnection) => {
                self.not_before = Some(now + TRY_AGAIN);
                group.tries += 1;
                if group.tries < TRIES {
                    self.accused.push_front(group);
                } else {
                    self.only_here = true;
                    self.trial = Some(Trial::Here(group, false));
                }
            }
            (Some(Trial::Rush(..)), Outcome::Ended(_)) => limits.slow_down(),
            (Some(Trial::Rush(..)) | None, _) => {}
            (here @ Some(Trial::Here(..)), _) => self.trial = here,
        }
        if self.rush.is_some() {
            return Vec::new();
        }
        self.release().into_iter().collect()
    }

    /// What is to be asked for on the link, apart from everything else, if anything.
    pub(super) fn next_here(&mut self) -> Option<Vec<Subject>> {
        match &mut self.trial {
            Some(Trial::Here(group, is_asked)) if !*is_asked => {
                *is_asked = true;
                Some(group.subjects.clone())
            }
            _ => None,
        }
    }

    /// Whether these are asked for so.
    pub(super) fn is_here(&self, subjects: &[Subject]) -> bool {
        let Some(Trial::Here(group, true)) = &self.trial else {
            return false;
        };
        // Those of the group that have left meanwhile are not asked for.
        let first = subjects.first().map(Subject::filter);
        let mut filters = group.subjects.iter().map(Subject::filter);
        filters.any(|filter| Some(filter) == first)
    }

    /// The link has outlived what was on trial on it; without limits there was nothing left of that.
    pub(super) fn passes_here(&mut self, limits: Option<&mut BrokerLimits>) {
        if let Some(Trial::Here(group, _)) = self.trial.take()
            && let Some(limits) = limits
        {
            self.acquit(&group, limits);
        }
    }

    /// The link is lost, and what is on trial with it. These requests were under way. Returns the guilty one, if that was
    /// on trial there.
    pub(super) fn link_lost(
        &mut self,
        mut under_way: Vec<Vec<Subject>>,
        limits: &mut BrokerLimits,
    ) -> Option<Subject> {
        let rush = limits.rush();
        // These are asked for anew.
        self.strangers.clear();
        self.known.clear();
        self.not_before = None;
        let mut guilty = None;
        match self.trial.take() {
            Some(Trial::Group(group)) => self.accused.push_front(group),
            Some(Trial::Rush(_, rush)) => self.rush = Some(rush),
            // Nothing else was under way: this is the proof.
            Some(Trial::Here(group, true)) if under_way.len() == 1 => {
                under_way.clear();
                guilty = self.convict(group, limits);
            }
            Some(Trial::Here(_, true)) if !under_way.is_empty() => {}
            Some(Trial::Here(group, _)) => self.accused.push_front(group),
            None => {}
        }
        if !under_way.is_empty() {
            self.rush = Some(rush).filter(|&rush| rush > 1);
        }
        let groups = under_way.into_iter();
        self.accused
            .extend(groups.map(|subjects| group(subjects, Part::Whole)));
        guilty
    }

    /// What connections may have ended for, as far as it is not found out.
    pub(super) fn accused(&self) -> Vec<Subject> {
        let subjects = self.accused.iter().flat_map(|group| &group.subjects);
        subjects.chain(&self.held).cloned().collect()
    }

    fn release(&mut self) -> Option<Found> {
        let held = std::mem::take(&mut self.held);
        (!held.is_empty()).then_some(Found::Harmless(held))
    }

    fn acquit(&mut self, group: &Group, limits: &mut BrokerLimits) {
        match (group.part, self.accused.front_mut()) {
            (Part::First, Some(other)) => other.part = Part::Second(Some(group.subjects.len())),
            (Part::Second(Some(first)), _) => limits.shrink(first),
            _ => {}
        }
    }

    fn convict(&mut self, mut group: Group, limits: &mut BrokerLimits) -> Option<Subject> {
        if group.subjects.len() > 1 {
            let second = group.subjects.split_off(group.subjects.len().div_ceil(2));
            self.accused
                .push_front(self::group(second, Part::Second(None)));
            self.accused
                .push_front(self::group(group.subjects, Part::First));
            return None;
        }
        limits.ends_for_forbidden = true;
        group.subjects.pop()
    }
}

fn group(subjects: Vec<Subject>, part: Part) -> Group {
    Group {
        subjects,
        part,
        tries: 0,
    }
}
