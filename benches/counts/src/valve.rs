//! Outlets that take nothing until they are opened, all at once.

use std::cell::{Cell, RefCell};
use std::io::{self, IoSlice};
use std::rc::Rc;

use floodway_benches::Counter;
use floodway_core::shard::{Outlet, Pipe, Waker};

/// The far ends of many pipes.
#[derive(Debug, Default)]
pub(crate) struct Valve {
    is_open: Cell<bool>,
    wakers: RefCell<Vec<Waker>>,
    /// Bytes that went through.
    pub(crate) taken: Counter,
}

impl Valve {
    /// One more outlet that leads through this.
    pub(crate) fn outlet(self: &Rc<Self>) -> Outlet {
        Outlet::Pipe(Box::new(Through(Rc::clone(self))))
    }

    /// From now on everything is taken, and the shard is woken for it.
    pub(crate) fn open(&self) {
        self.is_open.set(true);
        self.wakers.borrow().iter().for_each(Waker::wake);
    }
}

#[derive(Debug)]
struct Through(Rc<Valve>);

impl Pipe for Through {
    fn connect(&mut self, waker: Waker) {
        self.0.wakers.borrow_mut().push(waker);
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        if !self.0.is_open.get() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let n = slices.iter().map(|slice| slice.len()).sum();
        self.0.taken.add(n as u64);
        Ok(n)
    }
}
