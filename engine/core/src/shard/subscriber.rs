//! One live stream, as its shard knows it.

use std::fmt;
use std::time::Instant;

use super::metrics::Metrics;
use super::outlet::Outlet;
use super::ring::Ring;
use crate::event::{Encoding, EventId};
use crate::index::{AuditKind, ClientInfo, ConnectionId, ConnectionPermit, Limit, OwnCounters};
use crate::shard::filter::Filter;
use floodway_protocol::session::Session;

/// A subscriber's number in its shard. Numbers are used again after it has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Key(pub(super) u32);

/// Someone who becomes a subscriber.
pub struct NewSubscriber {
    /// Where its bytes go.
    pub outlet: Outlet,
    /// How it sees events.
    pub encoding: Encoding,
    /// What it wants.
    pub filter: Filter,
    /// Its right to be here.
    pub place: ConnectionPermit,
    /// Who it is.
    pub about: ClientInfo,
    /// When its token expires, in seconds since 1970.
    pub expires_at: u64,
    /// What it is sent first.
    pub greeting: Vec<u8>,
    /// What it sent before it became a subscriber, behind its handshake.
    pub early: Vec<u8>,
}

impl fmt::Debug for NewSubscriber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewSubscriber")
            .field("encoding", &self.encoding)
            .finish_non_exhaustive()
    }
}

/// Where a subscriber sits: its tenant's table, its cohort there, its seat among the members.
#[derive(Clone, Copy, Debug)]
pub(super) struct CohortPosition {
    pub(super) table: u32,
    pub(super) cohort: u32,
    pub(super) seat: u32,
}

pub(super) enum Phase {
    /// It receives what it wants; it has a place and a seat.
    Live {
        place: ConnectionPermit,
        seat: CohortPosition,
    },
    /// It has been told good-bye, and is gone when it has read that, or at the deadline.
    Leaving { deadline: Instant, finished: bool },
}

/// One live stream, or one that leaves. `repr(C)` so that what a delivery touches stands together, in 64 bytes: with ten
/// thousand of them, memory is what a delivery waits for.
#[repr(C)]
pub(super) struct Subscriber {
    pub(super) outlet: Outlet,
    /// What waits while the outlet takes no more. None: nothing waits, and the outlet may be written to.
    pub(super) ring: Option<Box<Ring>>,
    /// Events up to this one are not its own: they came before it did.
    pub(super) from: EventId,
    /// Notices of ticks before this one are not its own, for the same reason.
    pub(super) whole_from: u64,
    /// Events handed to the kernel, whole.
    pub(super) delivered: u64,
    /// Bytes handed to the kernel.
    pub(super) bytes: u64,
    /// When something was last written, in ticks of the sweep.
    pub(super) last_write: u32,
    /// Distinguishes it from one that had the same key before.
    pub(super) generation: u32,
    pub(super) phase: Phase,
    pub(super) expires_at: u64,
    pub(super) session: Session,
    /// Not in a box of its own: small ones, made while handshakes come and go, would each pin a page of theirs.
    pub(super) card: SubscriberInfo,
    /// Messages that it may still send before the next sweep.
    pub(super) credit: u32,
    pub(super) encoding: Encoding,
    /// It is among those to be looked at again.
    pub(super) is_queued: bool,
    /// It sent too much; its socket is read again after the next sweep.
    pub(super) paused: bool,
}

/// What is known of a subscriber, and not needed to deliver to it.
pub(super) struct SubscriberInfo {
    pub(super) id: ConnectionId,
    pub(super) about: ClientInfo,
    /// What its tenant's streams on this shard received together.
    pub(super) counters: OwnCounters,
    /// When it came, in ticks of the sweep.
    pub(super) since: u32,
    /// Events that matched it and will not reach it.
    pub(super) dropped: u64,
}

impl Subscriber {
    /// Counts what a write of its own, not of a batch, has brought out.
    pub(super) fn count_sent(&mut self, events: u64, bytes: u64, metrics: &Metrics) {
        self.delivered += events;
        self.bytes += bytes;
        self.card.counters.delivered.add(events);
        self.card.counters.bytes.add(bytes);
        metrics.delivered.add(events);
        metrics.bytes.add(bytes);
    }

    /// Counts events that matched it and will not reach it.
    pub(super) fn count_dropped(&mut self, events: u64, metrics: &Metrics) {
        self.card.dropped += events;
        self.card.counters.dropped.add(events);
        metrics.dropped.add(events);
    }

    /// Tells those who watch that it has come to a limit.
    pub(super) fn note_limit(&self, limit: Limit) {
        if let Phase::Live { place, .. } = &self.phase {
            place.journal().note(|| AuditKind::LimitHit {
                id: self.card.id,
                tenant: place.tenant().id().clone(),
                limit,
            });
        }
    }

    /// What waits for it; nothing yet, if it kept up until now, in ticks of the sweep.
    pub(super) fn ring_from(&mut self, now: u32, metrics: &Metrics) -> &mut Ring {
        self.ring.get_or_insert_with(|| {
            metrics.lagging.add(1);
            Box::new(Ring::new(now))
        })
    }

    /// Nothing waits for it any more.
    pub(super) fn drop_ring(&mut self, metrics: &Metrics) {
        if self.ring.take().is_some() {
            metrics.lagging.sub(1);
        }
    }

    pub(super) fn seat(&self) -> Option<CohortPosition> {
        match &self.phase {
            Phase::Live { seat, .. } => Some(*seat),
            Phase::Leaving { .. } => None,
        }
    }

    pub(super) fn queued(&self) -> u64 {
        self.ring.as_ref().map_or(0, |ring| ring.queued())
    }

    pub(super) fn held(&self) -> u64 {
        self.ring.as_ref().map_or(0, |ring| ring.held())
    }
}

#[cfg(test)]
mod tests {
    use std::mem::{offset_of, size_of};

    use super::*;

    #[test]
    #[cfg(target_pointer_width = "64")]
    fn what_a_delivery_touches_stands_together() {
        // An outlet has 16 bytes, and 24 where mio checks what it is used for.
        let outlet = size_of::<Outlet>();
        assert_eq!(offset_of!(Subscriber, generation), outlet + 44);
        assert!(size_of::<Subscriber>() <= outlet + 216);
    }
}
