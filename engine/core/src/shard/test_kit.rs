//! Subscribers without a kernel behind them, for tests that run whole shards.

use std::cell::{Cell, RefCell};
use std::io::{self, IoSlice};
use std::rc::Rc;

use mio::net::TcpStream;

use super::{Filter, NewSubscriber, Outlet, Pipe, Waker};
use crate::event::Encoding;
use crate::index::{ClientInfo, Index, Transport};
use floodway_protocol::names::TenantId;

/// A peer that takes everything, or nothing, and keeps it.
#[derive(Debug, Default)]
pub(crate) struct Peer {
    pub(crate) is_stuck: Cell<bool>,
    pub(crate) received: RefCell<Vec<u8>>,
}

impl Peer {
    /// What it was sent; what is not text in the frames is replaced.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.received.borrow()).into_owned()
    }
}

#[derive(Debug)]
struct PeerPipe(Rc<Peer>);

impl Pipe for PeerPipe {
    fn socket(&mut self) -> Option<&mut TcpStream> {
        None
    }

    fn connect(&mut self, _: Waker) {}

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        if self.0.is_stuck.get() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let mut received = self.0.received.borrow_mut();
        let before = received.len();
        for slice in slices {
            received.extend_from_slice(slice);
        }
        Ok(received.len() - before)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }

    fn finish(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Somebody of `tenant` who wants everything, over a WebSocket, whose bytes go to `peer`.
pub(crate) fn new_subscriber(
    index: &Index,
    tenant: &str,
    subject: Option<&str>,
    peer: &Rc<Peer>,
) -> NewSubscriber {
    let tenant = TenantId::parse(tenant).expect("a name");
    NewSubscriber {
        outlet: Outlet::Pipe(Box::new(PeerPipe(Rc::clone(peer)))),
        encoding: Encoding::Ws,
        filter: Filter::default(),
        place: index.enter(&tenant).expect("a place"),
        about: ClientInfo::new(Transport::WebSocket).with_subject(subject),
        expires_at: u64::MAX,
        greeting: Vec::new(),
        early: Vec::new(),
    }
}
