//! The counts of all shards, added up.

use floodway_core::index::{Count, Transport};
use floodway_core::shard::{self, DELAY_BOUNDS, GapCounts};
use floodway_protocol::ends::{CODE_LABELS, EndReason};

/// The counts of all shards together. Each is exact, though not all are of the same instant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Live WebSocket streams.
    pub ws: u64,
    /// Live SSE streams.
    pub sse: u64,
    /// Streams that became live.
    pub opened: u64,
    /// Streams that ended, in the order of [`EndReason::ENDED`].
    pub closed: [u64; EndReason::ENDED.len()],
    /// WebSocket streams that came and went.
    pub ws_passed: Passed,
    /// SSE streams that came and went, of whichever HTTP.
    pub sse_passed: Passed,
    /// Events that matched a subscriber: delivered, dropped, held or conflated.
    pub matched: u64,
    /// Events handed to the kernel, whole.
    pub delivered: u64,
    /// How long those took.
    pub delays: Delays,
    /// Events that matched a subscriber and did not reach it.
    pub dropped: u64,
    /// Events in whose place newer ones of the device were sent, as their subscribers had asked for.
    pub conflated: u64,
    /// Events that wait in rings, or for their pace, now.
    pub held: u64,
    /// The memory of the events that rings hold, in bytes.
    pub held_bytes: u64,
    /// Streams for which something waits in a ring now.
    pub lagging: u64,
    /// Bytes handed to the kernel.
    pub bytes: u64,
    /// Gaps sent, by reason.
    pub gaps: GapCounts<u64>,
    /// Streams that resumed, by whether all that they had missed was still kept.
    pub resumes: Resumes,
    /// Writes that were asked of the kernel for events.
    pub writes: u64,
}

/// Streams of one transport that came and went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Passed {
    /// Those that became live.
    pub opened: u64,
    /// Those that ended, in the order of [`CODE_LABELS`].
    pub closed: [u64; CODE_LABELS.len()],
}

/// Streams that resumed behind an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resumes {
    /// Nothing was missing.
    pub complete: u64,
    /// What they had missed was not kept any more, or their id was unknown.
    pub incomplete: u64,
}

/// How long deliveries took, from the broker's socket to the subscriber's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delays {
    /// Deliveries in the order of [`DELAY_BOUNDS`]; last, those that took longer than all.
    pub counts: [u64; DELAY_BOUNDS.len() + 1],
    /// All times together, in microseconds.
    pub microseconds: u64,
}

impl Totals {
    /// These, and what `shard` has counted.
    pub(super) fn with(mut self, shard: &shard::Metrics) -> Self {
        let (streams, events, gaps) = (&shard.streams, &shard.events, &shard.gaps);
        self.ws += streams.ws.get();
        self.sse += streams.sse.get();
        self.opened += streams.opened.get();
        add_each(&mut self.closed, &streams.closed);
        for (transport, counts) in Transport::ALL.into_iter().zip(&streams.transports) {
            let passed = match transport {
                Transport::WebSocket => &mut self.ws_passed,
                Transport::Sse | Transport::SseH2 => &mut self.sse_passed,
            };
            passed.opened += counts.opened.get();
            add_each(&mut passed.closed, &counts.closed);
        }
        // What is written last is read first, so that no more is found delivered than matched.
        add_each(&mut self.delays.counts, &shard.delays.counts);
        self.delays.microseconds += shard.delays.microseconds.get();
        self.delivered += events.delivered.get();
        self.dropped += events.dropped.get();
        self.conflated += events.conflated.get();
        self.matched += events.matched.get();
        self.held += events.held.get();
        self.held_bytes += events.held_bytes.get();
        self.lagging += streams.lagging.get();
        self.bytes += shard.bytes.get();
        self.gaps.overflow += gaps.overflow.get();
        self.gaps.conflated += gaps.conflated.get();
        self.gaps.replay += gaps.replay.get();
        self.gaps.upstream += gaps.upstream.get();
        self.resumes.complete += shard.resumes.complete.get();
        self.resumes.incomplete += shard.resumes.incomplete.get();
        self.writes += shard.writes.get();
        self
    }
}

fn add_each(sums: &mut [u64], counts: &[Count]) {
    for (sum, count) in sums.iter_mut().zip(counts) {
        *sum += count.get();
    }
}
