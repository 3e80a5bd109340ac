//! When the next event is due: the clock and the counts go in, a decision comes out.

use crate::plan::Phase;

/// Rest after each event of a phase `single`.
const REST_US: u64 = 2_000;

/// A phase that can't be kept up with ends so long after its time, with fewer events.
const LATE_S_MAX: f64 = 5.0;

/// What the publisher is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// Hand over so many events that somebody wants.
    Now(u64),
    /// Nothing before this moment, microseconds of the clock.
    At(u64),
    /// Nothing until more events are complete; not beyond this moment, if there is one.
    Blocked(Option<u64>),
    /// The phase is over.
    Over,
}

/// The pace of one phase.
#[derive(Debug)]
pub(crate) struct Pace {
    phase: Phase,
    start_us: u64,
    /// When the event before was complete, for `single`.
    rested_us: u64,
}

impl Pace {
    /// The phase begins now.
    pub(crate) fn new(phase: Phase, now_us: u64) -> Self {
        Pace { phase, start_us: now_us, rested_us: now_us }
    }

    /// Whether what is due depends on what is complete.
    pub(crate) fn is_closed_loop(&self) -> bool {
        matches!(self.phase, Phase::Window { .. } | Phase::Single { .. })
    }

    /// What is due, with so many events handed over in this phase, and so many of them incomplete.
    pub(crate) fn due(&mut self, now_us: u64, sent: u64, incomplete: u64) -> Due {
        match self.phase {
            Phase::Paced { rate, time } => self.paced(now_us, sent, rate, time.as_secs_f64()),
            Phase::Window { width, time } => {
                let end_us = self.start_us + time.as_micros() as u64;
                match width.saturating_sub(incomplete) {
                    _ if now_us >= end_us => Due::Over,
                    0 => Due::Blocked(Some(end_us)),
                    room => Due::Now(room),
                }
            }
            Phase::Single { count } => self.single(now_us, sent, incomplete, count),
            Phase::Idle { .. } => Due::Over,
        }
    }

    fn paced(&self, now_us: u64, sent: u64, rate: f64, seconds: f64) -> Due {
        // The first at once, and as many as fit before the end; never none.
        let all = ((rate * seconds).round() as u64).max(1);
        let elapsed = (now_us - self.start_us) as f64 / 1e6;
        if sent >= all || elapsed > seconds + LATE_S_MAX {
            return Due::Over;
        }
        match ((elapsed * rate) as u64 + 1).min(all).saturating_sub(sent) {
            0 => Due::At(self.start_us + (sent as f64 / rate * 1e6).ceil() as u64),
            events => Due::Now(events),
        }
    }

    fn single(&mut self, now_us: u64, sent: u64, incomplete: u64, count: u64) -> Due {
        if incomplete > 0 {
            self.rested_us = now_us + REST_US;
            return Due::Blocked(None);
        }
        match self.rested_us {
            _ if sent >= count => Due::Over,
            rested if now_us < rested => Due::At(rested),
            _ => Due::Now(1),
        }
    }
}

#[cfg(test)]
mod tests;
