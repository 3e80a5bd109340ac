//! Tenants that the broker has granted, and that wait until what it retains of them is there, so that the first stream's
//! snapshot has it.
//!
//! The broker sends retained messages before its SUBACK or behind it (MQTT 5.0, 3.3.1.3), and does not say which is the last.
//! But it answers a ping after them. One that does not answer holds nobody up for long.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::source::Confirmation;

/// How long a tenant waits at most.
const PATIENCE: Duration = Duration::from_secs(1);

/// In the order in which they were granted.
#[derive(Debug, Default)]
pub(super) struct Held(VecDeque<(u64, Instant, Confirmation)>);

impl Held {
    /// Takes those of `granted` that nobody follows yet; streams that do are owed a notice at its place. Returns whether any
    /// were taken: they wait for the ping of this number then, which is to be sent.
    pub(super) fn take(&mut self, granted: &mut VecDeque<Confirmation>, ping: u64, now: Instant) -> bool {
        let is_new = |one: &Confirmation| !one.owes_gap && !one.is_return;
        let (new, others): (Vec<_>, Vec<_>) = std::mem::take(granted).into_iter().partition(is_new);
        granted.extend(others);
        let is_any = !new.is_empty();
        self.0.extend(new.into_iter().map(|one| (ping, now, one)));
        is_any
    }

    /// The next one that need not wait any longer, after so many answers to pings.
    pub(super) fn next(&mut self, answered: u64, now: Instant) -> Option<Confirmation> {
        let (ping, since, _) = self.0.front()?;
        if answered < *ping && now < *since + PATIENCE {
            return None;
        }
        self.0.pop_front().map(|(_, _, confirmation)| confirmation)
    }

    /// The link is lost, and what was granted with it.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}
