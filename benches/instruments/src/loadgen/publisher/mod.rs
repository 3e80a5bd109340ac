//! The publisher: a thread of its own, with one connection.
//!
//! It sleeps in one place, `wait`, for the socket, its bell, or the next event's time. Whatever is due at once goes out
//! with one write.

mod pace;
mod wire;

use crate::plan::{Phase, Wants};
use crate::progress::{self, Progress};
use bytes::BytesMut;
use floodway_instruments::machine::now_us;
use pace::{Due, Pace};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::io::{self, Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::Duration;
pub(crate) use wire::Target;
use wire::Wire;

/// How long anything may take that the server has to do before the next event.
const PATIENCE: Duration = Duration::from_secs(5);

/// Events that one write carries at most.
const BATCH: u64 = 256;

/// A phase to publish, and how many subscribers want each device.
#[derive(Debug)]
pub(crate) struct Order {
    /// The phase.
    pub(crate) phase: Phase,
    /// By device.
    pub(crate) wanters: Vec<u32>,
}

/// The connection, and how far it is.
#[derive(Debug)]
pub(crate) struct Publisher {
    socket: TcpStream,
    wire: Wire,
    wants: Wants,
    progress: Arc<Progress>,
    /// Bytes to be written.
    out: BytesMut,
    payload: Vec<u8>,
    /// Events published so far, over all phases and devices.
    published: u64,
}

impl Publisher {
    /// Connects, and waits until the server takes events.
    ///
    /// # Errors
    /// If it can't be reached, refuses, or says nothing for five seconds.
    pub(crate) fn connect(
        target: Target,
        tenant: &str,
        qos: u8,
        wants: Wants,
        progress: Arc<Progress>,
    ) -> io::Result<Self> {
        let address = target.address.to_socket_addrs()?.next();
        let address = address.ok_or_else(|| io::Error::other("a name without an address"))?;
        let socket = TcpStream::connect_timeout(&address, PATIENCE)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.set_write_timeout(Some(PATIENCE))?;
        let wire = Wire::new(target, tenant, qos);
        let out = wire.opening();
        let payload = Vec::new();
        let mut publisher = Publisher { socket, wire, wants, progress, out, payload, published: 0 };
        publisher.flush()?;
        while !publisher.wire.is_ready() {
            publisher.hear()?;
        }
        Ok(publisher)
    }

    /// Carries out orders until there are no more. A failure ends it, and stands in the progress.
    pub(crate) fn run(mut self, orders: &Receiver<Order>) {
        if let Err(error) = self.carry_out(orders) {
            // It is the only one who writes here.
            self.progress.failure.set(format!("publishing: {error}")).ok();
        }
        self.progress.finish();
    }

    fn carry_out(&mut self, orders: &Receiver<Order>) -> io::Result<()> {
        loop {
            match orders.try_recv() {
                Ok(order) => {
                    self.publish(&order)?;
                    self.progress.finish();
                }
                Err(TryRecvError::Disconnected) => return Ok(()),
                Err(TryRecvError::Empty) => self.wait(None)?,
            }
        }
    }

    /// Publishes one phase; ends early if nothing is completed for five seconds, for that is a loss to be reported.
    fn publish(&mut self, order: &Order) -> io::Result<()> {
        let mut pace = Pace::new(order.phase, now_us());
        let (mut sent, mut wanted) = (0, 0);
        let (mut completed, mut moved_us) = (0, now_us());
        while !self.progress.stopped.load(SeqCst) {
            if pace.is_closed_loop() {
                // From here on, whoever completes an event rings the bell.
                self.progress.sleeps();
            }
            let now_us = now_us();
            let latest = self.progress.completed();
            if latest != completed {
                (completed, moved_us) = (latest, now_us);
            }
            let patience_us = moved_us + PATIENCE.as_micros() as u64;
            match pace.due(now_us, sent, wanted - completed.min(wanted)) {
                Due::Over => break,
                Due::Now(_) if self.wire.room() == 0 && now_us >= patience_us => {
                    return Err(io::Error::other("the server acknowledges nothing"));
                }
                Due::Now(_) if self.wire.room() == 0 => self.wait(Some(PATIENCE))?,
                Due::Now(events) => {
                    let counted = self.send(events, &order.wanters, now_us)?;
                    (sent, wanted) = (sent + counted.0, wanted + counted.1);
                    moved_us = now_us;
                }
                Due::At(at_us) => self.wait(Some(Duration::from_micros(at_us - now_us)))?,
                Due::Blocked(_) if now_us >= patience_us => break,
                Due::Blocked(end_us) => {
                    let until_us = end_us.unwrap_or(u64::MAX).min(patience_us);
                    self.wait(Some(Duration::from_micros(until_us.saturating_sub(now_us))))?;
                }
            }
        }
        Ok(())
    }

    /// Hands over at most so many events, with one write; gives how many there were, and how many somebody wants.
    fn send(&mut self, events: u64, wanters: &[u32], now_us: u64) -> io::Result<(u64, u64)> {
        let events = events.min(BATCH).min(self.wire.room() as u64);
        let mut wanted = 0;
        for _ in 0..events {
            let device = (self.published % u64::from(self.wants.devices)) as u32;
            let n = (self.published / u64::from(self.wants.devices) + 1) as u32;
            self.payload.clear();
            self.wants.payload(device, n, now_us, &mut self.payload);
            self.wire.event(device, &self.payload, &mut self.out);
            self.published += 1;
            wanted += u64::from(wanters[device as usize] > 0);
        }
        self.progress.published.store(self.published, SeqCst);
        self.flush()?;
        Ok((events, wanted))
    }

    /// Sleeps until the bell rings, the server says something, or time is up.
    fn wait(&mut self, at_most: Option<Duration>) -> io::Result<()> {
        let timeout = at_most
            .map(|at_most| Timespec { tv_sec: at_most.as_secs() as i64, tv_nsec: at_most.subsec_nanos().into() });
        let bell = &self.progress.to_publisher;
        let mut ready = [PollFd::new(bell, PollFlags::IN), PollFd::new(&self.socket, PollFlags::IN)];
        match poll(&mut ready, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let (rung, heard) = (!ready[0].revents().is_empty(), !ready[1].revents().is_empty());
        if rung {
            progress::hear(bell);
        }
        if heard {
            self.hear()?;
        }
        Ok(())
    }

    /// Takes what the server said, and answers.
    fn hear(&mut self) -> io::Result<()> {
        let mut bytes = [0; 16 << 10];
        let length = self.socket.read(&mut bytes)?;
        if length == 0 {
            return Err(io::Error::other("the server closed the publisher's connection"));
        }
        let heard = self.wire.hear(&bytes[..length], &mut self.out);
        heard.map_err(|crate::Fault(fault)| io::Error::other(fault))?;
        self.flush()
    }

    fn flush(&mut self) -> io::Result<()> {
        if !self.out.is_empty() {
            self.socket.write_all(&self.out)?;
            self.out.clear();
        }
        Ok(())
    }
}
