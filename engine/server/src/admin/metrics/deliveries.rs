//! What went to subscribers, what did not, what waits, and how long it took.

use super::super::totals::Totals;
use super::text::{Kind, Text, families};
use floodway_core::shard::DELAY_BOUNDS;

pub(super) fn all(text: &mut Text, totals: &Totals) {
    let gaps = &totals.gaps;
    let gaps = [
        ("overflow", gaps.overflow),
        ("conflated", gaps.conflated),
        ("replay", gaps.replay),
        ("upstream", gaps.upstream),
    ];
    families! { text;
        Counter "matched_total"
            "Events that subscribers wanted, once for each: delivered, dropped, held, or conflated." = totals.matched;
        Counter "deliveries_total" "Events handed to the kernel, once for each subscriber." = totals.delivered;
        Counter "drops_total" "Events that matched a subscriber and did not reach it." = totals.dropped;
        Counter "conflated_total"
            "Events in whose place newer ones of the device were sent, as their subscribers had asked for." =
            totals.conflated;
        Counter "gaps_total"
            "Gaps sent to subscribers: they lagged (overflow), turned to the last event of each device or back to all \
             (conflated), asked for what is not kept (replay), or the broker was away (upstream)." by "reason" = gaps;
        Counter "sent_bytes_total" "Bytes of streams handed to the kernel." = totals.bytes;
        Counter "socket_writes_total" "Writes that were asked of the kernel for events." = totals.writes;
        Gauge "held_events" "Events that wait in the rings of subscribers whose sockets take no more, or for their pace." =
            totals.held;
        Gauge "held_bytes" "Memory of the events that wait in rings, each counted once a shard." = totals.held_bytes;
        Gauge "lagging_connections" "Streams for which something waits in a ring." = totals.lagging;
    }
    let delays = &totals.delays;
    let (within, beyond) = delays.counts.split_at(DELAY_BOUNDS.len());
    let bounds = DELAY_BOUNDS.map(|micros| micros as f64 / 1e6);
    text.family(
        "delivery_seconds",
        Kind::Histogram,
        "From the read of a message from the broker to the write to a subscriber, of each delivery.",
    )
    .histogram(bounds.into_iter().zip(within.iter().copied()), beyond[0], delays.microseconds as f64 / 1e6);
}
