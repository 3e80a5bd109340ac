//! The time, as a shard reads it.
//!
//! A shard reads the clock when a turn begins, and behind writes, to measure how long deliveries took. Everything else
//! uses the reading of the turn. Where the readings come from is said from outside: a model says them itself.

use std::time::{Duration, Instant, SystemTime};

/// Where the time comes from.
#[derive(Clone, Copy, Debug)]
pub struct TimeSource {
    pub(super) monotonic: fn() -> Instant,
    /// For tokens, which expire by the clock on the wall.
    pub(super) wall: fn() -> SystemTime,
}

impl TimeSource {
    /// The machine's clocks.
    pub const MACHINE: Self = Self { monotonic: Instant::now, wall: SystemTime::now };
}

/// A point in time, in tenths of a second since the shard began: 4 bytes for each subscriber instead of 16.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Tenths(u32);

impl Tenths {
    pub(super) const STEP: Duration = Duration::from_millis(100);

    fn new(since_start: Duration) -> Self {
        // Not by `as_millis`, whose 128 bits cost a long division in every turn.
        let tenths = since_start.as_secs() * 10 + u64::from(since_start.subsec_millis() / 100);
        Self(u32::try_from(tenths).unwrap_or(u32::MAX))
    }

    pub(super) fn since(self, earlier: Self) -> Duration {
        Self::STEP * (self.0 - earlier.0)
    }
}

/// A shard's clock.
#[derive(Debug)]
pub(super) struct Clock {
    source: TimeSource,
    started: Instant,
    now: Instant,
    tenths: Tenths,
}

impl Clock {
    pub(super) fn new(source: TimeSource) -> Self {
        let now = (source.monotonic)();
        Self { source, started: now, now, tenths: Tenths::default() }
    }

    /// Reads the clock: this is now, until the next call. To be called first in whatever the shard does after it may have
    /// slept: by the clock of before, a stream that just began would have been silent for as long as that.
    pub(super) fn advance(&mut self) -> Instant {
        self.now = self.read();
        self.tenths = Tenths::new(self.now - self.started);
        self.now
    }

    /// When the shard's turn began.
    pub(super) fn now(&self) -> Instant {
        self.now
    }

    /// The same, to be kept for a subscriber.
    pub(super) fn tenths(&self) -> Tenths {
        self.tenths
    }

    /// What the clock shows at this very moment.
    pub(super) fn read(&self) -> Instant {
        (self.source.monotonic)()
    }

    /// The time on the wall.
    pub(super) fn wall(&self) -> SystemTime {
        (self.source.wall)()
    }

    /// When that was on the wall.
    pub(super) fn wall_at(&self, then: Tenths, wall_now: SystemTime) -> SystemTime {
        wall_now - self.tenths.since(then)
    }
}
