//! The queue in which events wait for a reader on another thread of the gateway.

use std::io;
use std::rc::Rc;
use std::sync::Arc;

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Notify, mpsc};

use crate::event::{Event, MetricSet};
use floodway_protocol::messages::notice::Gap;

/// What a reader of events gets.
#[derive(Clone, Debug)]
pub enum Received {
    /// An event, and the metrics that the subscriber sees of it, for [`Event::json_with`].
    Event(Arc<Event>, Option<Arc<MetricSet>>),
    /// Events are missing here.
    Gap(Gap),
}

/// The shard's end of the queue.
pub struct EventQueue {
    /// None: nothing follows.
    pub(super) sender: Option<mpsc::Sender<Received>>,
    /// Notified when the queue was full.
    pub(super) full: Rc<Notify>,
}

impl EventQueue {
    pub(super) fn new(sender: mpsc::Sender<Received>) -> Self {
        Self { sender: Some(sender), full: Rc::default() }
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
}
