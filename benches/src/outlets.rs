//! Outlets without a kernel behind them, and their far ends.

use std::cell::{Cell, RefCell};
use std::io::{self, IoSlice};
use std::rc::Rc;

use floodway_core::event::Encoding;
use floodway_core::shard::{Outlet, Pipe, Session, SessionContext, Waker};
use floodway_protocol::End;
use mio::net::TcpStream;

use crate::tally::TenantCounters;

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
    taken: Rc<TenantCounters>,
    peer: Option<Rc<Peer>>,
}

impl BenchPipe {
    /// An outlet whose peer neither speaks nor leaves; the bytes that it takes are added to `taken`.
    pub fn outlet(appetite: Appetite, taken: &Rc<TenantCounters>) -> Outlet {
        Outlet::Pipe(Box::new(Self {
            appetite,
            taken: Rc::clone(taken),
            peer: None,
        }))
    }

    /// An outlet that takes everything, and leads to `peer`.
    pub fn to(peer: &Rc<Peer>, taken: &Rc<TenantCounters>) -> Outlet {
        Outlet::Pipe(Box::new(Self {
            appetite: Appetite::Everything,
            taken: Rc::clone(taken),
            peer: Some(Rc::clone(peer)),
        }))
    }
}

impl Pipe for BenchPipe {
    fn socket(&mut self) -> Option<&mut TcpStream> {
        None
    }

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

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self.peer.as_ref().map(|peer| peer.says.take()) {
            Some(Says::Something) => {
                into[0] = 0;
                Ok(1)
            }
            Some(Says::GoodBye) => Ok(0),
            Some(Says::Nothing) | None => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    fn finish(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for BenchPipe {
    fn drop(&mut self) {
        if let Some(peer) = &self.peer {
            peer.gone.add(1);
        }
    }
}

#[derive(Clone, Copy, Debug, Default)]
enum Says {
    #[default]
    Nothing,
    Something,
    GoodBye,
}

/// The far end of a pipe.
#[derive(Debug)]
pub struct Peer {
    says: Cell<Says>,
    waker: RefCell<Option<Waker>>,
    gone: Rc<TenantCounters>,
}

impl Peer {
    /// A peer that adds 1 to `gone` when its subscriber has been let go.
    pub fn new(gone: &Rc<TenantCounters>) -> Rc<Self> {
        Rc::new(Self {
            says: Cell::default(),
            waker: RefCell::default(),
            gone: Rc::clone(gone),
        })
    }

    /// Sends a byte. The shard lets the session read it in its next turn.
    pub fn speak(&self) {
        self.say(Says::Something);
    }

    /// Ends the connection. The shard lets the subscriber go in its next turn.
    pub fn leave(&self) {
        self.say(Says::GoodBye);
    }

    fn say(&self, says: Says) {
        self.says.set(says);
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake();
        }
    }
}

/// A session that understands nothing and says nothing.
#[derive(Debug)]
pub struct Mute;

impl Session for Mute {
    fn receive(&mut self, _: &mut [u8], _: &mut SessionContext<'_>) {}

    fn farewell(&self, _: Encoding, _: &End, _: &mut Vec<u8>) {}
}
