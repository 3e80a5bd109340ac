//! Connections that are not streams (yet): how many there may be, and who makes room when there are too many.
//!
//! Invariant: at most `http.pending` connections hold a [`Ticket`] with its place. When none is left, the oldest one on
//! which nothing is being answered is cut, so that silent connections can't shut the door for others.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Weak};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// The door's side.
pub(super) struct Pending {
    places: Arc<Semaphore>,
    most: usize,
    oldest_first: RefCell<VecDeque<Weak<Holder>>>,
}

/// A connection's side.
pub(super) struct Ticket {
    place: RefCell<Option<OwnedSemaphorePermit>>,
    holder: Arc<Holder>,
}

#[derive(Default)]
struct Holder {
    unwanted: Notify,
    /// It carries streams, and gave its place back: to cut it would make no room.
    has_left: AtomicBool,
    /// Requests that are being answered, and streams.
    busy: AtomicU32,
}

/// As long as it lives, its connection is not cut.
pub(super) struct Busy(Arc<Holder>);

impl Pending {
    pub(super) fn new(most: usize) -> Self {
        let most = most.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            places: Arc::new(Semaphore::new(most)),
            most,
            oldest_first: RefCell::default(),
        }
    }

    /// Waits for a place, and has somebody make room if there is none.
    pub(super) async fn admit(&self) -> Ticket {
        let place = match Arc::clone(&self.places).try_acquire_owned() {
            Ok(place) => place,
            Err(_) => {
                self.make_room();
                let place = Arc::clone(&self.places).acquire_owned().await;
                place.expect("the semaphore is never closed")
            }
        };
        let holder = Arc::new(Holder::default());
        self.remember(Arc::downgrade(&holder));
        Ticket {
            place: RefCell::new(Some(place)),
            holder,
        }
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
    /// A request has come, and is going to be answered.
    pub(super) fn busy(&self) -> Busy {
        self.holder.busy.fetch_add(1, Ordering::Relaxed);
        Busy(Arc::clone(&self.holder))
    }

    pub(super) fn is_busy(&self) -> bool {
        self.holder.busy.load(Ordering::Relaxed) > 0
    }

    /// It carries streams, which have places of their own.
    pub(super) fn release_permit(&self) {
        self.holder.has_left.store(true, Ordering::Relaxed);
        self.place.take();
    }

    /// Returns when somebody else needs the place more.
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
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn the_oldest_that_is_not_busy_makes_room() {
        let pending = Pending::new(2);
        let (first, second) = (pending.admit().await, pending.admit().await);
        let answering = first.busy();
        let cut = async {
            second.unwanted().await;
            drop(second);
        };
        let third = async { tokio::join!(pending.admit(), cut).0 };
        let third = timeout(Duration::from_secs(20), third).await.expect("room");
        drop(answering);
        let cut = async {
            first.unwanted().await;
            drop(first);
        };
        let fourth = async { tokio::join!(pending.admit(), cut).0 };
        let fourth = timeout(Duration::from_secs(20), fourth)
            .await
            .expect("room");
        assert!(!third.is_busy() && !fourth.is_busy());
    }

    #[tokio::test]
    async fn a_connection_that_carries_streams_needs_no_place() {
        let pending = Pending::new(1);
        let first = pending.admit().await;
        first.release_permit();
        timeout(Duration::from_secs(20), pending.admit())
            .await
            .expect("a place");
    }
}
