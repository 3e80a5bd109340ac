//! A shard's loop: one thread that owns its subscribers, and sleeps when there is nothing to do.

use std::cell::{RefCell, RefMut};
use std::io;
use std::rc::Rc;
use std::sync::Arc;

use mio::{Events, Poll};
use tokio::sync::Notify;

use super::clock::TimeSource;
use super::config::Config;
use super::input::RefreshTokens;
use super::metrics::Metrics;
use super::registry::NewSubscriber;
use super::sockets::Sockets;
use super::state::State;
use super::timers::Drain;
use super::waker::WakeQueue;
use crate::inbox::Inbox;

/// Writes between two reads of the sockets. At some 10 µs a write, no client waits longer than a few milliseconds.
const SLICE: usize = 256;

/// A shard, for the tasks on its own thread.
pub struct Shard {
    state: RefCell<State>,
    wake_queue: Rc<WakeQueue>,
    inboxes: Arc<[Inbox]>,
    id: usize,
    emptied: Notify,
    poll: RefCell<Option<Poll>>,
}

impl Shard {
    /// Makes shard number `id`, which takes from the inbox of that number, to be run on the thread that calls this.
    /// `tokens` checks those that its streams are refreshed with.
    ///
    /// # Errors
    /// If the kernel gives no event queue, or no io_uring where the settings demand it.
    pub fn new(
        id: usize,
        config: &Config,
        inboxes: Arc<[Inbox]>,
        metrics: Arc<Metrics>,
        tokens: Arc<dyn RefreshTokens>,
        time: TimeSource,
    ) -> io::Result<Rc<Self>> {
        let poll = Poll::new()?;
        let wake_queue = Rc::new(WakeQueue::default());
        let sockets = poll.registry().try_clone()?;
        let state = State::new(id, config, sockets, Rc::clone(&wake_queue), metrics, time, tokens)?;
        Ok(Rc::new(Self {
            state: RefCell::new(state),
            wake_queue,
            inboxes,
            id,
            emptied: Notify::new(),
            poll: RefCell::new(Some(poll)),
        }))
    }

    /// Makes `new_subscriber` a subscriber: from now on every event that it wants is sent to it, behind its greeting.
    ///
    /// # Errors
    /// If its socket can't be watched. It is closed then, and its permit given back.
    pub fn attach(&self, new_subscriber: NewSubscriber) -> io::Result<()> {
        let mut state = self.state();
        if new_subscriber.looks_back() && state.delivery.tick.is_over() {
            // What it is sent of the past goes up to what is matched: that is to be as new as it can be.
            state.distribute(self.inbox());
        }
        state.attach(new_subscriber)?;
        // A socket wakes the shard by itself. Otherwise the first subscriber starts the clock; one that sent more than is
        // read at once, or comes into a drain, needs a turn; and what was put into the inbox just before may be
        // the new subscriber's.
        let has_work = state.registry.revisits() > 0 || !self.inbox().is_empty() || !state.delivery.tick.is_over();
        if has_work || state.registry.len() == 1 || state.timers.drain.is_some() {
            self.wake_queue.wake();
        }
        Ok(())
    }

    /// The state, for work between two turns. The shard may have slept since the last one.
    pub(super) fn state(&self) -> RefMut<'_, State> {
        let mut state = self.state.borrow_mut();
        state.delivery.clock.advance();
        state
    }

    /// Makes the shard look for something to do.
    pub(super) fn wake(&self) {
        self.wake_queue.wake();
    }

    /// Asks every stream, and each that still comes, to come back later, and ends it. Takes the place of a drain that
    /// goes on already.
    pub fn drain(&self, drain: Drain) {
        self.state().start_drain(drain);
        self.wake();
    }

    /// Calls a drain off: streams that have not ended yet stay.
    pub fn cancel_drain(&self) {
        self.state().timers.drain = None;
    }

    /// Returns when the shard drains and the last stream has been let go.
    pub async fn drained(&self) {
        while !self.state.borrow().is_drained() {
            self.emptied.notified().await;
        }
    }

    /// Runs the shard until it is dropped.
    ///
    /// # Errors
    /// If the kernel's event queue fails.
    pub async fn run(&self) -> io::Result<()> {
        let poll = self.poll.borrow_mut().take().expect("a shard runs once");
        let mut sockets = Sockets::new(poll)?;
        loop {
            let has_more = self.turn(sockets.take()?);
            if has_more || sockets.may_have_more() {
                tokio::task::yield_now().await;
            } else {
                self.sleep(&sockets).await?;
            }
        }
    }

    /// One slice of work. Returns whether there is more at once.
    fn turn(&self, events: &Events) -> bool {
        let inbox = self.inbox();
        let mut state = self.state.borrow_mut();
        let now = state.delivery.clock.advance();
        state.delivery.metrics.pulse.beat(now);
        state.visit_some();
        if state.delivery.tick.is_over() {
            state.distribute(inbox);
        } else if inbox.is_half_full() {
            state.hold_tick();
        }
        state.flush(SLICE);
        for event in events {
            let readable = event.is_readable() || event.is_read_closed() || event.is_error();
            state.look_at(event.token(), readable, event.is_writable());
        }
        for token in self.wake_queue.take() {
            state.look_at(token, true, true);
        }
        state.look_again(SLICE);
        let more_to_drain = state.drain(SLICE);
        state.delivery.count_delays();
        if state.is_drained() {
            self.emptied.notify_one();
        }
        let is_flushed = state.delivery.tick.is_over();
        let is_due = state.matcher.next_due().is_some_and(|due| due <= now);
        more_to_drain || is_due || !is_flushed || state.registry.revisits() > 0 || !inbox.is_empty()
    }

    fn inbox(&self) -> &Inbox {
        &self.inboxes[self.id]
    }

    async fn sleep(&self, sockets: &Sockets) -> io::Result<()> {
        let (next, is_alone) = {
            let state = self.state.borrow();
            let is_alone = state.registry.is_empty();
            if is_alone {
                // No clock wakes it until a subscriber comes.
                state.delivery.metrics.pulse.rest();
            }
            (state.next_step(), is_alone)
        };
        tokio::select! {
            biased;
            () = self.inbox().filled() => {}
            () = self.wake_queue.woken() => {}
            ready = sockets.ready() => ready?,
            () = tokio::time::sleep_until(next.into()), if !is_alone => {}
        }
        Ok(())
    }
}

#[cfg(all(test, not(floodway_loom)))]
mod tests;
