//! The shard's own event queue, watched by the thread's runtime.
//!
//! Subscribers' sockets are not registered with the runtime one by one: a registration, a task and its wakers would
//! cost each several hundred bytes. They are in a queue of the shard's own, and the runtime watches that queue only.
#![allow(
    unsafe_code,
    reason = "tokio can watch a descriptor of ours only by its unsafe constructor"
)]

use std::io;
use std::time::Duration;

use mio::{Events, Poll};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Sockets that report at once; further ones report the next time.
const EVENTS: usize = 1024;

/// An event queue. Edge-triggered: what is reported is not reported again until it changes.
pub(super) struct Sockets {
    queue: AsyncFd<Poll>,
    events: Events,
}

impl Sockets {
    /// Takes `poll` into the runtime of this thread.
    pub(super) fn new(poll: Poll) -> io::Result<Self> {
        // SAFETY: the descriptor is the one that `Poll` opened and owns. `Poll` returns the same one as long as it
        // lives, closes it only when it is dropped, and is neither given out nor replaced here: `queue` is private to
        // this module, which only ever polls it.
        let queue = unsafe { AsyncFd::register_with_interest(poll, Interest::READABLE) }?;
        Ok(Self { queue, events: Events::with_capacity(EVENTS) })
    }

    /// What has been reported since the last call. Does not wait.
    pub(super) fn take(&mut self) -> io::Result<&Events> {
        while let Err(error) = self.queue.get_mut().poll(&mut self.events, Some(Duration::ZERO)) {
            if error.kind() != io::ErrorKind::Interrupted {
                return Err(error);
            }
        }
        Ok(&self.events)
    }

    /// Whether more may have been reported than [`Sockets::take`] gave out.
    pub(super) fn may_have_more(&self) -> bool {
        self.events.iter().count() == EVENTS
    }

    /// Waits until a socket has something to report.
    pub(super) async fn ready(&self) -> io::Result<()> {
        self.queue.readable().await?.clear_ready();
        Ok(())
    }
}

#[cfg(all(test, not(floodway_loom)))]
mod tests;
