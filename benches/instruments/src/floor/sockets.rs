//! The sockets, and the loop that writes to them.
//!
//! Invariant: a subscriber's socket has been given every byte of every batch since it subscribed, in order, or is
//! closed. Nothing is kept for later: a socket that is full is waited for, and everyone else with it.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::uring::{Unsent, Uring};

/// How long a full socket is waited for before it is closed.
const PATIENCE: Duration = Duration::from_secs(5);

/// Everyone who is connected.
pub(crate) struct Sockets {
    /// By descriptor: the kernel gives the lowest free one, so hardly any place is empty.
    places: Vec<Option<Socket>>,
    uring: Option<Uring>,
    /// Those that a batch has not reached whole; empty between batches.
    unsent: Vec<Unsent>,
}

struct Socket {
    stream: TcpStream,
    subscribed: bool,
}

impl Sockets {
    /// Nobody yet. Batches are sent through `uring` if it is given, and by a `write` per socket if not.
    pub(crate) fn new(uring: Option<Uring>) -> Self {
        Self { places: Vec::new(), uring, unsent: Vec::new() }
    }

    /// Takes in a connection, which is no subscriber yet.
    pub(crate) fn add(&mut self, stream: TcpStream) {
        let at = index(stream.as_raw_fd());
        if self.places.len() <= at {
            self.places.resize_with(at + 1, || None);
        }
        self.places[at] = Some(Socket { stream, subscribed: false });
    }

    /// Whether `fd` is connected, and has still to be answered.
    pub(crate) fn waits(&self, fd: RawFd) -> bool {
        matches!(&self.places[index(fd)], Some(socket) if !socket.subscribed)
    }

    /// Reads what `fd` says. Nothing is read of one that has left, or is not connected any more.
    ///
    /// # Errors
    /// `WouldBlock` if it says nothing; otherwise the connection is broken.
    pub(crate) fn read(&self, fd: RawFd, into: &mut [u8]) -> io::Result<usize> {
        match &self.places[index(fd)] {
            Some(socket) => (&socket.stream).read(into),
            None => Ok(0),
        }
    }

    /// Sends `bytes` to `fd` alone.
    pub(crate) fn tell(&mut self, fd: RawFd, bytes: &[u8]) {
        settle(&mut self.places[index(fd)], bytes, Ok(0));
    }

    /// Makes `fd` a subscriber.
    pub(crate) fn subscribe(&mut self, fd: RawFd) {
        if let Some(socket) = &mut self.places[index(fd)] {
            socket.subscribed = true;
        }
    }

    /// Closes `fd`.
    pub(crate) fn close(&mut self, fd: RawFd) {
        self.places[index(fd)] = None;
    }

    /// Writes `batch` to every subscriber. A socket that fails is closed.
    ///
    /// # Errors
    /// If io_uring itself fails.
    pub(crate) fn write(&mut self, batch: &[u8]) -> io::Result<()> {
        let Some(uring) = &mut self.uring else {
            write_each(&mut self.places, batch);
            return Ok(());
        };
        uring.send(batch, subscribers(&self.places), &mut self.unsent)?;
        for Unsent { fd, sent } in self.unsent.drain(..) {
            settle(&mut self.places[index(fd)], batch, sent);
        }
        Ok(())
    }
}

fn index(fd: RawFd) -> usize {
    usize::try_from(fd).expect("an open descriptor is not negative")
}

fn subscribers(places: &[Option<Socket>]) -> impl Iterator<Item = std::os::fd::BorrowedFd<'_>> {
    let connected = places.iter().flatten();
    connected.filter(|socket| socket.subscribed).map(|socket| socket.stream.as_fd())
}

fn write_each(places: &mut [Option<Socket>], batch: &[u8]) {
    for place in places {
        if let Some(Socket { stream, subscribed: true }) = place {
            let sent = stream.write(batch);
            if !matches!(sent, Ok(bytes) if bytes == batch.len()) {
                settle(place, batch, sent);
            }
        }
    }
}

/// Sends what is left of `batch` after a first attempt that came to `sent`. Closes the socket if it can't be done.
fn settle(place: &mut Option<Socket>, batch: &[u8], sent: io::Result<usize>) {
    let Some(Socket { stream, .. }) = place else {
        return;
    };
    if let Err(error) = finish(stream, batch, sent) {
        if error.kind() == ErrorKind::TimedOut {
            eprintln!("floor: a subscriber did not take a write within {PATIENCE:?}, and was closed");
        }
        *place = None;
    }
}

fn finish(stream: &mut TcpStream, batch: &[u8], first: io::Result<usize>) -> io::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    let (mut rest, mut sent) = (batch, first);
    loop {
        match sent {
            Ok(bytes) => rest = &rest[bytes..],
            Err(error) if error.kind() == ErrorKind::WouldBlock => wait(stream, deadline)?,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        if rest.is_empty() {
            return Ok(());
        }
        sent = stream.write(rest);
    }
}

/// Waits until `stream` takes bytes again, or is broken.
fn wait(stream: &TcpStream, deadline: Instant) -> io::Result<()> {
    let left = deadline.saturating_duration_since(Instant::now());
    let timeout = Timespec::try_from(left).map_err(io::Error::other)?;
    match poll(&mut [PollFd::new(stream, PollFlags::OUT)], Some(&timeout)) {
        Ok(0) => Err(ErrorKind::TimedOut.into()),
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
