//! What a shard counts. Only its own thread writes; anybody may read and add the shards up.
//!
//! Invariants, after each turn of the shard: `matched == delivered + dropped + held`, and `delays` has counted what
//! `delivered` has. What is counted of a tenant too is counted there first: who reads first here and then there never
//! finds less there.

use super::delays::Delays;
use super::outgoing::Outgoing;
use crate::event::Encoding;
use crate::index::{Count, TenantCounters, Transport};
use crate::pulse::Pulse;
use floodway_protocol::ends::{CODE_LABELS, End, Reason};

/// Streams of one transport that came and went.
#[derive(Debug, Default)]
pub struct TransportCounts {
    /// Those that became live.
    pub opened: Count,
    /// Those that ended, by [`CODE_LABELS`]. An SSE stream counts under the code that a WebSocket would have read.
    pub closed: [Count; CODE_LABELS.len()],
}

/// One shard's counts.
#[derive(Debug, Default)]
pub struct Metrics {
    /// The loop's signs of life.
    pub pulse: Pulse,
    /// Live WebSocket streams.
    pub ws: Count,
    /// Live SSE streams.
    pub sse: Count,
    /// Streams that became live.
    pub opened: Count,
    /// Streams that ended, by [`End::label`].
    pub closed: [Count; Reason::ENDED.len()],
    /// The same by transport, in the order of [`Transport::ALL`].
    pub transports: [TransportCounts; Transport::ALL.len()],
    /// Events whose fate for a subscriber that wants them was begun: one event for three subscribers counts as three.
    pub matched: Count,
    /// Events handed to the kernel, whole.
    pub delivered: Count,
    /// How long those took.
    pub delays: Delays,
    /// Events that matched a subscriber and will not reach it.
    pub dropped: Count,
    /// Events that wait in rings now.
    pub held: Count,
    /// Streams for which something waits in a ring now.
    pub lagging: Count,
    /// Bytes handed to the kernel.
    pub bytes: Count,
    /// Gaps told because a ring was full.
    pub overflow_gaps: Count,
    /// Gaps told because the broker was away; counted when they are written, or put into a ring behind what waits.
    pub upstream_gaps: Count,
    /// Writes that were asked of the kernel for events.
    pub writes: Count,
}

impl Metrics {
    pub(super) fn began(
        &self,
        encoding: Encoding,
        transport: Transport,
        counters: &TenantCounters,
    ) {
        let (live, of_tenant) = self.live(encoding, counters);
        of_tenant.add(1);
        live.add(1);
        self.opened.add(1);
        self.transports[transport.index()].opened.add(1);
    }

    pub(super) fn ended(
        &self,
        encoding: Encoding,
        transport: Transport,
        counters: &TenantCounters,
        end: &End,
    ) {
        let (live, of_tenant) = self.live(encoding, counters);
        of_tenant.sub(1);
        live.sub(1);
        self.closed[end.index()].add(1);
        self.transports[transport.index()].closed[end.code_index()].add(1);
    }

    /// A parcel of which a part is on the wire waits for its rest.
    pub(super) fn count_begun(&self, parcel: &Outgoing) {
        match parcel {
            Outgoing::Event(_) => {
                self.matched.add(1);
                self.held.add(1);
            }
            Outgoing::Notice(notice) => self.upstream_gaps.add(notice.gaps()),
        }
    }

    fn live<'a>(
        &'a self,
        encoding: Encoding,
        counters: &'a TenantCounters,
    ) -> (&'a Count, &'a Count) {
        if encoding.is_websocket() {
            (&self.ws, &counters.ws)
        } else {
            (&self.sse, &counters.sse)
        }
    }
}
