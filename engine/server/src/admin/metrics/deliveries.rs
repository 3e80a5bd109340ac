//! What went to subscribers, what did not, what waits, and how long it took.

use super::super::totals::Totals;
use super::text::Kind::{Counter, Gauge, Histogram};
use super::text::Text;
use floodway_core::shard::DELAY_BOUNDS;

pub(super) fn counts(text: &mut Text, totals: &Totals) {
    text.family(
        "matched_total",
        Counter,
        "Events that subscribers wanted, once for each: delivered, dropped, or held.",
    )
    .sample(totals.matched);
    text.family(
        "deliveries_total",
        Counter,
        "Events handed to the kernel, once for each subscriber.",
    )
    .sample(totals.delivered);
    text.family(
        "drops_total",
        Counter,
        "Events that matched a subscriber and did not reach it.",
    )
    .sample(totals.dropped);
    text.family(
        "gaps_total",
        Counter,
        "Gaps told to subscribers: they lagged (overflow), or the broker was away (upstream).",
    )
    .each(
        "reason",
        [
            ("overflow", totals.overflow_gaps),
            ("upstream", totals.upstream_gaps),
        ],
    );
    text.family(
        "sent_bytes_total",
        Counter,
        "Bytes of streams handed to the kernel.",
    )
    .sample(totals.bytes);
    text.family(
        "socket_writes_total",
        Counter,
        "Writes that were asked of the kernel for events.",
    )
    .sample(totals.writes);
}

pub(super) fn lag(text: &mut Text, totals: &Totals) {
    text.family(
        "held_events",
        Gauge,
        "Events that wait in the rings of subscribers whose sockets take no more.",
    )
    .sample(totals.held);
    text.family(
        "lagging_connections",
        Gauge,
        "Streams for which something waits in a ring.",
    )
    .sample(totals.lagging);
}

pub(super) fn delays(text: &mut Text, totals: &Totals) {
    let delays = &totals.delays;
    let (within, beyond) = delays.counts.split_at(DELAY_BOUNDS.len());
    let bounds = DELAY_BOUNDS.map(|micros| micros as f64 / 1e6);
    text.family(
        "delivery_seconds",
        Histogram,
        "From the read of a message from the broker to the write to a subscriber, of each delivery.",
    )
    .histogram(
        bounds.into_iter().zip(within.iter().copied()),
        beyond[0],
        delays.microseconds as f64 / 1e6,
    );
}
