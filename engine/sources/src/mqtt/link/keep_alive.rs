//! Pings, and whether the broker is still there.
//!
//! Invariant: two pings are a pause apart, whatever else is sent, and a broker that sends nothing at all for half of our
//! own keep-alive after one is gone. So one that hangs is noticed within 1.5 of that keep-alive.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use super::error::LinkError;

pub(super) struct KeepAlive {
    schedule: Schedule,
    timer: Pin<Box<Sleep>>,
}

impl KeepAlive {
    /// Begins now. The broker may demand a keep-alive of its own, in seconds.
    pub(super) fn new(ours: Duration, theirs: Option<u16>) -> Self {
        let schedule = Schedule::new(ours, theirs, Instant::now());
        let timer = Box::pin(sleep_until(schedule.next_ping));
        Self { schedule, timer }
    }

    pub(super) fn received(&mut self) {
        self.schedule.unanswered = None;
    }

    /// Ready when a ping is to be sent. To be polled after everything that has come was read.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), LinkError>> {
        loop {
            ready!(self.timer.as_mut().poll(cx));
            match self.schedule.due(Instant::now()) {
                Due::Ping => return Poll::Ready(Ok(())),
                Due::Later(at) => self.timer.as_mut().reset(at),
                Due::Dead => return Poll::Ready(Err(LinkError::Silent(self.schedule.patience))),
            }
        }
    }
}

/// What is due now.
#[derive(Debug, PartialEq, Eq)]
enum Due {
    Ping,
    /// Nothing before this time.
    Later(Instant),
    Dead,
}

struct Schedule {
    pause: Duration,
    patience: Duration,
    next_ping: Instant,
    /// The first ping since something came.
    unanswered: Option<Instant>,
}

impl Schedule {
    /// Pings as often as we want it, and as the broker demands (MQTT 5.0, 3.2.2.3.14; 0 demands nothing).
    fn new(ours: Duration, theirs: Option<u16>, now: Instant) -> Self {
        let theirs = theirs.filter(|&seconds| seconds != 0);
        let theirs = theirs.map_or(ours, |seconds| Duration::from_secs(seconds.into()));
        let pause = ours.min(theirs);
        Self { pause, patience: ours / 2, next_ping: now + pause, unanswered: None }
    }

    fn due(&mut self, now: Instant) -> Due {
        let given_up = self.unanswered.map(|since| since + self.patience);
        if given_up.is_some_and(|at| now >= at) {
            return Due::Dead;
        }
        if now >= self.next_ping {
            self.next_ping = now + self.pause;
            self.unanswered.get_or_insert(now);
            return Due::Ping;
        }
        Due::Later(given_up.map_or(self.next_ping, |at| at.min(self.next_ping)))
    }
}

#[cfg(test)]
mod tests;
