//! Tests of `http::parameter`.

use super::*;

#[test]
fn near_misses_are_known_for_what_they_were_meant() {
    for (names, meant) in [
        (
            "device deviceId device-id Device_Id device_id[] device_ids[0] devices deviceid DEVICE_ID",
            Parameter::Devices,
        ),
        ("devcie_id devic_id device_name ddevice", Parameter::Devices),
        ("group groups groupId group_id[] gruop_id group-ids", Parameter::Groups),
        ("Metric metric[] metric_names metricName metirc mertics", Parameter::Metrics),
        ("lasteventid Last-Event-ID last_event_id[] last_event_di", Parameter::LastEventId),
        ("Overflow overflow_policy overflow-mode overflw", Parameter::Overflow),
        ("maxrate max-rate maxRate MAX_RATE max_rates max_rat max_rate_hz", Parameter::MaxRate),
        ("snapshots Snapshot snapshot[] snapsot", Parameter::Snapshot),
        ("tenant_id tenantId Tenant tennant", Parameter::Tenant),
    ] {
        for name in names.split(' ') {
            assert_eq!(Parameter::of(name), None, "{name}");
            assert_eq!(Parameter::resembling(name), Some(meant), "{name}");
        }
    }
}

#[test]
fn what_resembles_none_is_ignored() {
    for name in [
        "",
        "_",
        "t",
        "v",
        "cb",
        "ts",
        "nonce",
        "rand",
        "id",
        "EIO",
        "transport",
        "max_delay",
        "rate",
        "policy",
        "maximum",
        "where",
        "deadband",
        "format",
        "utm_source",
        "access_token",
        "client",
        "version",
        "[]",
    ] {
        assert_eq!(Parameter::of(name), None, "{name}");
        assert_eq!(Parameter::resembling(name), None, "{name}");
    }
}
