//! Messages that were refused, for whoever looks for a fault.
//!
//! Invariant: one problem a topic, [`PROBLEMS`] at most; a later valid message of the topic takes it back. The log
//! names each new one, at a bounded rate.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use floodway_core::printable::printable;

/// Problems that are kept, the newest.
pub(super) const PROBLEMS: usize = 100;

/// Lines in the log in each [`LOG_PAUSE`].
const LOG_LINES: u32 = 20;
const LOG_PAUSE: Duration = Duration::from_secs(10);

/// Characters of a topic that are kept. A name has 256 bytes at most, a group's topic two of them.
const TOPIC_CHARS: usize = 600;

/// A message that was refused. It changed nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Its topic, with nothing in it that could forge a line or drive a terminal.
    pub topic: String,
    /// What is wrong, naming the field.
    pub reason: String,
    /// When it came.
    pub at: SystemTime,
}

#[derive(Debug, Default)]
pub(super) struct Problems {
    /// The newest last.
    pub(super) kept: Arc<VecDeque<Problem>>,
    lines: u32,
    since: Option<Instant>,
}

impl Problems {
    pub(super) fn add(&mut self, topic: &str, reason: String, now: Instant) {
        let topic = printable(topic.as_bytes(), TOPIC_CHARS);
        let is_known = |known: &Problem| known.topic == topic && known.reason == reason;
        if !self.kept.iter().any(is_known) && self.may_log(now) {
            tracing::warn!(topic, reason, "control message refused");
        }
        let kept = Arc::make_mut(&mut self.kept);
        kept.retain(|problem| problem.topic != topic);
        if kept.len() == PROBLEMS {
            kept.pop_front();
        }
        kept.push_back(Problem { topic, reason, at: SystemTime::now() });
    }

    /// A message of this topic was taken, or refused for this reason.
    pub(super) fn note(&mut self, topic: &str, outcome: Result<(), String>, now: Instant) {
        match outcome {
            Ok(()) => self.clear(topic),
            Err(reason) => self.add(topic, reason, now),
        }
    }

    pub(super) fn clear(&mut self, topic: &str) {
        if self.kept.is_empty() {
            return;
        }
        let topic = printable(topic.as_bytes(), TOPIC_CHARS);
        if self.kept.iter().any(|problem| problem.topic == topic) {
            Arc::make_mut(&mut self.kept).retain(|problem| problem.topic != topic);
        }
    }

    fn may_log(&mut self, now: Instant) -> bool {
        if self.since.is_none_or(|since| now >= since + LOG_PAUSE) {
            (self.since, self.lines) = (Some(now), 0);
        }
        self.lines += 1;
        self.lines <= LOG_LINES
    }
}
