//! Bytes go to one subscriber's outlet, or into its ring until the outlet takes them.

use std::io;

use super::Delivery;
use crate::shard::keys::SubscriberKey;
use crate::shard::metrics::Untimed;
use crate::shard::outlet::Outlet;
use crate::shard::registry::{Phase, Registry, Subscriber};
use crate::shard::ring::{Ring, Sent};
use floodway_protocol::{Encoding, End};

/// Writes of a ring in one turn, of up to 64 entries each; a long ring does not keep the others waiting.
const RING_WRITES: usize = 4;

impl Delivery {
    /// Sends bytes of the subscriber's own, behind what waits.
    ///
    /// # Errors
    /// With its end, if the stream can't go on.
    pub(crate) fn send(&mut self, subscriber: &mut Subscriber, bytes: &[u8]) -> Result<(), End> {
        match &mut subscriber.ring {
            Some(ring) => ring.push_notice(bytes, self.control_bytes),
            None => self.write_or_hold(subscriber, bytes),
        }
    }

    /// Sends the last bytes of a stream, which may take the notices over their bound once.
    ///
    /// # Errors
    /// If the outlet fails.
    pub(crate) fn send_last(&mut self, subscriber: &mut Subscriber, bytes: &[u8]) -> Result<(), End> {
        if let Some(ring) = &mut subscriber.ring {
            ring.append_notice(bytes);
            return Ok(());
        }
        self.write_or_hold(subscriber, bytes)?;
        finish_if_written(subscriber)
    }

    fn write_or_hold(&mut self, subscriber: &mut Subscriber, bytes: &[u8]) -> Result<(), End> {
        let written = match subscriber.outlet.events() {
            // They are of a protocol that a reader of events does not speak.
            Some(_) => Ok(bytes.len()),
            None => write_now(bytes, |bytes| subscriber.outlet.write(bytes)),
        };
        let n = written.map_err(|_| End::Gone)?;
        let now = self.clock.tenths();
        subscriber.output.last_write = now;
        subscriber.count_sent(0, n as u64, &self.metrics);
        if n < bytes.len() {
            let ring = subscriber.ring_from(now, &self.metrics);
            ring.append_notice(&bytes[n..]);
        }
        Ok(())
    }

    /// Writes what waits for a subscriber, as far as its outlet takes it.
    ///
    /// # Errors
    /// If the outlet fails.
    pub(crate) fn write_ring(&mut self, registry: &mut Registry, key: SubscriberKey) -> Result<(), End> {
        if self.write_some(&mut registry[key])? {
            registry.revisit(key);
        }
        Ok(())
    }

    /// As [`Delivery::write_ring`], without another visit to one that takes more than one turn may write. Returns whether
    /// it needs one.
    pub(super) fn write_some(&mut self, subscriber: &mut Subscriber) -> Result<bool, End> {
        for _ in 0..RING_WRITES {
            let Some(ring) = &mut subscriber.ring else {
                return Ok(false);
            };
            let encoding = subscriber.output.encoding;
            let lost = ring.read_ahead(encoding);
            let is_waiting = ring.waits_for_history();
            subscriber.count_dropped(lost, &self.metrics);
            self.metrics.events.held.sub(lost);
            if self.end_ring_if_done(subscriber)? {
                return Ok(false);
            }
            if is_waiting {
                return Ok(true);
            }
            let (Some(ring), outlet) = (&mut subscriber.ring, &mut subscriber.outlet) else {
                return Ok(false);
            };
            let sent = match write_ring_once(ring, encoding, outlet, &mut self.untimed) {
                Ok(sent) => sent,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(_) => return Err(End::Gone),
            };
            subscriber.output.last_write = self.clock.tenths();
            subscriber.count_sent(sent.events, sent.bytes, &self.metrics);
            self.metrics.events.held.sub(sent.events);
            subscriber.count_gaps(&sent.gaps, &self.metrics);
            self.metrics.writes.add(1);
            self.untimed.add_write();
            if self.untimed.is_due() {
                self.count_delays();
            }
        }
        // Perhaps all of it went out with the last write.
        self.end_ring_if_done(subscriber).map(|is_done| !is_done)
    }

    /// If everything that waited is written, the subscriber is in step again. Returns whether it is.
    fn end_ring_if_done(&self, subscriber: &mut Subscriber) -> Result<bool, End> {
        let Some(position) = subscriber.ring.as_ref().and_then(|ring| ring.is_done()) else {
            return Ok(false);
        };
        subscriber.after = subscriber.after.max(position);
        subscriber.drop_ring(&self.metrics);
        finish_if_written(subscriber).map(|()| true)
    }

    /// A subscriber is sent no more events: those that wait are counted as dropped.
    pub(crate) fn discard_events(&self, subscriber: &mut Subscriber) {
        if let Some(ring) = &mut subscriber.ring {
            let discarded = ring.discard_events();
            subscriber.count_dropped(discarded, &self.metrics);
            self.metrics.events.held.sub(discarded);
        }
    }

    /// A subscriber has gone: whatever waits for it is counted as dropped.
    pub(crate) fn discard(&self, subscriber: &mut Subscriber) {
        let held = subscriber.held();
        subscriber.count_dropped(held, &self.metrics);
        self.metrics.events.held.sub(held);
        subscriber.drop_ring(&self.metrics);
    }
}

/// Says to the peer of a leaving subscriber that nothing follows, once everything is written.
fn finish_if_written(subscriber: &mut Subscriber) -> Result<(), End> {
    let is_written = subscriber.ring.is_none();
    if let Phase::Leaving { finished, .. } = &mut subscriber.phase
        && is_written
        && !std::mem::replace(finished, true)
    {
        return subscriber.outlet.finish().map_err(|_| End::Gone);
    }
    Ok(())
}

/// Writes what the outlet takes now; 0 if that is nothing.
pub(super) fn write_now(bytes: &[u8], mut write: impl FnMut(&[u8]) -> io::Result<usize>) -> io::Result<usize> {
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
    untimed: &mut Untimed,
) -> io::Result<Sent> {
    if let Some(reader) = outlet.events() {
        return ring.hand_over(encoding, untimed, reader);
    }
    ring.write_out(encoding, untimed, |slices| {
        loop {
            match outlet.write_vectored(slices) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                written => return written,
            }
        }
    })
}
