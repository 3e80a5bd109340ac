//! How tasks on a shard's thread tell the shard that something is to be done.

use std::cell::RefCell;
use std::rc::Rc;

use mio::Token;
use tokio::sync::Notify;

/// Rung by pipes that have no socket of their own.
#[derive(Debug, Default)]
pub(super) struct WakeQueue {
    rung: RefCell<Vec<Token>>,
    notify: Notify,
}

impl WakeQueue {
    /// Wakes the shard for no subscriber in particular.
    pub(super) fn wake(&self) {
        self.notify.notify_one();
    }

    pub(super) async fn heard(&self) {
        self.notify.notified().await;
    }

    /// Those who rang since the last call.
    pub(super) fn take(&self) -> Vec<Token> {
        std::mem::take(&mut *self.rung.borrow_mut())
    }
}

/// One subscriber's button.
#[derive(Clone, Debug)]
pub struct Waker {
    pub(super) wake_queue: Rc<WakeQueue>,
    pub(super) token: Token,
}

impl Waker {
    /// Asks the shard to look at this subscriber: there is room again, or its peer is gone.
    pub fn wake(&self) {
        self.wake_queue.rung.borrow_mut().push(self.token);
        self.wake_queue.wake();
    }
}
