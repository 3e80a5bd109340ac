//! Which subject's filters a broker ends the connection for.
//!
//! A broker may answer a SUBSCRIBE that it forbids by ending the connection, and every tenant's events with it. So the
//! filters that were under way when a connection ended are probed on another connection, and halved until the fatal one is
//! found. If both halves pass, there were too many filters in one request. If all of them pass as they were, there may have
//! been too many requests at once, and that is probed too. If no second connection can be made, the link itself serves as
//! the probe: one request at a time, with no other under way.
//!
//! Knows no socket and no clock. Invariant: each subject that it is given comes back in exactly one [`Finding`].

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::broker_limits::BrokerLimits;
use super::entry::Subject;

/// Attempts to connect a probe. After these the link itself serves as the probe.
const TRIES: u32 = 3;

/// The pause after a probe that could not be connected.
const TRY_AGAIN: Duration = Duration::from_secs(1);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::mqtt) enum ProbeOutcome {
    /// The connection survived the requests, whatever was answered.
    Survived,
    /// The broker closed the connection, for this reason.
    Closed(String),
    /// It could not be connected.
    NotConnected,
}

/// What a probe has shown.
#[derive(Debug)]
pub(super) enum Finding {
    /// The broker does not close the connection for these.
    Harmless(Vec<Subject>),
    /// It does for this one, for this reason.
    Fatal(Subject, String),
}

/// Which part of an earlier group a group is.
#[derive(Clone, Copy, Debug)]
enum Part {
    Whole,
    /// The first half of one for which the connection was closed. The second half is next.
    First,
    /// The second half, and the size of the first one if that passed.
    Second(Option<usize>),
}

#[derive(Debug)]
struct Group {
    subjects: Vec<Subject>,
    part: Part,
    tries: u32,
}

/// What is probed at the moment.
#[derive(Debug)]
enum Round {
    /// The filters of one request.
    Group(Group),
    /// This many requests at once.
    Burst(Subject, usize),
    /// The filters of one request on the link itself, and whether it was sent.
    OnLink(Group, bool),
}

#[derive(Debug, Default)]
pub(super) struct Bisection {
    /// Filters that were under way when a connection ended, or half of these.
    suspected: VecDeque<Group>,
    /// Requests at once when it ended, until one filter is found to be the reason.
    burst: Option<usize>,
    /// Subjects that passed, kept back until it is known whether the burst was the reason.
    passed: Vec<Subject>,
    /// Subjects that were not requested from this broker before, which closes connections for what it forbids.
    pub(super) unproven: Vec<Subject>,
    /// Subjects that were fatal before, and are due to be probed again.
    pub(super) known_fatal: VecDeque<Subject>,
    running: Option<Round>,
    /// No second connection can be made.
    only_on_link: bool,
    /// When the next probe may begin.
    not_before: Option<Instant>,
}

impl Bisection {
    /// The requests to send on another connection now, all at once, if no probe is running. Only subjects that are
    /// `undecided` are probed.
    pub(super) fn next_probe(
        &mut self,
        batch: usize,
        now: Instant,
        undecided: impl Fn(&Subject) -> bool,
    ) -> Option<Vec<Vec<Subject>>> {
        if self.running.is_some() || self.not_before.is_some_and(|at| now < at) {
            return None;
        }
        let suspected = self.next_suspected(batch, &undecided);
        self.only_on_link &= suspected.is_some();
        let round = match suspected {
            Some(group) if self.only_on_link => Round::OnLink(group, false),
            Some(group) => Round::Group(group),
            None => self.next_burst().or_else(|| self.next_unproven(batch, &undecided).map(Round::Group))?,
        };
        let requests = match &round {
            Round::Group(group) => Some(vec![group.subjects.clone()]),
            Round::Burst(subject, times) => Some(vec![vec![subject.clone()]; *times]),
            Round::OnLink(..) => None,
        };
        self.running = Some(round);
        requests
    }

    fn next_suspected(&mut self, batch: usize, undecided: impl Fn(&Subject) -> bool) -> Option<Group> {
        while let Some(mut group) = self.suspected.pop_front() {
            group.subjects.retain(&undecided);
            if group.subjects.len() > batch {
                let rest = group.subjects.split_off(batch);
                self.suspected.push_front(self::group(rest, Part::Whole));
                group.part = Part::Whole;
            }
            if !group.subjects.is_empty() {
                return Some(group);
            }
        }
        None
    }

    fn next_burst(&mut self) -> Option<Round> {
        let burst = self.burst.take()?;
        Some(Round::Burst(self.passed.first()?.clone(), burst))
    }

    fn next_unproven(&mut self, batch: usize, undecided: impl Fn(&Subject) -> bool) -> Option<Group> {
        self.unproven.retain(&undecided);
        let batch = batch.min(self.unproven.len());
        let mut subjects: Vec<Subject> = self.unproven.drain(..batch).collect();
        while subjects.is_empty() {
            let known = self.known_fatal.pop_front()?;
            subjects.extend(Some(known).filter(&undecided));
        }
        Some(group(subjects, Part::Whole))
    }

    pub(super) fn probed(&mut self, outcome: ProbeOutcome, limits: &mut BrokerLimits, now: Instant) -> Vec<Finding> {
        match (self.running.take(), outcome) {
            (Some(Round::Group(group)), ProbeOutcome::Survived) => {
                self.group_passed(&group, limits);
                self.passed.extend(group.subjects);
            }
            (Some(Round::Group(group)), ProbeOutcome::Closed(reason)) => {
                self.burst = None;
                let fatal = self.group_failed(group, limits);
                let harmless = self.take_passed();
                let fatal = fatal.map(|fatal| Finding::Fatal(fatal, reason));
                return harmless.into_iter().chain(fatal).collect();
            }
            (Some(Round::Group(mut group)), ProbeOutcome::NotConnected) => {
                self.not_before = Some(now + TRY_AGAIN);
                group.tries += 1;
                if group.tries < TRIES {
                    self.suspected.push_front(group);
                } else {
                    self.only_on_link = true;
                    self.running = Some(Round::OnLink(group, false));
                }
            }
            (Some(Round::Burst(..)), ProbeOutcome::Closed(_)) => limits.slow_down(),
            (Some(Round::Burst(..)) | None, _) => {}
            (on_link @ Some(Round::OnLink(..)), _) => self.running = on_link,
        }
        if self.burst.is_some() {
            return Vec::new();
        }
        self.take_passed().into_iter().collect()
    }

    /// The filters to request on the link while nothing else is under way, if any.
    pub(super) fn next_on_link(&mut self) -> Option<Vec<Subject>> {
        match &mut self.running {
            Some(Round::OnLink(group, is_sent)) if !*is_sent => {
                *is_sent = true;
                Some(group.subjects.clone())
            }
            _ => None,
        }
    }

    /// Whether these are requested so.
    pub(super) fn is_on_link(&self, subjects: &[Subject]) -> bool {
        let Some(Round::OnLink(group, true)) = &self.running else {
            return false;
        };
        // Those of the group that have left meanwhile were not requested.
        let first = subjects.first().map(Subject::name);
        let mut names = group.subjects.iter().map(Subject::name);
        names.any(|name| Some(name) == first)
    }

    /// The link has survived the probe on it. Without limits nothing of the group was left to request.
    pub(super) fn passed_on_link(&mut self, limits: Option<&mut BrokerLimits>) {
        if let Some(Round::OnLink(group, _)) = self.running.take()
            && let Some(limits) = limits
        {
            self.group_passed(&group, limits);
        }
    }

    /// The link is lost, and a probe with it. These requests were under way. Returns the fatal subject if a probe on the
    /// link has found it.
    pub(super) fn link_lost(&mut self, mut under_way: Vec<Vec<Subject>>, limits: &mut BrokerLimits) -> Option<Subject> {
        let burst = limits.burst();
        // These are requested anew.
        self.unproven.clear();
        self.known_fatal.clear();
        self.not_before = None;
        let mut fatal = None;
        match self.running.take() {
            Some(Round::Group(group)) => self.suspected.push_front(group),
            Some(Round::Burst(_, burst)) => self.burst = Some(burst),
            // Nothing else was under way: this is the proof.
            Some(Round::OnLink(group, true)) if under_way.len() == 1 => {
                under_way.clear();
                fatal = self.group_failed(group, limits);
            }
            Some(Round::OnLink(_, true)) if !under_way.is_empty() => {}
            Some(Round::OnLink(group, _)) => self.suspected.push_front(group),
            None => {}
        }
        if !under_way.is_empty() {
            self.burst = Some(burst).filter(|&burst| burst > 1);
        }
        self.suspected.extend(under_way.into_iter().map(|subjects| group(subjects, Part::Whole)));
        fatal
    }

    /// All subjects for which a connection may have ended.
    pub(super) fn suspected(&self) -> Vec<Subject> {
        let subjects = self.suspected.iter().flat_map(|group| &group.subjects);
        subjects.chain(&self.passed).cloned().collect()
    }

    fn take_passed(&mut self) -> Option<Finding> {
        let passed = std::mem::take(&mut self.passed);
        (!passed.is_empty()).then_some(Finding::Harmless(passed))
    }

    /// A half that passes says something of the other one.
    fn group_passed(&mut self, group: &Group, limits: &mut BrokerLimits) {
        match (group.part, self.suspected.front_mut()) {
            (Part::First, Some(other)) => other.part = Part::Second(Some(group.subjects.len())),
            (Part::Second(Some(first)), _) => limits.shrink(first),
            _ => {}
        }
    }

    /// Halves the group, or returns its only subject: that one is fatal.
    fn group_failed(&mut self, mut group: Group, limits: &mut BrokerLimits) -> Option<Subject> {
        if group.subjects.len() > 1 {
            let second = group.subjects.split_off(group.subjects.len().div_ceil(2));
            self.suspected.push_front(self::group(second, Part::Second(None)));
            self.suspected.push_front(self::group(group.subjects, Part::First));
            return None;
        }
        limits.ends_for_forbidden = true;
        group.subjects.pop()
    }
}

fn group(subjects: Vec<Subject>, part: Part) -> Group {
    Group { subjects, part, tries: 0 }
}
