//! What a shard counts. Only its own thread writes; anybody may read and add the shards up.
//!
//! Invariants, after each turn of the shard: `matched == delivered + dropped + held + conflated`, and `delays` has counted what
//! `delivered` has. What is counted of a tenant too is counted there first: a reader of this count, and then of the
//! tenant's, never finds less there.

mod delays;

use crate::index::{Count, TenantCounters, Transport};
use crate::pulse::Pulse;
use floodway_protocol::ends::{CODE_LABELS, EndReason};
use floodway_protocol::messages::notice::Gap;
use floodway_protocol::{Encoding, End};

pub use self::delays::{DELAY_BOUNDS, Delays};
pub(crate) use self::delays::{Received, STRIDE, Untimed};

/// One shard's counts.
#[derive(Debug, Default)]
pub struct Metrics {
    /// The loop's signs of life.
    pub pulse: Pulse,
    /// Streams that came, are live, and ended.
    pub streams: StreamCounts,
    /// Events by what became of them.
    pub events: EventCounts,
    /// How long deliveries took.
    pub delays: Delays,
    /// Bytes handed to the kernel.
    pub bytes: Count,
    /// Writes that were asked of the kernel for events.
    pub writes: Count,
    /// Gaps that subscribers were sent.
    pub gaps: GapCounts,
    /// Streams that resumed behind an event, by what was kept.
    pub resumes: ResumeCounts,
}

/// Streams that came, are live, and ended.
#[derive(Debug, Default)]
pub struct StreamCounts {
    /// Live WebSocket streams.
    pub ws: Count,
    /// Live SSE streams.
    pub sse: Count,
    /// Streams for which something waits in a ring now.
    pub lagging: Count,
    /// Streams that became live.
    pub opened: Count,
    /// Streams that ended, by [`End::label`].
    pub closed: [Count; EndReason::ENDED.len()],
    /// The same by transport, in the order of [`Transport::ALL`].
    pub transports: [TransportCounts; Transport::ALL.len()],
}

/// Streams of one transport that came and went.
#[derive(Debug, Default)]
pub struct TransportCounts {
    /// Those that became live.
    pub opened: Count,
    /// Those that ended, by [`CODE_LABELS`]. An SSE stream counts under the code that a WebSocket would have read.
    pub closed: [Count; CODE_LABELS.len()],
}

/// Events by what became of them: one event for three subscribers counts as three.
#[derive(Debug, Default)]
pub struct EventCounts {
    /// Events that matched a subscriber, and have been delivered, dropped, held or conflated.
    pub matched: Count,
    /// Events handed to the kernel, whole.
    pub delivered: Count,
    /// Events that matched a subscriber and will not reach it.
    pub dropped: Count,
    /// Events that wait in rings, or for their pace, now.
    pub held: Count,
    /// Events that matched a subscriber, and in whose place a newer one of the device was sent, as it had asked for.
    pub conflated: Count,
    /// The memory of the events that rings hold, in bytes: one event counts once however many rings hold it.
    pub held_bytes: Count,
}

/// Gaps that subscribers were sent, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GapCounts<N = Count> {
    /// Those because a ring was full.
    pub overflow: N,
    /// Those because a ring turned to the last event of each device, or back to all events.
    pub conflated: N,
    /// Those because what was asked for is not kept any more, or its id is unknown.
    pub replay: N,
    /// Those because the broker was away; counted when they are written, or put into a ring behind what waits.
    pub upstream: N,
}

/// Streams that resumed.
#[derive(Debug, Default)]
pub struct ResumeCounts {
    /// Nothing was missing.
    pub complete: Count,
    /// What came before was not kept any more, or the id was unknown: a gap was reported first.
    pub incomplete: Count,
}

impl GapCounts<u64> {
    pub(crate) fn count(&mut self, gap: Gap) {
        let count = match gap {
            Gap::Overflow(_) => &mut self.overflow,
            Gap::Conflated(_) => &mut self.conflated,
            Gap::Replay(_) => &mut self.replay,
            Gap::Upstream => &mut self.upstream,
        };
        *count += 1;
    }
}

impl GapCounts {
    pub(crate) fn add(&self, more: &GapCounts<u64>) {
        self.overflow.add(more.overflow);
        self.conflated.add(more.conflated);
        self.replay.add(more.replay);
        self.upstream.add(more.upstream);
    }
}

impl StreamCounts {
    pub(crate) fn count_opened(&self, encoding: Encoding, transport: Transport, counters: &TenantCounters) {
        let (live, of_tenant) = self.live(encoding, counters);
        of_tenant.add(1);
        live.add(1);
        self.opened.add(1);
        self.transports[transport as usize].opened.add(1);
    }

    pub(crate) fn count_closed(&self, encoding: Encoding, transport: Transport, counters: &TenantCounters, end: &End) {
        let (live, of_tenant) = self.live(encoding, counters);
        of_tenant.sub(1);
        live.sub(1);
        self.closed[end.index()].add(1);
        self.transports[transport as usize].closed[end.code_index()].add(1);
    }

    fn live<'a>(&'a self, encoding: Encoding, counters: &'a TenantCounters) -> (&'a Count, &'a Count) {
        if encoding.is_websocket() {
            (&self.ws, &counters.ws)
        } else {
            (&self.sse, &counters.sse)
        }
    }
}
