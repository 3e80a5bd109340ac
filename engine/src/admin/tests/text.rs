//! What a status looks like as metrics, and that nothing is lost on the wire.

use std::collections::HashSet;

use floodway_proto::admin::v1;

use super::*;

#[test]
fn every_count_has_its_line() {
    let text = metrics::text(&sample());
    for line in [
        "floodway_build_info{version=\"1.2.3\"} 1",
        "floodway_start_time_seconds 1771243200.5",
        "floodway_draining 1",
        "floodway_broker_up 1",
        "floodway_broker_reconnects_total 3",
        "floodway_connections{transport=\"websocket\"} 8",
        "floodway_connections{transport=\"sse\"} 5",
        "floodway_connections_admitted 14",
        "floodway_connections_limit 9000",
        "floodway_connections_per_tenant_limit 12",
        "floodway_queue_size_limit_events 100",
        "floodway_connections_opened_total 40",
        "floodway_connections_closed_total{reason=\"closed\"} 17",
        "floodway_connections_closed_total{reason=\"gone\"} 10",
        "floodway_ingest_messages_total 700",
        "floodway_ingest_payload_bytes_total 70000",
        "floodway_ingest_accepted_total 691",
        "floodway_ingest_rejected_total{reason=\"not_json\"} 9",
        "floodway_ingest_rejected_total{reason=\"topic\"} 0",
        "floodway_deliveries_total 5000",
        "floodway_drops_total 21",
        "floodway_gaps_total{reason=\"overflow\"} 4",
        "floodway_sent_bytes_total 600000",
        "floodway_socket_writes_total 1500",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
}

/// The text format 0.0.4: one HELP, one TYPE, then the samples of that name, and a name comes once.
#[test]
fn each_family_stands_together_under_its_help_and_type() {
    let text = metrics::text(&sample());
    assert!(text.ends_with('\n'));
    let (mut families, mut samples) = (HashSet::new(), HashSet::new());
    let mut lines = text.lines().peekable();
    while let Some(help) = lines.next() {
        let (name, help) = help
            .strip_prefix("# HELP ")
            .unwrap()
            .split_once(' ')
            .unwrap();
        assert!(
            name.starts_with("floodway_") && help.ends_with('.'),
            "{name} {help}"
        );
        assert!(families.insert(name), "{name} comes twice");
        let kind = lines.next().unwrap();
        let kind = kind.strip_prefix(&format!("# TYPE {name} ")).unwrap();
        let is_counter = name.ends_with("_total");
        assert_eq!(kind, if is_counter { "counter" } else { "gauge" }, "{name}");
        let mut count = 0;
        while let Some(line) = lines.next_if(|line| !line.starts_with('#')) {
            let (series, value) = line.rsplit_once(' ').unwrap();
            assert!(samples.insert(series), "{series} comes twice");
            assert_eq!(series.split('{').next(), Some(name));
            assert!(value.parse::<f64>().is_ok(), "{line}");
            count += 1;
        }
        assert!(count > 0, "{name} has no samples");
    }
    assert!(families.len() > 20);
}

#[test]
fn a_status_comes_over_the_wire_unharmed() {
    assert_eq!(Status::from(v1::Status::from(sample())), sample());
}

#[test]
fn a_peer_that_leaves_parts_out_is_understood() {
    let status = Status::from(v1::Status::default());
    assert_eq!(
        (status.node.started_at, status.connections.total),
        (UNIX_EPOCH, 0)
    );
}

#[test]
fn as_json_it_has_units_and_readable_times() {
    let json = serde_json::to_value(sample()).unwrap();
    assert_eq!(json["node"]["started_at"], "2026-02-16T12:00:00.500Z");
    assert_eq!(json["node"]["uptime_seconds"], 61.25);
    assert_eq!(json["connections"]["closed_by_reason"]["gone"], 10);
    assert_eq!(json["draining"], true);
}
