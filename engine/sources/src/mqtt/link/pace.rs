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
        self.last.map_or(Duration::ZERO, |last| {
            self.pause
                .saturating_sub(now.saturating_duration_since(last))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_waits_for_nothing_and_the_next_for_what_is_left_of_the_pause() {
        let us = Duration::from_micros;
        let mut pace = Pace::new(us(250));
        let start = Instant::now();
        assert_eq!(pace.left(start), us(0));
        pace.last = Some(start);
        assert_eq!(pace.left(start + us(50)), us(200));
        assert_eq!(pace.left(start + us(250)), us(0));
        assert_eq!(pace.left(start + us(9000)), us(0));
    }

    #[test]
    fn no_pause_is_no_pause() {
        let mut pace = Pace::new(Duration::ZERO);
        pace.rest();
        assert_eq!(pace.left(Instant::now()), Duration::ZERO);
    }
}
