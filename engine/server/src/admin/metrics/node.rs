//! The process, its broker, and what came from it.

use std::env::consts::{ARCH, OS};

use floodway_proto::admin::v1;

use super::text::Kind::{Counter, Gauge};
use super::text::Text;
use crate::log;
use crate::readiness::UNREADY_LABELS;
use floodway_core::parts;

pub(super) fn identity(text: &mut Text, node: &v1::Node, is_draining: bool) {
    let target = format!("{ARCH}-{OS}");
    text.family(
        "build_info",
        Gauge,
        "The version that runs, and what for; always 1.",
    )
    .labelled(&[("version", &node.version), ("target", &target)], 1);
    let started = node.started_at.unwrap_or_default();
    text.family(
        "start_time_seconds",
        Gauge,
        "When the gateway started, in seconds since 1970.",
    )
    .sample(started.seconds as f64 + f64::from(started.nanos) / 1e9);
    text.family(
        "draining",
        Gauge,
        "1 while no new streams are admitted because the gateway drains or stops.",
    )
    .sample(u8::from(is_draining));
    text.family(
        "log_lines_dropped_total",
        Counter,
        "Lines of the log that were lost, since stderr did not take them.",
    )
    .sample(log::dropped());
    text.family(
        "panics_total",
        Counter,
        "Panics, by kind of thread; the log tells where.",
    )
    .each("thread", parts::panics());
}

pub(super) fn refused(text: &mut Text, refused: [(&'static str, u64); 3]) {
    text.family(
        "admin_requests_refused_total",
        Counter,
        "Requests of the private listener that were refused for their credentials, by reason.",
    )
    .each("reason", refused);
}

pub(super) fn readiness(text: &mut Text, unready: &[v1::Unready]) {
    text.family(
        "ready",
        Gauge,
        "1 while a new stream could begin: what /readyz answers.",
    )
    .sample(u8::from(unready.is_empty()));
    let is_amiss = |label: &str| unready.iter().any(|unready| unready.reason == label);
    let reasons = UNREADY_LABELS.into_iter();
    text.family(
        "unready",
        Gauge,
        "1 for each reason why no new stream could begin.",
    )
    .each(
        "reason",
        reasons.map(|label| (label, u8::from(is_amiss(label)))),
    );
}

pub(super) fn broker(text: &mut Text, broker: &v1::Broker, refused_upstream: u64) {
    text.family("broker_up", Gauge, "1 while a broker is connected.")
        .sample(u8::from(broker.connected));
    text.family(
        "broker_reconnects_total",
        Counter,
        "Connections to a broker after the first one.",
    )
    .sample(broker.reconnects);
    text.family(
        "broker_attempts_total",
        Counter,
        "Attempts to connect to a broker, by result.",
    )
    .each("result", &broker.attempts_by_result);
    text.family(
        "streams_refused_upstream",
        Gauge,
        "Live streams that get nothing because the broker refuses their tenant.",
    )
    .sample(refused_upstream);
}

pub(super) fn ingest(text: &mut Text, ingest: &v1::Ingest) {
    text.family(
        "ingest_messages_total",
        Counter,
        "Messages that the broker sent.",
    )
    .sample(ingest.received);
    text.family(
        "ingest_payload_bytes_total",
        Counter,
        "Bytes of their payloads.",
    )
    .sample(ingest.received_bytes);
    text.family(
        "ingest_accepted_total",
        Counter,
        "Messages that became events.",
    )
    .sample(ingest.accepted);
    text.family(
        "ingest_without_metrics_total",
        Counter,
        "Messages that became events without metrics, since their payload names none.",
    )
    .sample(ingest.without_metrics);
    text.family(
        "ingest_rejected_total",
        Counter,
        "Messages that did not become events, by reason.",
    )
    .each("reason", &ingest.rejected_by_reason);
}
