//! What goes out: from the inbox into batches, from batches to outlets, and into rings what an outlet does not take.
//!
//! It is given the subscribers and the cohorts that it delivers to, and ends no stream: where an outlet fails, or a policy
//! disconnects, it says so (`failed`, or an error), and the shard ends the stream.

mod flush;
mod hold;
#[cfg(not(target_os = "linux"))]
mod no_uring;
mod pace;
mod tick;
#[cfg(target_os = "linux")]
mod uring;
mod write;

use std::io;
use std::sync::Arc;

#[cfg(not(target_os = "linux"))]
use self::no_uring as uring;
pub(crate) use self::tick::Tick;
use self::uring::Uring;
use super::clock::Clock;
use super::config::{Config, Writes};
use super::keys::SubscriberKey;
use super::matcher::Matcher;
use super::metrics::{Metrics, Untimed};
use super::pinned::Pinned;
use crate::inbox::Inbox;
use floodway_protocol::End;

pub(crate) struct Delivery {
    pub(crate) tick: Tick,
    /// Members whose batch goes out by the next call of io_uring, where that is used.
    queued: Vec<SubscriberKey>,
    uring: Option<Uring>,
    /// The memory of the events that may wait for one subscriber, as configured.
    queue_bytes: usize,
    /// The events that wait for all.
    pub(crate) pinned: Pinned,
    /// Notices that may wait for one subscriber, in bytes.
    control_bytes: usize,
    pub(crate) metrics: Arc<Metrics>,
    /// Deliveries of which `metrics` does not know yet how long they took.
    untimed: Untimed,
    pub(crate) clock: Clock,
    /// Streams that a flush could not go on with, and how they are to end.
    pub(crate) failed: Vec<(SubscriberKey, End)>,
}

impl Delivery {
    /// # Errors
    /// If the settings demand io_uring and the kernel gives none.
    pub(crate) fn new(config: &Config, metrics: Arc<Metrics>, clock: Clock) -> io::Result<Self> {
        Ok(Self {
            tick: Tick::default(),
            queued: Vec::new(),
            uring: open_uring(config.writes)?,
            queue_bytes: config.queue_bytes,
            pinned: Pinned::new(&metrics, config.held_bytes / config.count.max(1)),
            control_bytes: config.control_bytes,
            metrics,
            untimed: Untimed::default(),
            clock,
            failed: Vec::new(),
        })
    }

    /// Takes what waits in the inbox and matches it.
    pub(crate) fn distribute(&mut self, inbox: &Inbox, matcher: &mut Matcher) {
        self.tick.fill(inbox, matcher);
        let behind = self.tick.take_behind();
        self.count_unread(behind);
    }

    /// So many events wait in histories for those that are behind.
    pub(crate) fn count_unread(&self, events: u64) {
        self.metrics.events.matched.add(events);
        self.metrics.events.held.add(events);
    }

    /// Counts how long those deliveries took whose time was not taken yet.
    pub(crate) fn count_delays(&mut self) {
        let clock = &self.clock;
        self.untimed.count(&self.metrics.delays, || clock.read());
    }
}

fn open_uring(writes: Writes) -> io::Result<Option<Uring>> {
    match writes {
        Writes::Write => Ok(None),
        Writes::IoUring => Uring::open().map(Some).map_err(|error| {
            let hint = "the kernel gives no io_uring; set shard.writes to write";
            io::Error::new(error.kind(), format!("{hint} ({error})"))
        }),
    }
}
