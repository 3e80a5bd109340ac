//! Where a subscriber's bytes go.

use std::fmt;
use std::io::{self, IoSlice, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};

use mio::event::Source;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

use super::event_pipe::EventPipe;
use super::waker::Waker;

/// A way to a subscriber that is not a bare socket. Never waits: what can't go now is `WouldBlock`, and the shard comes
/// back when the socket, or the [`Waker`], says so. Unless it says otherwise a pipe has no socket, buffers nothing, and
/// its peer never sends anything.
pub trait Pipe: fmt::Debug {
    /// The socket to watch, if there is one of its own.
    fn socket(&mut self) -> Option<&mut TcpStream> {
        None
    }
    /// For pipes without a socket: how to wake the shard when there is room again or the peer is gone.
    fn connect(&mut self, _waker: Waker) {}
    /// Takes as much of `slices` as it can. If that is not all, it must later say that there is room again.
    ///
    /// # Errors
    /// `WouldBlock` if it can take nothing now; anything else ends the stream.
    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize>;
    /// Brings what it took closer to the peer.
    ///
    /// # Errors
    /// As for a write.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
    /// Reads what the peer sent; 0 is the end.
    ///
    /// # Errors
    /// As for a read of a socket.
    fn read(&mut self, _into: &mut [u8]) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }
    /// The pipe, if it takes events whole. The shard then writes it neither batches nor notices.
    fn events(&self) -> Option<&EventPipe> {
        None
    }
    /// Nothing more will be written.
    ///
    /// # Errors
    /// As for a write.
    fn finish(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A bare socket, the usual case, or another pipe.
#[derive(Debug)]
pub enum Outlet {
    /// Plain TCP.
    Socket(TcpStream),
    /// TLS, a stream of an HTTP/2 connection, or a reader of events in this process.
    Pipe(Box<dyn Pipe>),
}

impl Outlet {
    pub(super) fn register(&mut self, registry: &Registry, token: Token, waker: Waker) -> io::Result<()> {
        let interest = Interest::READABLE | Interest::WRITABLE;
        match self {
            Self::Socket(socket) => socket.register(registry, token, interest),
            Self::Pipe(pipe) => {
                pipe.connect(waker);
                pipe.socket().map_or(Ok(()), |socket| socket.register(registry, token, interest))
            }
        }
    }

    /// The bare socket, if it is one.
    pub(super) fn socket(&self) -> Option<BorrowedFd<'_>> {
        match self {
            Self::Socket(socket) => Some(socket.as_fd()),
            Self::Pipe(_) => None,
        }
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Socket(socket) => socket.write(bytes),
            Self::Pipe(pipe) => pipe.write_vectored(&[IoSlice::new(bytes)]),
        }
    }

    pub(super) fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Socket(socket) => socket.write_vectored(slices),
            Self::Pipe(pipe) => pipe.write_vectored(slices),
        }
    }

    /// The pipe, if it takes events whole.
    #[inline]
    pub(super) fn events(&self) -> Option<&EventPipe> {
        match self {
            Self::Socket(_) => None,
            Self::Pipe(pipe) => pipe.events(),
        }
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Socket(_) => Ok(()),
            Self::Pipe(pipe) => pipe.flush(),
        }
    }

    pub(super) fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Socket(socket) => socket.read(into),
            Self::Pipe(pipe) => pipe.read(into),
        }
    }

    pub(super) fn finish(&mut self) -> io::Result<()> {
        match self {
            Self::Socket(socket) => socket.shutdown(std::net::Shutdown::Write),
            Self::Pipe(pipe) => pipe.finish(),
        }
    }
}
