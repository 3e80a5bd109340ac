//! All subscribers on one thread: one event queue, one read buffer, one tally.
//!
//! The queue is edge-triggered and every socket is entered once, for both directions. A read that does not fill the
//! buffer has emptied the socket (epoll(7)), so that a delivery costs one `read` and its share of one `epoll_wait`.

use crate::dialect::{Heard, Kind};
use crate::progress::{self, Progress};
use crate::request::Request;
use crate::subscriber::{End, Subscriber};
use crate::tally::Tally;
use crate::telemetry::Reader;
use floodway_instruments::machine::now_us;
use rustix::event::{Timespec, epoll};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// Bytes that one read takes at most.
const BUFFER_BYTES: usize = 64 << 10;

/// Sockets that one wait tells of at most.
const EVENTS: usize = 1_024;

/// Stands for the publisher's bell.
const BELL: u64 = u64::MAX;

/// All of them.
pub(crate) struct Subscribers {
    address: SocketAddr,
    kind: Kind,
    epoll: OwnedFd,
    events: Vec<epoll::Event>,
    buffer: Vec<u8>,
    reader: Reader,
    progress: Arc<Progress>,
    each: Vec<Option<Subscriber>>,
    /// What arrived.
    pub(crate) tally: Tally,
    /// How long each one took to be ready, microseconds, in the order in which they became so.
    pub(crate) ready_us: Vec<u64>,
    /// Began to connect, and are neither ready nor refused.
    pub(crate) connecting: usize,
    /// Were ended before they were ready.
    pub(crate) refused: usize,
    /// Were ended after they were ready.
    pub(crate) closed: usize,
    /// Why the first one ended.
    pub(crate) first_end: Option<End>,
}

impl Subscribers {
    /// Room for so many; none of them connects yet.
    ///
    /// # Errors
    /// If there are no descriptors left.
    pub(crate) fn new(
        address: SocketAddr,
        kind: Kind,
        count: usize,
        tally: Tally,
        progress: Arc<Progress>,
    ) -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let bell = epoll::EventData::new_u64(BELL);
        epoll::add(&epoll, &progress.to_subscribers, bell, epoll::EventFlags::IN)?;
        Ok(Subscribers {
            address,
            kind,
            epoll,
            events: Vec::with_capacity(EVENTS),
            buffer: vec![0; BUFFER_BYTES],
            reader: Reader::new(),
            progress,
            each: (0..count).map(|_| None).collect(),
            tally,
            ready_us: Vec::with_capacity(count),
            connecting: 0,
            refused: 0,
            closed: 0,
            first_end: None,
        })
    }

    /// Those that are ready.
    pub(crate) fn ready(&self) -> impl Iterator<Item = usize> {
        let ready = |each: &Option<Subscriber>| each.as_ref().is_some_and(|each| each.ready);
        self.each.iter().enumerate().filter(move |(_, each)| ready(each)).map(|(index, _)| index)
    }

    /// How many are ready.
    pub(crate) fn live(&self) -> usize {
        self.ready_us.len() - self.closed
    }

    /// Begins a phase after so many events.
    pub(crate) fn begin(&mut self, published: u64) {
        let ready: Vec<usize> = self.ready().collect();
        self.tally.begin(published, ready.into_iter());
    }

    /// Lets one of them connect.
    pub(crate) fn start(&mut self, index: usize, request: Request) {
        self.connecting += 1;
        match Subscriber::connect(self.address, self.kind, request, now_us()) {
            Ok(subscriber) => {
                let flags =
                    epoll::EventFlags::IN | epoll::EventFlags::OUT | epoll::EventFlags::RDHUP | epoll::EventFlags::ET;
                let data = epoll::EventData::new_u64(index as u64);
                let added = epoll::add(&self.epoll, subscriber.socket(), data, flags);
                self.each[index] = Some(subscriber);
                if let Err(error) = added {
                    self.end(index, End::Io(error));
                }
            }
            Err(end) => self.end(index, end),
        }
    }

    /// Gives up those that are not ready.
    pub(crate) fn give_up(&mut self) {
        for index in 0..self.each.len() {
            if self.each[index].as_ref().is_some_and(|each| !each.ready) {
                self.end(index, End::TimedOut);
            }
        }
    }

    /// All leave.
    pub(crate) fn leave(&mut self) {
        self.each.clear();
    }

    /// Waits at most so long for something to happen, and deals with everything that did.
    ///
    /// # Errors
    /// If the event queue fails, which is the end of the run.
    pub(crate) fn turn(&mut self, at_most: Duration) -> io::Result<()> {
        let timeout = Timespec { tv_sec: at_most.as_secs() as i64, tv_nsec: at_most.subsec_nanos().into() };
        let mut events = std::mem::take(&mut self.events);
        events.clear();
        match epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut events), Some(&timeout)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let before = self.tally.counts.completed;
        for event in &events {
            let (flags, data) = (event.flags, event.data);
            match data.u64() {
                BELL => progress::hear(&self.progress.to_subscribers),
                index => self.happened(index as usize, flags),
            }
        }
        self.events = events;
        if self.tally.counts.completed != before {
            self.progress.complete(self.tally.counts.completed);
        }
        Ok(())
    }

    fn happened(&mut self, index: usize, flags: epoll::EventFlags) {
        let Some(subscriber) = &mut self.each[index] else {
            return;
        };
        // A stream that has said everything is not disturbed by being writable.
        if flags.contains(epoll::EventFlags::OUT)
            && let Err(end) = subscriber.writable()
        {
            return self.end(index, end);
        }
        let over = epoll::EventFlags::RDHUP | epoll::EventFlags::HUP | epoll::EventFlags::ERR;
        if flags.intersects(over | epoll::EventFlags::IN)
            && let Err(end) = self.read(index, flags.intersects(over))
        {
            self.end(index, end);
        }
    }

    /// Reads until the socket is empty; to the end of the stream if it is known to be over.
    fn read(&mut self, index: usize, over: bool) -> Result<(), End> {
        let Some(subscriber) = &mut self.each[index] else {
            return Ok(());
        };
        loop {
            let bytes = match rustix::io::read(subscriber.socket(), &mut self.buffer[..]) {
                Ok(0) => return Err(End::Closed),
                Ok(bytes) => bytes,
                Err(Errno::INTR) => continue,
                Err(Errno::AGAIN) => return Ok(()),
                Err(error) => return Err(End::Io(error)),
            };
            let now_us = now_us();
            self.tally.counts.bytes += bytes as u64;
            let (tally, reader, mut ready) = (&mut self.tally, &self.reader, false);
            let taken = subscriber.take(&self.buffer[..bytes], |heard| match heard {
                Heard::Event(text) => {
                    if let Some(stamp) = reader.read(text) {
                        tally.event(index, stamp, now_us);
                    }
                }
                Heard::Ready => ready = true,
                Heard::Gap(dropped) => {
                    tally.counts.gaps += 1;
                    tally.counts.gap_dropped += dropped.unwrap_or(0);
                }
            });
            if ready && !subscriber.ready {
                subscriber.ready = true;
                self.connecting -= 1;
                self.ready_us.push(now_us - subscriber.started_us);
            }
            taken?;
            if bytes < BUFFER_BYTES && !over {
                return Ok(());
            }
        }
    }

    fn end(&mut self, index: usize, end: End) {
        match self.each[index].take() {
            Some(subscriber) if subscriber.ready => self.closed += 1,
            _ => {
                self.connecting -= 1;
                self.refused += 1;
            }
        }
        self.first_end.get_or_insert(end);
    }
}
