//! What a run is to do: who wants which events, what an event looks like, and the phases.

use std::fmt;
use std::io::Write as _;
use std::str::FromStr;
use std::time::Duration;

/// Names of the metrics that `--metric-filters` chooses among. `d` and `n` are taken: they say which event it is.
const LETTERS: &[u8] = b"abcefghijklmopqrstuvwxyz";

/// The most distinct metric filters that a run can have.
pub(crate) const METRIC_FILTERS_MAX: usize = LETTERS.len();

/// Who wants which device, and what the publisher goes round over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wants {
    /// Devices that publish, in turn.
    pub(crate) devices: u32,
    /// Each subscriber wants one device, among the first so many; `None`: all of them.
    pub(crate) one_of: Option<u32>,
    /// Distinct metric filters among the subscribers; 0: none filters.
    pub(crate) metric_filters: usize,
}

impl Wants {
    /// The one device that this subscriber wants, or `None` for all.
    pub(crate) fn device(&self, subscriber: usize) -> Option<u32> {
        self.one_of.map(|wanted| (subscriber % wanted as usize) as u32)
    }

    /// The metric that this subscriber wants besides the three that name the event.
    pub(crate) fn letter(&self, subscriber: usize) -> Option<char> {
        (self.metric_filters > 0).then(|| LETTERS[subscriber % self.metric_filters] as char)
    }

    /// Appends the payload of a device's `n`th event (from 1), handed to the socket at `at_us`.
    pub(crate) fn payload(&self, device: u32, n: u32, at_us: u64, out: &mut Vec<u8>) {
        out.extend_from_slice(
            br#"{"ts":"2026-02-16T12:00:00Z","site_id":"SITE-1","metrics":{"temperature":72.5,"humidity":45,"#,
        );
        write!(out, r#""d":{device},"n":{n},"at":{at_us}"#).expect("a Vec takes everything");
        for (value, &letter) in LETTERS[..self.metric_filters].iter().enumerate() {
            out.extend_from_slice(&[b',', b'"', letter, b'"', b':', b'0' + (value % 10) as u8]);
        }
        out.extend_from_slice(b"}}");
    }
}

/// A part of the run with figures of its own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Phase {
    /// So many events a second in all, whether or not anyone keeps up.
    Paced {
        /// Events per second.
        rate: f64,
        /// How long.
        time: Duration,
    },
    /// Closed loop: at most so many events that not everyone who wants them has.
    Window {
        /// Events under way.
        width: u64,
        /// How long.
        time: Duration,
    },
    /// One event at a time, with a rest of 2 ms after each.
    Single {
        /// Events in all.
        count: u64,
    },
    /// Nothing is published.
    Idle {
        /// How long.
        time: Duration,
    },
}

impl Phase {
    /// How the report calls it.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Phase::Paced { .. } => "paced",
            Phase::Window { .. } => "window",
            Phase::Single { .. } => "single",
            Phase::Idle { .. } => "idle",
        }
    }

    /// What the report gives as `rate`: events a second, the width of the window, or the count.
    pub(crate) fn rate(&self) -> f64 {
        match *self {
            Phase::Paced { rate, .. } => rate,
            Phase::Window { width, .. } => width as f64,
            Phase::Single { count } => count as f64,
            Phase::Idle { .. } => 0.0,
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Phase::Paced { rate, time } => write!(f, "paced:{rate}:{}", time.as_secs_f64()),
            Phase::Window { width, time } => write!(f, "window:{width}:{}", time.as_secs_f64()),
            Phase::Single { count } => write!(f, "single:{count}"),
            Phase::Idle { time } => write!(f, "idle:{}", time.as_secs_f64()),
        }
    }
}

impl FromStr for Phase {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split(':').collect();
        match parts[..] {
            ["paced", rate, seconds] => Ok(Phase::Paced { rate: positive(rate)?, time: time(seconds)? }),
            ["window", width, seconds] => Ok(Phase::Window { width: count(width)?, time: time(seconds)? }),
            ["single", events] => Ok(Phase::Single { count: count(events)? }),
            ["idle", seconds] => Ok(Phase::Idle { time: time(seconds)? }),
            _ => Err("paced:RATE:SECONDS, window:W:SECONDS, single:COUNT or idle:SECONDS".into()),
        }
    }
}

fn positive(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok();
    number
        .filter(|number| (1e-3..1e7).contains(number))
        .ok_or_else(|| format!("{text:?} is no positive number"))
}

/// Bounded, so that no run lasts for ever.
fn time(text: &str) -> Result<Duration, String> {
    let seconds = positive(text)?;
    if seconds > 3_600.0 {
        return Err("an hour is the longest phase".into());
    }
    Ok(Duration::from_secs_f64(seconds))
}

fn count(text: &str) -> Result<u64, String> {
    let number = text.parse::<u64>().ok();
    number
        .filter(|number| (1..=10_000_000).contains(number))
        .ok_or_else(|| format!("{text:?} is no count"))
}

#[cfg(test)]
mod tests;
