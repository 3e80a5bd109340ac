//! A status as lines, and a fleet as a table, for people.

use std::collections::BTreeMap;
use std::time::SystemTime;

use floodway_proto::admin::v1::{
    Broker, BrokerFailure, Connections, ControlState, Deliveries, Fleet, Gateway, Ingest, Limits,
    Load, Node, Rates, Status,
};

use crate::cli::drain::progress;
use crate::cli::show::{age, bytes, duration, fields, per_second, plain, plural, since, table};

/// A line for each part.
pub(super) fn status(status: &Status, now: SystemTime) -> String {
    let connections = status.connections.clone().unwrap_or_default();
    let broker_status = status.broker.clone().unwrap_or_default();
    let mut lines = vec![
        ("gateway", gateway(&status.node.clone().unwrap_or_default())),
        ("state", state(status)),
        ("broker", broker(&broker_status, now)),
    ];
    if let Some(last) = &broker_status.last_failure {
        lines.push(("  last error", failure(last, now)));
    }
    lines.extend([
        (
            "streams",
            streams(&connections, &status.limits.unwrap_or_default()),
        ),
        ("tenants", tenants(&connections)),
        ("opened", opened(&connections)),
        ("refused", with_reasons(&connections.refused_by_reason)),
        (
            "events in",
            ingest(&status.ingest.clone().unwrap_or_default()),
        ),
        (
            "deliveries",
            deliveries(&status.deliveries.unwrap_or_default()),
        ),
        (
            "last second",
            rates(&status.last_second.unwrap_or_default()),
        ),
        (
            "last minute",
            rates(&status.last_minute.unwrap_or_default()),
        ),
    ]);
    if status.refused_upstream > 0 {
        let waiting = plural(status.refused_upstream, "stream");
        lines.push((
            "upstream",
            format!("{waiting} get nothing: the broker refuses their tenants"),
        ));
    }
    let kept = status.control.clone().unwrap_or_default();
    lines.push(("control", control(&kept)));
    for problem in &kept.problems {
        let refused = format!("{}: {}", plain(&problem.topic), plain(&problem.detail));
        lines.push(("  refused", refused));
    }
    fields(&lines)
}

fn gateway(node: &Node) -> String {
    let up = age(duration(node.uptime));
    let (name, id, version) = (plain(&node.name), plain(&node.id), plain(&node.version));
    format!("{name} ({id}), floodway {version}, up {up}")
}

fn state(status: &Status) -> String {
    if let Some(drain) = &status.drain {
        return format!("draining {}", progress(drain));
    }
    if status.draining {
        return "draining".to_owned();
    }
    if status.ready {
        return "serving".to_owned();
    }
    let reasons = status.unready.iter();
    let reasons: Vec<String> = reasons.map(|unready| plain(&unready.detail)).collect();
    format!("new streams are refused: {}", reasons.join("; "))
}

fn broker(broker: &Broker, now: SystemTime) -> String {
    let (changed, reconnects) = (since(broker.changed_at, now), broker.reconnects);
    if broker.connected {
        let url = plain(&broker.connected_url);
        return format!("{url}: connected for {changed}, {reconnects} reconnects");
    }
    let attempts = plural(broker.failed_attempts, "attempt");
    format!(
        "{}: not connected for {changed}, {attempts} failed, {reconnects} reconnects",
        plain(&broker.urls.join(", "))
    )
}

/// Why it was last lost, or not reached.
fn failure(failure: &BrokerFailure, now: SystemTime) -> String {
    format!(
        "{}, {} ago: {}",
        plain(&failure.url),
        since(failure.failed_at, now),
        plain(&failure.detail)
    )
}

fn streams(connections: &Connections, limits: &Limits) -> String {
    let per_tenant = match limits.connections_per_tenant {
        0 => "no limit per tenant".to_owned(),
        limit => format!("{limit} per tenant"),
    };
    format!(
        "{} of {} ({} WebSocket, {} SSE), {per_tenant}",
        connections.total, limits.connections, connections.websocket, connections.sse
    )
}

/// How many, and the ones with the most streams.
fn tenants(connections: &Connections) -> String {
    const SHOWN: usize = 5;
    let most = connections.by_tenant.iter().take(SHOWN);
    let most: Vec<String> = most
        .map(|tenant| format!("{} {}", plain(&tenant.tenant_id), tenant.total))
        .collect();
    if most.is_empty() {
        connections.tenants.to_string()
    } else {
        let more = if connections.tenants > SHOWN as u64 {
            ", …"
        } else {
            ""
        };
        format!("{} ({}{more})", connections.tenants, most.join(", "))
    }
}

fn opened(connections: &Connections) -> String {
    let closed = with_reasons(&connections.closed_by_reason);
    format!("{}, closed {closed}", connections.opened)
}

fn ingest(ingest: &Ingest) -> String {
    let rejected = with_reasons(&ingest.rejected_by_reason);
    let without = match ingest.without_metrics {
        0 => String::new(),
        some => format!(" ({some} without metrics)"),
    };
    format!(
        "{} ({}), accepted {}{without}, rejected {rejected}",
        ingest.received,
        bytes(ingest.received_bytes as f64),
        ingest.accepted
    )
}

fn deliveries(deliveries: &Deliveries) -> String {
    format!(
        "{} ({}), dropped {} in {}",
        deliveries.delivered,
        bytes(deliveries.sent_bytes as f64),
        deliveries.dropped,
        plural(deliveries.overflow_gaps, "gap")
    )
}

fn rates(rates: &Rates) -> String {
    if duration(rates.window).is_zero() {
        return "not measured yet".to_owned();
    }
    format!(
        "{} in, {} delivered ({}/s), {} dropped, {} opened, {} closed, {} refused",
        per_second(rates.received),
        per_second(rates.delivered),
        bytes(rates.sent_bytes),
        per_second(rates.dropped),
        per_second(rates.opened),
        per_second(rates.closed),
        per_second(rates.refused)
    )
}

fn control(kept: &ControlState) -> String {
    let follows = if kept.synced {
        "follows the broker"
    } else {
        "does not follow the broker now"
    };
    let problems = match kept.problems.len() as u64 {
        0 => String::new(),
        problems => format!(", {} refused", plural(problems, "message")),
    };
    format!(
        "{follows}: {} with limits of their own, {}{problems}",
        plural(kept.tenant_limits, "tenant"),
        plural(kept.groups, "group")
    )
}

/// The sum, and what it is made of.
fn with_reasons(counts: &BTreeMap<String, u64>) -> String {
    let sum: u64 = counts.values().sum();
    let occurred = counts.iter().filter(|(_, count)| **count > 0);
    let reasons: Vec<_> = occurred
        .map(|(reason, n)| format!("{} {n}", plain(reason)))
        .collect();
    if reasons.is_empty() {
        sum.to_string()
    } else {
        format!("{sum} ({})", reasons.join(", "))
    }
}

/// A row for each gateway, and their sum.
pub(super) fn fleet(fleet: &Fleet) -> String {
    let titles = [
        "GATEWAY",
        "ID",
        "VERSION",
        ">UP",
        "STATE",
        ">WS",
        ">SSE",
        ">TENANTS",
        ">EVENTS",
        ">DELIVERED",
        ">DROPPED",
    ];
    let sum = row(
        [
            plural(fleet.gateways.len() as u64, "gateway"),
            String::new(),
            String::new(),
            String::new(),
            String::new(),
        ],
        fleet.total,
    );
    let rows = fleet.gateways.iter().map(gateway_row);
    let mut text = table(titles, rows.chain([sum]));
    if !fleet.synced {
        text.push_str("the gateway does not follow the broker now: the others are as last heard of, or missing\n");
    }
    text
}

fn gateway_row(gateway: &Gateway) -> [String; 11] {
    let node = gateway.node.clone().unwrap_or_default();
    let state = if gateway.draining {
        "draining"
    } else {
        "serving"
    };
    // The one that answers.
    let mark = if gateway.answering { " *" } else { "" };
    // Only of the one that answers it is known.
    let up = node.uptime.map(|up| age(duration(Some(up))));
    row(
        [
            plain(&node.name) + mark,
            plain(&node.id),
            plain(&node.version),
            up.unwrap_or_else(|| "-".to_owned()),
            state.to_owned(),
        ],
        gateway.load,
    )
}

fn row([name, id, version, up, state]: [String; 5], load: Option<Load>) -> [String; 11] {
    let load = load.unwrap_or_default();
    [
        name,
        id,
        version,
        up,
        state,
        load.websocket.to_string(),
        load.sse.to_string(),
        load.tenants.to_string(),
        per_second(load.events_per_second as f64),
        per_second(load.deliveries_per_second as f64),
        load.dropped.to_string(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    use floodway_proto::admin::v1::{TenantConnections, Unready};

    #[test]
    fn reasons_that_never_occurred_are_not_told() {
        let counts = |counts: &[(&str, u64)]| {
            let counts = counts.iter().map(|(name, n)| ((*name).to_owned(), *n));
            with_reasons(&counts.collect())
        };
        assert_eq!(counts(&[("gone", 0)]), "0");
        assert_eq!(
            counts(&[("gone", 2), ("closed", 0), ("expired", 1)]),
            "3 (expired 1, gone 2)"
        );
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
        let unready = Unready {
            reason: "no_broker".to_owned(),
            detail: "Broker unavailable".to_owned(),
        };
        let told = Status {
            broker: Some(away),
            unready: vec![unready],
            ..Status::default()
        };
        let text = status(&told, SystemTime::UNIX_EPOCH + Duration::from_secs(100));
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
        let text = status(&Status::default(), SystemTime::UNIX_EPOCH);
        assert!(text.contains("last second not measured yet\n"), "{text}");
    }

    #[test]
    fn the_largest_tenants_are_named() {
        let by_tenant = |id: &str, total| TenantConnections {
            tenant_id: id.to_owned(),
            total,
        };
        let connections = Connections {
            tenants: 7,
            by_tenant: vec![by_tenant("acme", 9), by_tenant("b", 1)],
            ..Connections::default()
        };
        assert_eq!(tenants(&connections), "7 (acme 9, b 1, …)");
        assert_eq!(tenants(&Connections::default()), "0");
    }

    #[test]
    fn a_fleet_ends_with_its_sum() {
        let gateway = Gateway {
            node: Some(Node {
                name: "gw-1".to_owned(),
                ..Node::default()
            }),
            answering: true,
            ..Gateway::default()
        };
        let two = Fleet {
            gateways: vec![gateway.clone(), gateway],
            total: Some(Load {
                websocket: 12,
                ..Load::default()
            }),
            synced: false,
        };
        let text = fleet(&two);
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[1].starts_with("gw-1 * "), "{text}");
        assert!(
            lines[3].starts_with("2 gateways") && lines[3].contains("12"),
            "{text}"
        );
        assert!(lines[4].contains("does not follow"), "{text}");
    }
}
