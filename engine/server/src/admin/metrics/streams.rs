//! The streams: those that are live, those that came and went, those that were refused.

use floodway_proto::admin::v1;

use super::super::totals::{Passed, Totals};
use super::text::{Kind, Text, families};
use floodway_protocol::ends::CODE_LABELS;

/// The values of the label `transport`, here and of tenants.
pub(super) const WEBSOCKET: &str = "websocket";
pub(super) const SSE: &str = "sse";

pub(super) fn now(text: &mut Text, connections: &v1::Connections, limits: &v1::Limits) {
    families! { text;
        Gauge "connections" "Live streams; sse is over HTTP/1.1 and HTTP/2." by "transport" =
            [(WEBSOCKET, connections.websocket), (SSE, connections.sse)];
        Gauge "connections_admitted"
            "Streams that count against the limits: live, or in their handshake." = connections.total;
        Gauge "tenants" "Tenants that have streams which count against the limits." = connections.tenants;
        Gauge "connections_limit" "Streams that the gateway admits." = limits.connections;
        Gauge "connections_per_tenant_limit" "Streams that are admitted of one tenant; 0: no limit." =
            limits.connections_per_tenant;
        Gauge "queue_size_limit_events" "Events that one subscriber may lag." = limits.queue_size;
    }
}

pub(super) fn passed(text: &mut Text, connections: &v1::Connections, totals: &Totals) {
    let transports = [(WEBSOCKET, totals.ws_passed), (SSE, totals.sse_passed)];
    families! { text;
        Counter "connections_opened_total" "Streams that became live." by "transport" =
            transports.map(|(transport, passed)| (transport, passed.opened));
        Counter "connections_closed_total" "Live streams that ended, by reason." by "reason" =
            &connections.closed_by_reason;
    }
    by_code(text, transports);
    families! { text;
        Counter "connections_refused_total"
            "Clients that asked for a stream and were refused, by reason." by "reason" =
            &connections.refused_by_reason;
        Counter "tokens_refused_total"
            "Those of them whose token was refused, by the check that failed." by "check" =
            &connections.tokens_refused_by_check;
    }
}

/// A family of its own, so that the sum of each is the number of streams that ended.
fn by_code(text: &mut Text, transports: [(&str, Passed); 2]) {
    let mut family = text.family(
        "connections_closed_by_code_total",
        Kind::Counter,
        "The same by transport and close code; an SSE stream under the code that a WebSocket would have been told, and code none if the client was gone.",
    );
    for (transport, passed) in transports {
        for (code, count) in CODE_LABELS.into_iter().zip(passed.closed) {
            family = family.labelled(&[("transport", transport), ("code", code)], count);
        }
    }
}
