//! What a status looks like on the wire and as JSON, and that nothing is lost.

use floodway_proto::admin::v1;

use super::*;

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
