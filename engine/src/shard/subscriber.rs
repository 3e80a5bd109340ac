//! One live stream, as its shard knows it.

use std::fmt;
use std::time::Instant;

use super::outlet::Outlet;
use super::ring::Ring;
use super::session::Session;
use crate::event::{Encoding, EventId};
use crate::index::Place;
use crate::shard::filter::Filter;

/// A subscriber's number in its shard. Numbers are used again after it has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Key(pub(super) u32);

/// Someone who becomes a subscriber.
pub struct Newcomer {
    /// Where its bytes go.
    pub outlet: Outlet,
    /// Its protocol.
    pub session: Box<dyn Session>,
    /// How it sees events.
    pub encoding: Encoding,
    /// What it wants.
    pub filter: Filter,
    /// Its right to be here.
    pub place: Place,
    /// When its token expires, in seconds since 1970.
    pub expires_at: u64,
    /// What it is sent first.
    pub greeting: Vec<u8>,
    /// What it sent before it became a subscriber, behind its handshake.
    pub early: Vec<u8>,
}

impl fmt::Debug for Newcomer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Newcomer")
            .field("encoding", &self.encoding)
            .finish_non_exhaustive()
    }
}

/// Where a subscriber sits: its tenant's table, its cohort there, its seat among the members.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seat {
    pub(super) table: u32,
    pub(super) cohort: u32,
    pub(super) seat: u32,
}

pub(super) enum Phase {
    /// It receives what it wants; it has a place and a seat.
    Live { place: Place, seat: Seat },
    /// It has been told good-bye, and is gone when it has read that, or at the deadline.
    Leaving { deadline: Instant, finished: bool },
}

pub(super) struct Subscriber {
    pub(super) outlet: Outlet,
    /// What waits while the outlet takes no more. None: nothing waits, and the outlet may be written to.
    pub(super) ring: Option<Box<Ring>>,
    pub(super) phase: Phase,
    /// Events up to this one are not its own: they came before it did.
    pub(super) from: EventId,
    /// Notices of ticks before this one are not its own, for the same reason.
    pub(super) whole_from: u64,
    pub(super) encoding: Encoding,
    /// Distinguishes it from one that had the same key before.
    pub(super) generation: u32,
    /// When something was last written, in ticks of the sweep.
    pub(super) last_write: u32,
    /// Messages that it may still send before the next sweep.
    pub(super) credit: u32,
    /// It is among those to be looked at again.
    pub(super) is_queued: bool,
    /// It sent too much; its socket is read again after the next sweep.
    pub(super) paused: bool,
    pub(super) expires_at: u64,
    pub(super) session: Box<dyn Session>,
}

impl Subscriber {
    pub(super) fn seat(&self) -> Option<Seat> {
        match &self.phase {
            Phase::Live { seat, .. } => Some(*seat),
            Phase::Leaving { .. } => None,
        }
    }

    pub(super) fn held(&self) -> u64 {
        self.ring.as_ref().map_or(0, |ring| ring.held())
    }
}

/// Stands in for a session while the session itself acts.
pub(super) struct Absent;

impl Session for Absent {
    fn receive(&mut self, _: &mut [u8], _: &mut super::session::Line<'_>) {}

    fn farewell(&self, _: &super::end::End, _: &mut Vec<u8>) {}
}
