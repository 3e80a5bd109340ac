//! The streams: those that are live, those that came and went, those that were refused.

use floodway_proto::admin::v1;

use super::super::totals::{Passed, Totals};
use super::text::Kind::{Counter, Gauge};
use super::text::Text;
use floodway_core::shard::CODE_LABELS;

/// The values of the label `transport`, here and of tenants.
pub(super) const WEBSOCKET: &str = "websocket";
pub(super) const SSE: &str = "sse";

pub(super) fn now(text: &mut Text, connections: &v1::Connections) {
    text.family(
        "connections",
        Gauge,
        "Live streams; sse is over HTTP/1.1 and HTTP/2.",
    )
    .each(
        "transport",
        [(WEBSOCKET, connections.websocket), (SSE, connections.sse)],
    );
    text.family(
        "connections_admitted",
        Gauge,
        "Streams that count against the limits: live, or in their handshake.",
    )
    .sample(connections.total);
    text.family(
        "tenants",
        Gauge,
        "Tenants that have streams which count against the limits.",
    )
    .sample(connections.tenants);
}

pub(super) fn limits(text: &mut Text, limits: &v1::Limits) {
    text.family(
        "connections_limit",
        Gauge,
        "Streams that the gateway admits.",
    )
    .sample(limits.connections);
    text.family(
        "connections_per_tenant_limit",
        Gauge,
        "Streams that are admitted of one tenant; 0: no limit.",
    )
    .sample(limits.connections_per_tenant);
    text.family(
        "queue_size_limit_events",
        Gauge,
        "Events that one subscriber may lag.",
    )
    .sample(limits.queue_size);
}

pub(super) fn passed(text: &mut Text, connections: &v1::Connections, totals: &Totals) {
    let transports = [(WEBSOCKET, totals.ws_passed), (SSE, totals.sse_passed)];
    text.family(
        "connections_opened_total",
        Counter,
        "Streams that became live.",
    )
    .each(
        "transport",
        transports.map(|(transport, passed)| (transport, passed.opened)),
    );
    text.family(
        "connections_closed_total",
        Counter,
        "Live streams that ended, by reason.",
    )
    .each("reason", &connections.closed_by_reason);
    by_code(text, transports);
    text.family(
        "connections_refused_total",
        Counter,
        "Clients that asked for a stream and were refused, by reason.",
    )
    .each("reason", &connections.refused_by_reason);
    text.family(
        "tokens_refused_total",
        Counter,
        "Those of them whose token was refused, by the check that failed.",
    )
    .each("check", &connections.tokens_refused_by_check);
}

/// A family of its own, so that the sum of each says how many streams ended.
fn by_code(text: &mut Text, transports: [(&str, Passed); 2]) {
    let mut family = text.family(
        "connections_closed_by_code_total",
        Counter,
        "The same by transport and close code; an SSE stream under the code that a WebSocket would have been told, and code none if the client was gone.",
    );
    for (transport, passed) in transports {
        for (code, count) in CODE_LABELS.into_iter().zip(passed.closed) {
            family = family.labelled(&[("transport", transport), ("code", code)], count);
        }
    }
}
