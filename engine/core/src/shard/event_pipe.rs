//! An outlet that takes events whole, for a reader on another thread of the gateway.
//!
//! Invariant: the queue to the reader has a bound. What it does not take waits in the subscriber's ring, under its
//! policy, so a reader that lags gets the same counted gaps as a socket. A bare socket knows nothing of this: only the
//! cold ways, of what waits and of notices, ask whether an outlet takes events.

use std::fmt;
use std::io::{self, IoSlice};
use std::rc::Rc;
use std::sync::Arc;

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Notify, mpsc};
use tokio::task::{JoinHandle, spawn_local};

use super::outlet::Pipe;
use super::waker::Waker;
use crate::event::{Event, MetricSet};
use floodway_protocol::messages::notice::Gap;

/// Items that may wait for the reader, besides those in the ring.
const QUEUE: usize = 64;

/// What a reader of events gets.
#[derive(Clone, Debug)]
pub enum Received {
    /// An event, and the metrics that the subscriber sees of it, for [`Event::json_with`].
    Event(Arc<Event>, Option<Arc<MetricSet>>),
    /// Events are missing here.
    Gap(Gap),
}

/// An outlet into the queue of a reader.
pub struct EventPipe {
    /// None: nothing follows.
    sender: Option<mpsc::Sender<Received>>,
    /// Notified when the queue was full.
    full: Rc<Notify>,
    waker: Option<Waker>,
    watching: Option<JoinHandle<()>>,
}

impl EventPipe {
    /// The sending end of a queue for events, for [`EventPipe::new`], and its reader. The reader gets none when the
    /// stream has ended.
    pub fn queue() -> (mpsc::Sender<Received>, mpsc::Receiver<Received>) {
        mpsc::channel(QUEUE)
    }

    /// A pipe into this queue. It stays on the shard's thread.
    pub fn new(queue: mpsc::Sender<Received>) -> Self {
        Self { sender: Some(queue), full: Rc::default(), waker: None, watching: None }
    }

    /// Hands one item to the reader.
    ///
    /// # Errors
    /// `WouldBlock` if it has to read first; `BrokenPipe` if it has gone.
    pub(super) fn send(&self, item: Received) -> io::Result<()> {
        let sender = self.sender.as_ref().ok_or(io::ErrorKind::BrokenPipe)?;
        sender.try_send(item).map_err(|error| match error {
            TrySendError::Full(_) => {
                self.full.notify_one();
                io::ErrorKind::WouldBlock.into()
            }
            TrySendError::Closed(_) => io::ErrorKind::BrokenPipe.into(),
        })
    }

    fn stop_watching(&mut self) {
        if let Some(watching) = self.watching.take() {
            watching.abort();
        }
    }
}

impl Pipe for EventPipe {
    fn connect(&mut self, waker: Waker) {
        self.waker = Some(waker.clone());
        let (sender, full) = (self.sender.clone(), Rc::clone(&self.full));
        self.watching = sender.map(|sender| spawn_local(watch(sender, full, waker)));
    }

    fn events(&self) -> Option<&EventPipe> {
        Some(self)
    }

    /// Takes none: a batch comes event by event instead.
    fn write_vectored(&mut self, _: &[IoSlice<'_>]) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }

    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        match &self.sender {
            Some(queue) if !queue.is_closed() => Err(io::ErrorKind::WouldBlock.into()),
            _ => Ok(0),
        }
    }

    fn finish(&mut self) -> io::Result<()> {
        self.stop_watching();
        self.sender = None;
        // The reader has all that is its own: nobody is left to wait for.
        if let Some(waker) = &self.waker {
            waker.wake();
        }
        Ok(())
    }
}

impl Drop for EventPipe {
    fn drop(&mut self) {
        self.stop_watching();
    }
}

impl fmt::Debug for EventPipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventPipe").finish_non_exhaustive()
    }
}

/// Wakes the shard when there is room again, and when the reader has gone.
async fn watch(queue: mpsc::Sender<Received>, full: Rc<Notify>, waker: Waker) {
    loop {
        tokio::select! {
            () = queue.closed() => break,
            () = full.notified() => {
                // An error says that the reader has gone, as the next round finds.
                drop(queue.reserve().await);
                waker.wake();
            }
        }
    }
    waker.wake();
}

#[cfg(all(test, not(floodway_loom)))]
mod tests;
