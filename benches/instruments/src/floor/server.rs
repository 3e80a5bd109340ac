//! The loop: new connections, what they say, and the broker's messages, as they come.
//!
//! epoll tells of all three. Writing does not touch it: whether a socket takes bytes is found out by writing.

use std::collections::HashMap;
use std::convert::Infallible;
use std::io::{self, ErrorKind};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};

use rustix::buffer::spare_capacity;
use rustix::event::epoll;

use crate::Transport;
use crate::accept::accept;
use crate::frames::Frames;
use crate::handshake::{Answer, answer};
use crate::sockets::Sockets;
use crate::source::Source;

/// Descriptors that report at once; further ones report the next time.
const EVENTS: usize = 1024;

/// Bytes that are read of a subscriber at once.
const READ_BYTES: usize = 8 * 1024;

/// The server, before and while it runs.
pub(crate) struct Server {
    queue: OwnedFd,
    listener: TcpListener,
    source: Source,
    sockets: Sockets,
    frames: Frames,
    /// Events that share a write, at most.
    batch: usize,
    /// What was read of requests whose head has not come whole; hardly ever anything.
    heads: HashMap<RawFd, Vec<u8>>,
    /// Where subscribers are read into.
    read: Vec<u8>,
    /// The bytes of the events that are written together.
    bytes: Vec<u8>,
}

impl Server {
    /// Puts listener and broker under watch. Up to `batch` events share a write.
    ///
    /// # Errors
    /// If the kernel gives no event queue.
    pub(crate) fn new(
        listener: TcpListener,
        source: Source,
        sockets: Sockets,
        frames: Frames,
        batch: usize,
    ) -> io::Result<Self> {
        let queue = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        watch(&queue, &listener, epoll::EventFlags::IN)?;
        watch(&queue, &source, epoll::EventFlags::IN)?;
        Ok(Self {
            queue,
            listener,
            source,
            sockets,
            frames,
            batch,
            heads: HashMap::new(),
            read: vec![0; READ_BYTES],
            bytes: Vec::new(),
        })
    }

    /// Serves subscribers over `transport` until the process ends.
    ///
    /// # Errors
    /// If the broker is gone, descriptors have run out, or the kernel fails.
    pub(crate) fn run(mut self, transport: Transport) -> io::Result<Infallible> {
        let mut events = Vec::with_capacity(EVENTS);
        // What came together with the broker's confirmation is read already, so the queue will not tell of it.
        self.fan_out()?;
        loop {
            events.clear();
            match epoll::wait(&self.queue, spare_capacity(&mut events), None) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            for event in &events {
                self.heed(*event, transport)?;
            }
        }
    }

    fn heed(&mut self, event: epoll::Event, transport: Transport) -> io::Result<()> {
        let fd = RawFd::try_from(event.data.u64()).map_err(io::Error::other)?;
        if fd == self.source.as_fd().as_raw_fd() {
            self.source.hear()?;
            self.fan_out()
        } else if fd == self.listener.as_raw_fd() {
            self.accept_all()
        } else {
            let flags = event.flags;
            let leaves = epoll::EventFlags::RDHUP | epoll::EventFlags::HUP | epoll::EventFlags::ERR;
            self.listen_to(fd, flags.intersects(leaves), transport);
            Ok(())
        }
    }

    /// Writes what was read of the broker, up to `batch` events at a time.
    fn fan_out(&mut self) -> io::Result<()> {
        loop {
            self.bytes.clear();
            if !self.gather()? {
                return Ok(());
            }
            self.sockets.write(&self.bytes)?;
        }
    }

    /// Whether there is a batch, which is in `bytes` then.
    fn gather(&mut self) -> io::Result<bool> {
        let mut gathered = 0;
        while gathered < self.batch {
            let Some(publish) = self.source.next()? else {
                break;
            };
            if self.frames.append(&publish.topic, &publish.payload, &mut self.bytes) {
                gathered += 1;
            } else {
                eprintln!("floor: not of the load generator's form: {publish:?}");
            }
        }
        Ok(gathered > 0)
    }

    fn accept_all(&mut self) -> io::Result<()> {
        while let Some(stream) = accept(&self.listener)? {
            self.admit(stream)?;
        }
        Ok(())
    }

    fn admit(&mut self, stream: TcpStream) -> io::Result<()> {
        use epoll::EventFlags;
        let flags = EventFlags::IN | EventFlags::RDHUP | EventFlags::ET;
        watch(&self.queue, &stream, flags)?;
        self.sockets.add(stream);
        Ok(())
    }

    /// Reads all that `fd` says: its request, and then whatever it likes.
    fn listen_to(&mut self, fd: RawFd, leaves: bool, transport: Transport) {
        loop {
            match self.sockets.read(fd, &mut self.read) {
                Ok(0) => return self.close(fd),
                Ok(bytes) => {
                    if self.sockets.waits(fd) {
                        self.greet(fd, bytes, transport);
                    }
                    // The queue reports once: what did not fill the buffer was all, and later bytes report anew.
                    if bytes < self.read.len() && !leaves {
                        return;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return self.close(fd),
            }
        }
    }

    /// Answers `fd` if its head is whole with the bytes that were read last.
    fn greet(&mut self, fd: RawFd, bytes: usize, transport: Transport) {
        let mut head = self.heads.remove(&fd).unwrap_or_default();
        head.extend_from_slice(&self.read[..bytes]);
        match answer(transport, &head) {
            Answer::NotYet => {
                self.heads.insert(fd, head);
            }
            Answer::Subscribed(head) => {
                self.sockets.tell(fd, &head);
                self.sockets.subscribe(fd);
            }
            Answer::Refused(head) => {
                self.sockets.tell(fd, head);
                self.close(fd);
            }
        }
    }

    fn close(&mut self, fd: RawFd) {
        self.heads.remove(&fd);
        self.sockets.close(fd);
    }
}

fn watch(queue: &OwnedFd, what: &impl AsFd, flags: epoll::EventFlags) -> io::Result<()> {
    let fd = what.as_fd().as_raw_fd();
    let data = epoll::EventData::new_u64(u64::try_from(fd).map_err(io::Error::other)?);
    Ok(epoll::add(queue, what, data, flags)?)
}
