//! Ids of events.
//!
//! An id is a stamp, which grows by time, and behind it the gateway's mark: so an id of another gateway, or of this one
//! before a restart, is hardly ever one of this gateway's. Bounds of ids are bounds of stamps.
//!
//! Invariant: an [`IdSource`] never gives a stamp twice, and each is greater than all before it. Stamps follow the clock
//! up to a bound ([`Ids::follow_to`]), and grow by one beyond it. If the bound is kept outside of the process, the stamps
//! can begin above it after a restart ([`Ids::begin_after`]), whatever the clock shows then.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use floodway_protocol::EventId;

/// Bits of the mark, the lowest ones of an id. A stamp has room above them until the year 2540.
pub const MARK_BITS: u32 = 10;

/// The last stamp of a gateway, how far stamps may follow the clock, and the gateway's mark. Only one thread changes them.
#[derive(Debug)]
pub struct Ids {
    last: AtomicU64,
    follow_to: AtomicU64,
    mark: u64,
}

impl Default for Ids {
    /// None given yet, no bound, and a random mark.
    fn default() -> Self {
        Self::marked(fastrand::u64(..))
    }
}

impl Ids {
    /// None given yet, no bound, and this mark, of which [`MARK_BITS`] count.
    pub fn marked(mark: u64) -> Self {
        let mark = mark % (1 << MARK_BITS);
        Self { last: AtomicU64::new(0), follow_to: AtomicU64::new(u64::MAX), mark }
    }

    /// The last stamp that was given or skipped; 0 if there is none.
    pub fn last(&self) -> u64 {
        self.last.load(Ordering::Relaxed)
    }

    /// Skips the stamps up to `stamp`.
    pub fn begin_after(&self, stamp: u64) {
        self.last.store(self.last().max(stamp), Ordering::Relaxed);
    }

    /// Sets the bound up to which stamps follow the clock.
    pub fn follow_to(&self, stamp: u64) {
        self.follow_to.store(stamp, Ordering::Relaxed);
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

    /// The next id. Its stamp is the Unix time in microseconds, or one more than the last stamp if the clock is not beyond
    /// that, or is beyond the bound.
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
        EventId::new(next << MARK_BITS | self.ids.mark)
    }
}

/// The Unix time in microseconds.
pub fn now_micros() -> u64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
    u64::try_from(since_epoch.unwrap_or_default().as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
