//! A [`Status`] as text for Prometheus (exposition formats, text format 0.0.4).
//!
//! Invariant: each family has HELP and TYPE and stands together; label values are names of ours from fixed sets, so
//! neither their number grows nor do they need escapes.

use std::collections::BTreeMap;
use std::fmt::{Display, Write};
use std::time::UNIX_EPOCH;

use super::status::Status;

/// What the text is sent as.
pub(super) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Writes all of `status`.
pub(super) fn text(status: &Status) -> String {
    let mut text = Text(String::with_capacity(4096));
    gateway(&mut text, status);
    connections(&mut text, status);
    ingest(&mut text, status);
    deliveries(&mut text, status);
    text.0
}

fn gateway(text: &mut Text, status: &Status) {
    text.family("build_info", GAUGE, "The version that runs; always 1.")
        .labelled("version", &status.node.version, 1);
    let started = status.node.started_at.duration_since(UNIX_EPOCH);
    text.family(
        "start_time_seconds",
        GAUGE,
        "When the gateway started, in seconds since 1970.",
    )
    .sample(started.unwrap_or_default().as_secs_f64());
    text.family(
        "draining",
        GAUGE,
        "1 while no new streams are admitted because the gateway stops.",
    )
    .sample(u8::from(status.draining));
    text.family("broker_up", GAUGE, "1 while a broker is connected.")
        .sample(u8::from(status.broker.connected));
    text.family(
        "broker_reconnects_total",
        COUNTER,
        "Connections to a broker after the first one.",
    )
    .sample(status.broker.reconnects);
}

fn connections(text: &mut Text, status: &Status) {
    let (connections, limits) = (&status.connections, &status.limits);
    text.family("connections", GAUGE, "Live streams.")
        .labelled("transport", "websocket", connections.websocket)
        .labelled("transport", "sse", connections.sse);
    text.family(
        "connections_admitted",
        GAUGE,
        "Streams that count against the limits: live, or in their handshake.",
    )
    .sample(connections.total);
    text.family(
        "connections_limit",
        GAUGE,
        "Streams that the gateway admits.",
    )
    .sample(limits.connections);
    text.family(
        "connections_per_tenant_limit",
        GAUGE,
        "Streams that are admitted of one tenant; 0: no limit.",
    )
    .sample(limits.connections_per_tenant);
    text.family(
        "queue_size_limit_events",
        GAUGE,
        "Events that one subscriber may lag.",
    )
    .sample(limits.queue_size);
    text.family(
        "connections_opened_total",
        COUNTER,
        "Streams that became live.",
    )
    .sample(connections.opened);
    text.family(
        "connections_closed_total",
        COUNTER,
        "Live streams that ended, by reason.",
    )
    .by_reason(&connections.closed_by_reason);
}

fn ingest(text: &mut Text, status: &Status) {
    let ingest = &status.ingest;
    text.family(
        "ingest_messages_total",
        COUNTER,
        "Messages that the broker sent.",
    )
    .sample(ingest.received);
    text.family(
        "ingest_payload_bytes_total",
        COUNTER,
        "Bytes of their payloads.",
    )
    .sample(ingest.received_bytes);
    text.family(
        "ingest_accepted_total",
        COUNTER,
        "Messages that became events.",
    )
    .sample(ingest.accepted);
    text.family(
        "ingest_rejected_total",
        COUNTER,
        "Messages that did not become events, by reason.",
    )
    .by_reason(&ingest.rejected_by_reason);
}

fn deliveries(text: &mut Text, status: &Status) {
    let deliveries = &status.deliveries;
    text.family(
        "deliveries_total",
        COUNTER,
        "Events handed to the kernel, once for each subscriber.",
    )
    .sample(deliveries.delivered);
    text.family(
        "drops_total",
        COUNTER,
        "Events that matched a subscriber and did not reach it.",
    )
    .sample(deliveries.dropped);
    text.family(
        "gaps_total",
        COUNTER,
        "Gaps told to subscribers, by reason.",
    )
    .labelled("reason", "overflow", deliveries.overflow_gaps);
    text.family(
        "sent_bytes_total",
        COUNTER,
        "Bytes of streams handed to the kernel.",
    )
    .sample(deliveries.sent_bytes);
    text.family(
        "socket_writes_total",
        COUNTER,
        "Writes that were asked of the kernel for events.",
    )
    .sample(deliveries.writes);
}

const COUNTER: &str = "counter";
const GAUGE: &str = "gauge";

struct Text(String);

/// One metric, whose samples follow.
struct Family<'a> {
    name: &'static str,
    text: &'a mut String,
}

impl Text {
    fn family(&mut self, name: &'static str, kind: &str, help: &str) -> Family<'_> {
        self.0.push_str(&format!(
            "# HELP floodway_{name} {help}\n# TYPE floodway_{name} {kind}\n"
        ));
        Family {
            name,
            text: &mut self.0,
        }
    }
}

impl Family<'_> {
    fn sample(self, value: impl Display) {
        self.line("", value);
    }

    fn labelled(self, label: &str, name: &str, value: impl Display) -> Self {
        self.line(&format!("{{{label}=\"{name}\"}}"), value)
    }

    fn by_reason(self, counts: &BTreeMap<String, u64>) {
        let each = |family: Self, (reason, count): (&String, &u64)| {
            family.labelled("reason", reason, count)
        };
        counts.iter().fold(self, each);
    }

    fn line(self, labels: &str, value: impl Display) -> Self {
        writeln!(self.text, "floodway_{}{labels} {value}", self.name)
            .expect("a String takes all that is written");
        self
    }
}
