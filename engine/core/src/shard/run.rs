//! A shard's loop: one thread that owns its subscribers, and sleeps when there is nothing to do.

use std::cell::{RefCell, RefMut};
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use mio::{Events, Poll};
use tokio::sync::Notify;

use super::config::{Config, Writes};
use super::drain::Drain;
use super::metrics::Metrics;
use super::session::RefreshTokens;
use super::sockets::Sockets;
use super::state::State;
use super::subscriber::NewSubscriber;
use super::uring::Uring;
use super::waker::WakeQueue;
use crate::inbox::Inbox;

/// Writes between two looks at who can be read. At some 10 µs a write, nobody waits longer than a few milliseconds.
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
    ) -> io::Result<Rc<Self>> {
        let poll = Poll::new()?;
        let wake_queue = Rc::new(WakeQueue::default());
        let state = State::new(
            id,
            config.clone(),
            Sockets::registry(&poll)?,
            Rc::clone(&wake_queue),
            metrics,
            open_uring(config.writes)?,
            tokens,
        );
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
    /// If its socket can't be watched. It is closed then, and its place given back.
    pub fn attach(&self, new_subscriber: NewSubscriber) -> io::Result<()> {
        let mut state = self.state();
        state.attach(new_subscriber)?;
        // A socket wakes the shard by itself. Otherwise the first subscriber starts the clock; who sent more than is read
        // at once, or comes into a drain, has something to be done; and what was put into the inbox just before may be
        // the newcomer's.
        let has_work = !state.again.is_empty() || !self.inbox().is_empty();
        if has_work || state.subscribers.len() == 1 || state.draining.is_some() {
            self.wake_queue.wake();
        }
        Ok(())
    }

    /// The state, for what is done between two turns. The shard may have slept since the last one.
    pub(super) fn state(&self) -> RefMut<'_, State> {
        let mut state = self.state.borrow_mut();
        state.sweep.set_clock(Instant::now());
        state
    }

    /// Lets the shard look whether there is something to be done.
    pub(super) fn wake(&self) {
        self.wake_queue.wake();
    }

    /// Tells every stream, and each that still comes, to come back later, and ends it. Takes the place of a drain that
    /// goes on already.
    pub fn drain(&self, drain: Drain) {
        self.state().start_drain(drain, Instant::now());
        self.wake();
    }

    /// Calls a drain off: those who have not been told yet stay.
    pub fn cancel_drain(&self) {
        self.state().draining = None;
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
        let now = Instant::now();
        state.metrics.pulse.beat(now);
        state.sweep(now);
        if state.tick.is_over() {
            state.distribute(inbox);
        } else if inbox.is_half_full() {
            state.spill();
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
        let more_to_drain = state.drain(now, SLICE);
        state.take_times();
        if state.is_drained() {
            self.emptied.notify_one();
        }
        more_to_drain || !state.tick.is_over() || !state.again.is_empty() || !inbox.is_empty()
    }

    fn inbox(&self) -> &Inbox {
        &self.inboxes[self.id]
    }

    async fn sleep(&self, sockets: &Sockets) -> io::Result<()> {
        let (next, is_alone) = {
            let state = self.state.borrow();
            let is_alone = state.subscribers.is_empty();
            if is_alone {
                // No clock wakes it until somebody comes.
                state.metrics.pulse.rest();
            }
            (state.sweep.next(), is_alone)
        };
        tokio::select! {
            biased;
            () = self.inbox().filled() => {}
            () = self.wake_queue.heard() => {}
            ready = sockets.ready() => ready?,
            () = tokio::time::sleep_until(next.into()), if !is_alone => {}
        }
        Ok(())
    }
}

fn open_uring(writes: Writes) -> io::Result<Option<Uring>> {
    match writes {
        Writes::Write => Ok(None),
        Writes::IoUring => Uring::open().map(Some).map_err(|error| {
            let mend = "the kernel gives no io_uring; set shard.writes to write";
            io::Error::new(error.kind(), format!("{mend} ({error})"))
        }),
    }
}
