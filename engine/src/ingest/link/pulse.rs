//! Whether the broker is still there.
//!
//! Invariant: two pings are a pause apart, whatever else is sent. A broker that says nothing at all from one to the next
//! is gone; so one that hangs is noticed within two pauses.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep};

use super::error::LinkError;

pub(super) struct Pulse {
    pause: Duration,
    timer: Pin<Box<Sleep>>,
    /// Since the last ping.
    is_heard: bool,
}

impl Pulse {
    pub(super) fn new(pause: Duration) -> Self {
        Self {
            pause,
            timer: Box::pin(sleep(pause)),
            is_heard: true,
        }
    }

    /// Something has come.
    pub(super) fn heard(&mut self) {
        self.is_heard = true;
    }

    /// Ready when a ping is to be sent. To be asked after everything that has come was read.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), LinkError>> {
        ready!(self.timer.as_mut().poll(cx));
        if !std::mem::take(&mut self.is_heard) {
            return Poll::Ready(Err(LinkError::Silent(self.pause)));
        }
        self.timer.as_mut().reset(Instant::now() + self.pause);
        Poll::Ready(Ok(()))
    }
}
