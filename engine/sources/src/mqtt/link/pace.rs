//! How often the broker's connection is read while messages come fast.
//!
//! Being woken for a message costs several times what is done with it. So two wake-ups are at least a pause apart, in
//! which further messages gather: the second of two messages waits, a lone one never does.

use std::time::{Duration, Instant};

pub(super) struct Pace {
    pause: Duration,
    /// When it last went on.
    last: Option<Instant>,
}

impl Pace {
    pub(super) fn new(pause: Duration) -> Self {
        Self { pause, last: None }
    }

    /// Called when there is something to read after there was nothing. Blocks: the runtime's clock knows milliseconds
    /// only, and its thread has nothing else to do that could not wait as long.
    pub(super) fn rest(&mut self) {
        std::thread::sleep(self.left(Instant::now()));
        self.last = Some(Instant::now());
    }

    fn left(&self, now: Instant) -> Duration {
        self.last
            .map_or(Duration::ZERO, |last| self.pause.saturating_sub(now.saturating_duration_since(last)))
    }
}

#[cfg(test)]
mod tests;
