//! What the publisher's thread and the subscribers' thread tell each other.
//!
//! Neither loses a wake-up: who goes to sleep says so first and looks again after, who has news writes them first and
//! looks after that whether the other sleeps.

use rustix::event::{EventfdFlags, eventfd};
use rustix::fd::OwnedFd;
use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};

/// Shared by both threads.
#[derive(Debug)]
pub(crate) struct Progress {
    /// Events published so far, over all phases. Counted before they are written.
    pub(crate) published: AtomicU64,
    /// Events of the phase that everyone who wants them has.
    completed: AtomicU64,
    /// The publisher has done its part of the phase.
    pub(crate) finished: AtomicBool,
    /// The publisher is to leave off.
    pub(crate) stopped: AtomicBool,
    /// The publisher sleeps, or is about to.
    asleep: AtomicBool,
    /// Why publishing came to an end before its time.
    pub(crate) failure: OnceLock<String>,
    /// Wakes the publisher.
    pub(crate) to_publisher: OwnedFd,
    /// Wakes the subscribers' thread.
    pub(crate) to_subscribers: OwnedFd,
}

impl Progress {
    /// Nothing happened yet.
    ///
    /// # Errors
    /// If there are no descriptors left.
    pub(crate) fn new() -> io::Result<Self> {
        let bell = || eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC);
        Ok(Progress {
            published: AtomicU64::new(0),
            completed: AtomicU64::new(0),
            finished: AtomicBool::new(false),
            stopped: AtomicBool::new(false),
            asleep: AtomicBool::new(false),
            failure: OnceLock::new(),
            to_publisher: bell()?,
            to_subscribers: bell()?,
        })
    }

    /// A phase is about to begin.
    pub(crate) fn begin(&self) {
        self.completed.store(0, SeqCst);
        self.finished.store(false, SeqCst);
    }

    /// Tells the publisher how many events of the phase are complete.
    pub(crate) fn complete(&self, events: u64) {
        self.completed.store(events, SeqCst);
        if self.asleep.swap(false, SeqCst) {
            ring(&self.to_publisher);
        }
    }

    /// How many events of the phase are complete.
    pub(crate) fn completed(&self) -> u64 {
        self.completed.load(SeqCst)
    }

    /// The publisher goes to sleep: it looks at everything once more after this.
    pub(crate) fn sleeps(&self) {
        self.asleep.store(true, SeqCst);
    }

    /// The publisher is to leave off, and end.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, SeqCst);
        ring(&self.to_publisher);
    }

    /// The publisher has done its part of the phase, or failed.
    pub(crate) fn finish(&self) {
        self.finished.store(true, SeqCst);
        ring(&self.to_subscribers);
    }
}

/// Wakes who waits for this bell.
pub(crate) fn ring(bell: &OwnedFd) {
    // It can only fail if the bell was rung 2^64 times and never heard.
    rustix::io::write(bell, &1u64.to_ne_bytes()).ok();
}

/// Takes back that the bell was rung.
pub(crate) fn hear(bell: &OwnedFd) {
    // Nothing to take back is as good.
    rustix::io::read(bell, &mut [0; 8]).ok();
}
