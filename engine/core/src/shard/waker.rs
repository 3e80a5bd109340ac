//! How tasks on a shard's thread wake the shard.

use std::cell::RefCell;
use std::rc::Rc;

use mio::Token;
use tokio::sync::Notify;

/// Subscribers whose pipes have no socket, and have something to be done.
#[derive(Debug, Default)]
pub(super) struct WakeQueue {
    woken: RefCell<Vec<Token>>,
    notify: Notify,
}

impl WakeQueue {
    /// Wakes the shard for no subscriber in particular.
    pub(super) fn wake(&self) {
        self.notify.notify_one();
    }

    /// Waits until the shard is woken.
    pub(super) async fn woken(&self) {
        self.notify.notified().await;
    }

    /// The subscribers for which the shard was woken since the last call.
    pub(super) fn take(&self) -> Vec<Token> {
        std::mem::take(&mut *self.woken.borrow_mut())
    }
}

/// Wakes the shard for one subscriber.
#[derive(Clone, Debug)]
pub struct Waker {
    pub(super) wake_queue: Rc<WakeQueue>,
    pub(super) token: Token,
}

impl Waker {
    /// Asks the shard to look at this subscriber: there is room again, or its peer is gone.
    pub fn wake(&self) {
        self.wake_queue.woken.borrow_mut().push(self.token);
        self.wake_queue.wake();
    }
}
