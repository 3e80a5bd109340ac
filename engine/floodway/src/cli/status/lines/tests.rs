//! Tests of `cli::status::lines`.

use std::time::Duration;

use floodway_proto::admin::v1::{BrokerFailure, TenantConnections, Unready};

use super::*;

#[test]
fn reasons_that_never_occurred_are_left_out() {
    let counts = |counts: &[(&str, u64)]| {
        let counts = counts.iter().map(|(name, n)| ((*name).to_owned(), *n));
        with_reasons(&counts.collect())
    };
    assert_eq!(counts(&[("gone", 0)]), "0");
    assert_eq!(counts(&[("gone", 2), ("closed", 0), ("expired", 1)]), "3 (expired 1, gone 2)");
}

#[test]
fn a_gateway_without_a_broker_says_what_that_means_and_why_it_has_none() {
    let at = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
    let away = Broker {
        urls: vec!["mqtt://a:1883".to_owned(), "mqtt://b:1883".to_owned()],
        changed_at: at(40),
        failed_attempts: 14,
        last_failure: Some(BrokerFailure {
            url: "mqtt://b:1883".to_owned(),
            detail: "connection\u{7} refused".to_owned(),
            failed_at: at(95),
        }),
        ..Broker::default()
    };
    let unready = Unready { reason: "no_broker".to_owned(), detail: "Broker unavailable".to_owned() };
    let status = Status { broker: Some(away), unready: vec![unready], ..Status::default() };
    let text = lines(&status, SystemTime::UNIX_EPOCH + Duration::from_secs(100));
    for line in [
        "state        new streams are refused: Broker unavailable\n",
        "broker       mqtt://a:1883, mqtt://b:1883: not connected for 1m00s, 14 attempts failed, 0 reconnects\n",
        "  last error mqtt://b:1883, 5s ago: connection\u{fffd} refused\n",
    ] {
        assert!(text.contains(line), "{text}");
    }
}

#[test]
fn nothing_measured_is_said() {
    let text = lines(&Status::default(), SystemTime::UNIX_EPOCH);
    assert!(text.contains("last second not measured yet\n"), "{text}");
}

#[test]
fn the_largest_tenants_are_named() {
    let by_tenant = |id: &str, total| TenantConnections { tenant_id: id.to_owned(), total };
    let connections = Connections {
        tenants: 7,
        by_tenant: vec![by_tenant("acme", 9), by_tenant("b", 1)],
        ..Connections::default()
    };
    assert_eq!(tenants(&connections), "7 (acme 9, b 1, …)");
    assert_eq!(tenants(&Connections::default()), "0");
}
