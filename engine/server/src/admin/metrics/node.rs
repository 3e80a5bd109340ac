//! The process, its broker, and what came from it.

use std::env::consts::{ARCH, OS};

use floodway_proto::admin::v1;

use super::text::{Kind, Text, families};
use crate::admin::refused;
use crate::log;
use crate::readiness::Unready;
use floodway_core::parts;

pub(super) fn identity(text: &mut Text, node: &v1::Node, is_draining: bool, refused: refused::Counts) {
    let target = format!("{ARCH}-{OS}");
    let started = node.started_at.unwrap_or_default();
    families! { text;
        Gauge "build_info" "The version that runs, and what for; always 1." by ["version", "target"] =
            [([&node.version, &target], 1)];
        Gauge "start_time_seconds" "When the gateway started, in seconds since 1970." =
            started.seconds as f64 + f64::from(started.nanos) / 1e9;
        Gauge "draining" "1 while no new streams are admitted because the gateway drains or stops." =
            u8::from(is_draining);
        Counter "log_lines_dropped_total" "Lines of the log that were lost, since stderr did not take them." =
            log::dropped();
        Counter "panics_total" "Panics, by kind of thread; the log tells where." by "thread" = parts::panics();
        Counter "admin_requests_refused_total"
            "Requests of the private listener that were refused for their credentials, by reason." by "reason" =
            refused;
    }
}

pub(super) fn readiness(text: &mut Text, unready: &[v1::Unready]) {
    let is_amiss = |label: &str| u8::from(unready.iter().any(|unready| unready.reason == label));
    families! { text;
        Gauge "ready" "1 while a new stream could begin: what /readyz answers." = u8::from(unready.is_empty());
        Gauge "unready" "1 for each reason why no new stream could begin." by "reason" =
            Unready::LABELS.iter().map(|label| (label, is_amiss(label)));
    }
}

pub(super) fn broker(text: &mut Text, broker: &v1::Broker, refused_upstream: u64) {
    families! { text;
        Gauge "broker_up" "1 while a broker is connected." = u8::from(broker.connected);
        Counter "broker_reconnects_total" "Connections to a broker after the first one." = broker.reconnects;
        Counter "broker_attempts_total" "Attempts to connect to a broker, by result." by "result" =
            &broker.attempts_by_result;
        Gauge "streams_refused_upstream"
            "Live streams that get nothing because the broker refuses their tenant." = refused_upstream;
    }
}

/// By source, where there are several.
pub(super) fn sources(text: &mut Text, sources: &[v1::Broker]) {
    let named = |of: fn(&v1::Broker) -> u64| {
        let numbered = sources.iter().enumerate();
        let named = numbered.map(move |(number, source)| (format!("{}-{number}", source.kind), of(source)));
        named.collect::<Vec<_>>()
    };
    families! { text;
        Gauge "source_up" "1 while the source is connected, by its kind and number." by "source" =
            named(|source| source.connected.into());
        Counter "source_reconnects_total" "Connections of the source after its first one." by "source" =
            named(|source| source.reconnects);
        Gauge "source_failed_attempts" "Attempts to connect that failed since the source was last connected." by "source" =
            named(|source| source.failed_attempts);
    }
}

pub(super) fn ingest(text: &mut Text, ingest: &v1::Ingest) {
    families! { text;
        Counter "ingest_messages_total" "Messages that the broker sent; an array of samples counts as so many." = ingest.received;
        Counter "ingest_payload_bytes_total" "Bytes of their payloads." = ingest.received_bytes;
        Counter "ingest_accepted_total" "Messages that became events." = ingest.accepted;
        Counter "ingest_without_metrics_total"
            "Messages that became events without metrics, since their payload names none." =
            ingest.without_metrics;
        Counter "ingest_rejected_total" "Messages that did not become events, by reason." by "reason" =
            &ingest.rejected_by_reason;
    }
}
