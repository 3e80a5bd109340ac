//! One live stream, as its shard knows it.

use std::fmt;
use std::time::Instant;

use crate::history::Position;
use crate::index::{AuditKind, ClientInfo, ConnectionId, ConnectionPermit, Limit, OwnCounters};
use crate::shard::backlog::Backlog;
use crate::shard::clock::Tenths;
use crate::shard::filter::Filter;
use crate::shard::keys::CohortPosition;
use crate::shard::metrics::{GapCounts, Metrics};
use crate::shard::options::{Options, Resume};
use crate::shard::outlet::Outlet;
use crate::shard::ring::Ring;
use floodway_protocol::Encoding;
use floodway_protocol::session::Session;

/// What becomes a subscriber.
pub struct NewSubscriber {
    /// Where its bytes go.
    pub outlet: Outlet,
    /// How it sees events.
    pub encoding: Encoding,
    /// What it wants.
    pub filter: Filter,
    /// Its right to be here.
    pub permit: ConnectionPermit,
    /// Who it is.
    pub client: ClientInfo,
    /// When its token expires, in seconds since 1970.
    pub expires_at: u64,
    /// Where its stream begins.
    pub resume: Resume,
    /// What it gets first of what it missed: what the source has given back.
    pub backlog: Option<Backlog>,
    /// What else its client chose.
    pub options: Options,
    /// What it is sent before its first message: the head of its response.
    pub head: Vec<u8>,
    /// What it sent before it became a subscriber, behind its handshake.
    pub early: Vec<u8>,
}

impl NewSubscriber {
    /// Whether it is sent something of what was before it came.
    pub(crate) fn looks_back(&self) -> bool {
        self.resume != Resume::FromNow || self.options.snapshot == Some(true)
    }
}

impl fmt::Debug for NewSubscriber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewSubscriber").field("encoding", &self.encoding).finish_non_exhaustive()
    }
}

/// What a subscriber has while it is live.
pub(crate) struct Live {
    pub(crate) permit: ConnectionPermit,
    pub(crate) position: CohortPosition,
    /// When its token expires, in seconds since 1970.
    pub(crate) expires_at: u64,
}

pub(crate) enum Phase {
    /// It receives what it wants.
    Live(Live),
    /// It was sent its end, and is removed when it has read that, or at the deadline.
    Leaving { deadline: Instant, finished: bool },
}

/// One live stream, or one that leaves. `repr(C)` so that what a delivery touches stands together, in 64 bytes: with ten
/// thousand of them, memory is what a delivery waits for.
#[repr(C)]
pub(crate) struct Subscriber {
    pub(crate) outlet: Outlet,
    /// What waits while the outlet takes no more. None: nothing waits, and the outlet may be written to.
    pub(crate) ring: Option<Box<Ring>>,
    /// Where its stream starts, or starts anew with another filter: what is at positions up to this one of its tenant's
    /// history is not its own.
    pub(crate) after: Position,
    pub(crate) output: Output,
    pub(crate) phase: Phase,
    pub(crate) session: Session,
    /// Not in a box of its own: small ones, made while handshakes come and go, would each pin a page of theirs.
    pub(crate) info: SubscriberInfo,
    pub(crate) attention: Attention,
}

/// What the kernel has taken for it.
#[repr(C)]
pub(crate) struct Output {
    /// Events, whole.
    pub(crate) events: u64,
    pub(crate) bytes: u64,
    /// When something was last written.
    pub(crate) last_write: Tenths,
    pub(crate) encoding: Encoding,
    /// Gaps of its own, at most [`u16::MAX`], for which there is room: all but those of the source, which are its tenant's.
    pub(crate) gaps: u16,
}

/// What is known of a subscriber, and not needed to deliver to it.
pub(crate) struct SubscriberInfo {
    pub(crate) id: ConnectionId,
    pub(crate) client: ClientInfo,
    /// What its client chose.
    pub(crate) options: Options,
    /// What its tenant's streams on this shard received together.
    pub(crate) counters: OwnCounters,
    /// When it came.
    pub(crate) since: Tenths,
    /// Distinguishes it from one that had the same key before.
    pub(crate) generation: u32,
    /// Events that matched it and will not reach it.
    pub(crate) dropped: u64,
    /// Events in whose place newer ones of the device were sent; those of its pace are added when it leaves its cohort.
    pub(crate) conflated: u64,
}

/// When the shard turns to it again.
pub(crate) struct Attention {
    /// Messages that it may still send before its next visit.
    pub(crate) credit: u32,
    /// It is among those to be looked at again.
    pub(crate) is_queued: bool,
    /// It sent too much; its socket is read again after its next visit.
    pub(crate) is_paused: bool,
}

impl Subscriber {
    /// Counts what a write of its own, not of a batch, has brought out.
    pub(crate) fn count_sent(&mut self, events: u64, bytes: u64, metrics: &Metrics) {
        self.output.events += events;
        self.output.bytes += bytes;
        self.info.counters.delivered.add(events);
        self.info.counters.bytes.add(bytes);
        metrics.events.delivered.add(events);
        metrics.bytes.add(bytes);
    }

    /// Counts events that matched it and will not reach it.
    pub(crate) fn count_dropped(&mut self, events: u64, metrics: &Metrics) {
        self.info.dropped += events;
        self.info.counters.dropped.add(events);
        metrics.events.dropped.add(events);
    }

    /// Counts gaps that it was sent.
    pub(crate) fn count_gaps(&mut self, gaps: &GapCounts<u64>, metrics: &Metrics) {
        let own = gaps.overflow + gaps.replay + gaps.conflated;
        self.output.gaps = self.output.gaps.saturating_add(own.try_into().unwrap_or(u16::MAX));
        metrics.gaps.add(gaps);
    }

    /// Counts events in whose place a newer one of the device is sent.
    pub(crate) fn count_conflated(&mut self, events: u64, metrics: &Metrics) {
        self.info.conflated += events;
        self.info.counters.conflated.add(events);
        metrics.events.conflated.add(events);
    }

    /// Its events of which is known what became of them.
    pub(crate) fn settled(&self) -> u64 {
        self.output.events + self.info.dropped + self.info.conflated + self.held()
    }

    /// Counts messages that it has sent. Beyond its credit it is read again only after its next visit.
    pub(crate) fn count_messages(&mut self, count: usize) {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        self.attention.credit = self.attention.credit.saturating_sub(count);
        if self.attention.credit == 0 && !std::mem::replace(&mut self.attention.is_paused, true) {
            self.note_limit(Limit::ClientMessages);
        }
    }

    /// Reports that it has come to a limit.
    pub(crate) fn note_limit(&self, limit: Limit) {
        if let Some(Live { permit, .. }) = self.live() {
            permit.journal().note(|| AuditKind::LimitHit {
                id: self.info.id,
                tenant: permit.tenant().id().clone(),
                limit,
            });
        }
    }

    /// What waits for it; nothing yet, if it kept up until now.
    pub(crate) fn ring_from(&mut self, now: Tenths, metrics: &Metrics) -> &mut Ring {
        self.ring.get_or_insert_with(|| {
            metrics.streams.lagging.add(1);
            Box::new(Ring::new(now))
        })
    }

    /// Nothing waits for it any more.
    pub(crate) fn drop_ring(&mut self, metrics: &Metrics) {
        if self.ring.take().is_some() {
            metrics.streams.lagging.sub(1);
        }
    }

    pub(crate) fn is_live(&self) -> bool {
        self.live().is_some()
    }

    pub(crate) fn live(&self) -> Option<&Live> {
        match &self.phase {
            Phase::Live(live) => Some(live),
            Phase::Leaving { .. } => None,
        }
    }

    pub(crate) fn live_mut(&mut self) -> Option<&mut Live> {
        match &mut self.phase {
            Phase::Live(live) => Some(live),
            Phase::Leaving { .. } => None,
        }
    }

    /// Whether it reads on from history.
    pub(crate) fn is_behind(&self) -> bool {
        self.ring.as_ref().is_some_and(|ring| ring.is_behind())
    }

    /// Events that wait for it whole.
    pub(crate) fn queued(&self) -> u64 {
        self.ring.as_ref().map_or(0, |ring| ring.queued())
    }

    /// Events that wait for it whole, or partly.
    pub(crate) fn held(&self) -> u64 {
        self.ring.as_ref().map_or(0, |ring| ring.held())
    }
}

#[cfg(test)]
mod tests;
