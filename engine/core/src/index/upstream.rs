//! Whether the sources send a tenant's events: one state for readers, made of what each source says.
//!
//! Invariant: a tenant is confirmed only if every source that is open has answered for it, and one of them sends its events; so
//! whatever is published afterwards arrives, whichever source it comes from. A source that is away counts for nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::watch;

/// Sources of a gateway at most.
pub const SOURCES_MAX: usize = 32;

/// Whether the sources send a tenant's events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upstream {
    /// Not (yet) confirmed.
    Waiting,
    /// The source has confirmed the subscription: every event from now on arrives.
    Confirmed,
    /// The source has refused the subscription.
    Refused,
    /// Every source that is open leaves the tenant to one that is away.
    Away,
}

/// What one source says of a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Nothing yet, or nothing any more.
    None,
    /// Every event from now on arrives.
    Confirmed,
    /// It refuses the subscription.
    Refused,
    /// Another source serves the tenant.
    Passed,
}

/// The number of a source in its gateway, below [`SOURCES_MAX`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SourceNumber(u32);

impl SourceNumber {
    /// This number, of which as much counts as there can be sources.
    pub fn new(number: usize) -> Self {
        Self((number % SOURCES_MAX) as u32)
    }

    /// The number so many behind this one.
    #[must_use]
    pub fn plus(self, more: usize) -> Self {
        Self::new(self.0 as usize + more)
    }

    fn bit(self) -> u64 {
        1 << self.0
    }
}

/// Which sources are open: they are asked for tenants.
#[derive(Debug, Default)]
pub(super) struct OpenSources(AtomicU64);

impl OpenSources {
    pub(super) fn set(&self, source: SourceNumber, is_open: bool) {
        if is_open {
            self.0.fetch_or(source.bit(), Ordering::Relaxed);
        } else {
            self.0.fetch_and(!source.bit(), Ordering::Relaxed);
        }
    }
}

/// What the sources say of one tenant. Ingest alone changes it.
#[derive(Debug)]
pub(super) struct Answers {
    open: Arc<OpenSources>,
    /// A bit for each source: who has confirmed, refused, passed.
    given: [AtomicU64; 3],
    state: watch::Sender<Upstream>,
}

impl Answers {
    pub(super) fn new(open: Arc<OpenSources>) -> Self {
        Self { open, given: Default::default(), state: watch::Sender::new(Upstream::Waiting) }
    }

    pub(super) fn state(&self) -> &watch::Sender<Upstream> {
        &self.state
    }

    pub(super) fn set(&self, source: SourceNumber, answer: Answer) {
        // Who waits is notified of a link that was lost, also if nothing was said on it.
        let mut is_news = matches!(answer, Answer::Refused | Answer::None);
        for (given, known) in self.given.iter().zip([Answer::Confirmed, Answer::Refused, Answer::Passed]) {
            let before = if answer == known {
                given.fetch_or(source.bit(), Ordering::Relaxed)
            } else {
                given.fetch_and(!source.bit(), Ordering::Relaxed)
            };
            is_news |= (before & source.bit() != 0) != (answer == known);
        }
        if is_news {
            self.renew();
        }
    }

    /// Makes the state of what is said now. Who watches is notified also if it is the same: the reason to refuse may be another.
    pub(super) fn renew(&self) {
        let [confirmed, refused, passed] = [0, 1, 2].map(|which| self.given[which].load(Ordering::Relaxed));
        let unanswered = self.open.0.load(Ordering::Relaxed) & !(confirmed | refused | passed);
        let state = match (confirmed, refused, passed) {
            _ if unanswered != 0 => Upstream::Waiting,
            (1.., ..) => Upstream::Confirmed,
            (0, 1.., _) => Upstream::Refused,
            (0, 0, 1..) => Upstream::Away,
            (0, 0, 0) => Upstream::Waiting,
        };
        self.state.send_replace(state);
    }
}

#[cfg(all(test, not(floodway_loom)))]
mod tests;
