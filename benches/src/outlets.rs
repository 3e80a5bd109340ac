//! Outlets without a kernel behind them, and their far ends.

use std::cell::{Cell, RefCell};
use std::io::{self, IoSlice};
use std::rc::Rc;

use floodway_core::shard::{Outlet, Pipe, Waker};

use crate::counter::Counter;

/// How much a pipe takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appetite {
    /// Everything, at once.
    Everything,
    /// Nothing, ever: the slowest of all consumers.
    Nothing,
}

/// An outlet that looks at no byte: what it takes it counts.
#[derive(Debug)]
pub struct BenchPipe {
    appetite: Appetite,
    taken: Rc<Counter>,
    peer: Option<Rc<Peer>>,
}

impl BenchPipe {
    /// An outlet whose peer neither speaks nor leaves; the bytes that it takes are added to `taken`.
    pub fn outlet(appetite: Appetite, taken: &Rc<Counter>) -> Outlet {
        Outlet::Pipe(Box::new(Self { appetite, taken: Rc::clone(taken), peer: None }))
    }

    /// An outlet that takes everything, and leads to `peer`.
    pub fn to(peer: &Rc<Peer>, taken: &Rc<Counter>) -> Outlet {
        Outlet::Pipe(Box::new(Self {
            appetite: Appetite::Everything,
            taken: Rc::clone(taken),
            peer: Some(Rc::clone(peer)),
        }))
    }
}

impl Pipe for BenchPipe {
    fn connect(&mut self, waker: Waker) {
        if let Some(peer) = &self.peer {
            peer.waker.replace(Some(waker));
        }
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        if self.appetite == Appetite::Nothing {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let n = slices.iter().map(|slice| slice.len()).sum();
        self.taken.add(n as u64);
        Ok(n)
    }

    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self.peer.as_ref().and_then(|peer| peer.read(into)) {
            Some(n) => Ok(n),
            None => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

impl Drop for BenchPipe {
    fn drop(&mut self) {
        if let Some(peer) = &self.peer {
            peer.gone.add(1);
        }
    }
}

/// The far end of a pipe.
#[derive(Debug, Default)]
pub struct Peer {
    /// What it sends in turn, each message whole.
    messages: Vec<Vec<u8>>,
    next: Cell<usize>,
    left: Cell<u64>,
    /// Messages of the last read.
    handed_over: Cell<u64>,
    executed: Counter,
    is_leaving: Cell<bool>,
    waker: RefCell<Option<Waker>>,
    gone: Rc<Counter>,
}

impl Peer {
    /// A peer that adds 1 to `gone` when its subscriber has been let go.
    pub fn new(gone: &Rc<Counter>) -> Rc<Self> {
        Rc::new(Self { gone: Rc::clone(gone), ..Self::default() })
    }

    /// A peer that can send these messages in turn.
    pub fn with_messages(messages: Vec<Vec<u8>>) -> Rc<Self> {
        Rc::new(Self { messages, ..Self::default() })
    }

    /// Sends `count` messages, at least one, and returns once the shard has executed all of them.
    pub async fn send(&self, count: u64) {
        self.left.set(count);
        let executed = self.executed.get() + count;
        self.wake();
        self.executed.reach(executed).await;
    }

    /// Ends the connection. The shard lets the subscriber go in its next turn.
    pub fn leave(&self) {
        self.is_leaving.set(true);
        self.wake();
    }

    fn wake(&self) {
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake();
        }
    }

    /// As many whole messages as `into` takes; none if there is nothing to read.
    fn read(&self, into: &mut [u8]) -> Option<usize> {
        let (mut n, mut count) = (0, 0);
        while count < self.left.get() {
            let message = &self.messages[self.next.get()];
            let Some(room) = into.get_mut(n..n + message.len()) else {
                break;
            };
            room.copy_from_slice(message);
            n += message.len();
            count += 1;
            self.next.set((self.next.get() + 1) % self.messages.len());
        }
        self.left.set(self.left.get() - count);
        // What a read gave is executed before the next one.
        self.executed.add(self.handed_over.replace(count));
        (n > 0 || self.is_leaving.get()).then_some(n)
    }
}
