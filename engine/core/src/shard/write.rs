//! Bytes go to one subscriber's outlet, or into its ring until the outlet takes them.

use std::io;

use super::delays::Written;
use super::outlet::Outlet;
use super::ring::{Ring, Sent};
use super::state::State;
use super::subscriber::{Key, Phase};
use crate::event::Encoding;
use floodway_protocol::ends::End;

/// Writes of a ring in one turn, of up to 64 entries each; a long ring does not keep the others waiting.
const RING_WRITES: usize = 4;

impl State {
    /// Sends bytes of the subscriber's own, behind what waits.
    pub(super) fn send(&mut self, key: Key, bytes: &[u8]) {
        let Some(subscriber) = self.subscribers.get_mut(key.0 as usize) else {
            return;
        };
        let bound = self.config.control_bytes;
        if let Some(ring) = &mut subscriber.ring {
            if ring.push_notice(bytes, bound).is_err() {
                self.end(key, &End::SlowConsumer);
            }
            return;
        }
        self.write_or_hold(key, bytes);
    }

    /// Sends the last bytes of a stream, which may take the notices over their bound once.
    pub(super) fn send_last(&mut self, key: Key, bytes: &[u8]) {
        let Some(subscriber) = self.subscribers.get_mut(key.0 as usize) else {
            return;
        };
        match &mut subscriber.ring {
            Some(ring) => ring.append_notice(bytes),
            None => {
                self.write_or_hold(key, bytes);
                self.finish_if_written(key);
            }
        }
    }

    fn write_or_hold(&mut self, key: Key, bytes: &[u8]) {
        let now = self.sweep.ticks();
        let subscriber = &mut self.subscribers[key.0 as usize];
        let written = match subscriber.outlet.events() {
            // They are of a protocol that a reader of events does not speak.
            Some(_) => Ok(bytes.len()),
            None => write_now(bytes, |bytes| subscriber.outlet.write(bytes)),
        };
        match written {
            Ok(n) => {
                subscriber.last_write = now;
                subscriber.count_sent(0, n as u64, &self.metrics);
                if n < bytes.len() {
                    let ring = subscriber.ring_from(now, &self.metrics);
                    ring.append_notice(&bytes[n..]);
                }
            }
            Err(_) => self.end(key, &End::Gone),
        }
    }

    /// Writes what waits for a subscriber, as far as its outlet takes it.
    pub(super) fn write_ring(&mut self, key: Key) {
        for _ in 0..RING_WRITES {
            let Some(subscriber) = self.subscribers.get_mut(key.0 as usize) else {
                return;
            };
            let Some(ring) = &mut subscriber.ring else {
                return;
            };
            let (encoding, outlet) = (subscriber.encoding, &mut subscriber.outlet);
            match write_ring_once(ring, encoding, outlet, &mut self.written) {
                Ok(sent) => {
                    subscriber.last_write = self.sweep.ticks();
                    subscriber.count_sent(sent.events, sent.bytes, &self.metrics);
                    self.metrics.held.sub(sent.events);
                    self.metrics.overflow_gaps.add(sent.gaps);
                    self.written.add_write();
                    self.metrics.writes.add(1);
                    if self.written.is_due() {
                        self.written.settle(&self.metrics.delays);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => return self.end(key, &End::Gone),
            }
            if subscriber.ring.as_ref().is_some_and(|ring| ring.is_empty()) {
                subscriber.drop_ring(&self.metrics);
                return self.finish_if_written(key);
            }
        }
        self.look_again_at(key);
    }

    /// Tells the peer of a leaving subscriber that nothing follows, once everything is written.
    fn finish_if_written(&mut self, key: Key) {
        let Some(subscriber) = self.subscribers.get_mut(key.0 as usize) else {
            return;
        };
        let is_written = subscriber.ring.is_none();
        if let Phase::Leaving { finished, .. } = &mut subscriber.phase
            && is_written
            && !std::mem::replace(finished, true)
            && subscriber.outlet.finish().is_err()
        {
            self.end(key, &End::Gone);
        }
    }
}

/// Writes what the outlet takes now; 0 if that is nothing.
pub(super) fn write_now(
    bytes: &[u8],
    mut write: impl FnMut(&[u8]) -> io::Result<usize>,
) -> io::Result<usize> {
    loop {
        match write(bytes) {
            Ok(0) if !bytes.is_empty() => return Err(io::ErrorKind::WriteZero.into()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(0),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            written => return written,
        }
    }
}

fn write_ring_once(
    ring: &mut Ring,
    encoding: Encoding,
    outlet: &mut Outlet,
    written: &mut Written,
) -> io::Result<Sent> {
    if let Some(pipe) = outlet.events() {
        return ring.hand_over(encoding, written, pipe);
    }
    ring.write_out(encoding, written, |slices| {
        loop {
            match outlet.write_vectored(slices) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                written => return written,
            }
        }
    })
}
