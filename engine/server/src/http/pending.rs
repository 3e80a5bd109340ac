//! Connections that are not streams (yet): how many there may be, and which one is cut when there are too many.
//!
//! Invariant: at most `http.pending` connections hold a [`Ticket`] with a permit. When no permit is left, the oldest
//! connection on which no request is being answered is cut, so silent connections can't keep others out.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Weak};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// The acceptor's side.
pub(super) struct Pending {
    permits: Arc<Semaphore>,
    most: usize,
    oldest_first: RefCell<VecDeque<Weak<Holder>>>,
}

/// A connection's side.
pub(super) struct Ticket {
    permit: RefCell<Option<OwnedSemaphorePermit>>,
    holder: Arc<Holder>,
}

#[derive(Default)]
struct Holder {
    unwanted: Notify,
    /// It carries streams, and has released its permit: to cut it would make no room.
    has_left: AtomicBool,
    /// Requests that are being answered, and streams.
    busy: AtomicU32,
}

/// While it lives, its connection is not cut.
pub(super) struct Busy(Arc<Holder>);

impl Pending {
    pub(super) fn new(most: usize) -> Self {
        let most = most.clamp(1, Semaphore::MAX_PERMITS);
        Self { permits: Arc::new(Semaphore::new(most)), most, oldest_first: RefCell::default() }
    }

    /// Waits for a permit. If none is left, another connection is cut.
    pub(super) async fn admit(&self) -> Ticket {
        let permit = match Arc::clone(&self.permits).try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => {
                self.make_room();
                let permit = Arc::clone(&self.permits).acquire_owned().await;
                permit.expect("the semaphore is never closed")
            }
        };
        let holder = Arc::new(Holder::default());
        self.remember(Arc::downgrade(&holder));
        Ticket { permit: RefCell::new(Some(permit)), holder }
    }

    fn remember(&self, holder: Weak<Holder>) {
        let mut oldest_first = self.oldest_first.borrow_mut();
        if oldest_first.len() >= 2 * self.most {
            oldest_first.retain(|holder| {
                let holder = holder.upgrade();
                holder.is_some_and(|holder| !holder.has_left.load(Ordering::Relaxed))
            });
        }
        oldest_first.push_back(holder);
    }

    fn make_room(&self) {
        let mut oldest_first = self.oldest_first.borrow_mut();
        for _ in 0..oldest_first.len() {
            let Some(holder) = oldest_first.pop_front() else {
                return;
            };
            match holder.upgrade() {
                Some(found) if found.has_left.load(Ordering::Relaxed) => {}
                Some(found) if found.busy.load(Ordering::Relaxed) == 0 => {
                    return found.unwanted.notify_one();
                }
                Some(_) => oldest_first.push_back(holder),
                None => {}
            }
        }
    }
}

impl Ticket {
    /// Marks the connection as busy while a request is answered.
    pub(super) fn busy(&self) -> Busy {
        self.holder.busy.fetch_add(1, Ordering::Relaxed);
        Busy(Arc::clone(&self.holder))
    }

    pub(super) fn is_busy(&self) -> bool {
        self.holder.busy.load(Ordering::Relaxed) > 0
    }

    /// The connection carries streams, which have permits of their own.
    pub(super) fn release_permit(&self) {
        self.holder.has_left.store(true, Ordering::Relaxed);
        self.permit.take();
    }

    /// Returns when another connection needs the permit.
    pub(super) async fn unwanted(&self) {
        self.holder.unwanted.notified().await;
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.busy.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(all(test, not(floodway_loom)))]
mod tests;
