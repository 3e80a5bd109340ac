//! Ids of events.
//!
//! Invariant: an [`IdSource`] never gives an id twice, and each is greater than all before it. Ids follow the clock up to
//! a bound ([`Ids::follow_to`]), and grow by one beyond it. If the bound is kept outside of the process, the ids can begin
//! above it after a restart ([`Ids::begin_after`]), whatever the clock shows then.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use floodway_protocol::EventId;

/// The last id of a gateway, and how far ids may follow the clock. Only one thread changes them.
#[derive(Debug)]
pub struct Ids {
    last: AtomicU64,
    follow_to: AtomicU64,
}

impl Default for Ids {
    /// None given yet, and no bound.
    fn default() -> Self {
        Self { last: AtomicU64::new(0), follow_to: AtomicU64::new(u64::MAX) }
    }
}

impl Ids {
    /// The last id that was given or skipped; 0 if there is none.
    pub fn last(&self) -> u64 {
        self.last.load(Ordering::Relaxed)
    }

    /// Skips the ids up to `id`.
    pub fn begin_after(&self, id: u64) {
        self.last.store(self.last().max(id), Ordering::Relaxed);
    }

    /// Sets the bound up to which ids follow the clock.
    pub fn follow_to(&self, id: u64) {
        self.follow_to.store(id, Ordering::Relaxed);
    }
}

/// Gives each event its id; the default one begins at the present time, without a bound. There is one at a time for the same [`Ids`], and one [`Ids`] per gateway: two sources would
/// give the same ids.
#[derive(Debug, Default)]
pub struct IdSource {
    ids: Arc<Ids>,
}

impl IdSource {
    /// A source that goes on after `ids`.
    pub fn of(ids: Arc<Ids>) -> Self {
        Self { ids }
    }

    /// The next id: the Unix time in microseconds, or one more than the last id if the clock is not beyond that, or is beyond
    /// the bound.
    #[expect(
        clippy::should_implement_trait,
        reason = "ids never end, so there is no `None` for an iterator to give"
    )]
    pub fn next(&mut self) -> EventId {
        self.next_at(now_micros())
    }

    /// The next id at the time `now`.
    pub fn next_at(&mut self, now: u64) -> EventId {
        let last = self.ids.last();
        let may_follow = now <= self.ids.follow_to.load(Ordering::Relaxed);
        let next = if may_follow || last == 0 { now.max(last + 1) } else { last + 1 };
        self.ids.last.store(next, Ordering::Relaxed);
        EventId::new(next)
    }
}

/// The Unix time in microseconds.
pub fn now_micros() -> u64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
    u64::try_from(since_epoch.unwrap_or_default().as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
