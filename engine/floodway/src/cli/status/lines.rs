//! A status as lines, for people.

use std::collections::BTreeMap;
use std::time::SystemTime;

use floodway_proto::admin::v1::{Broker, Connections, ControlState, Deliveries, Ingest, Node, Rates, Status};

use crate::cli::drain::progress;
use crate::cli::show::{age, bytes, duration, fields, per_second, plain, plural, since};

/// Tenants that are named, those with the most streams.
const TENANTS: usize = 5;

/// A line for each part.
pub(super) fn lines(status: &Status, now: SystemTime) -> String {
    let broker = status.broker.clone().unwrap_or_default();
    let ended = status.connections.clone().unwrap_or_default();
    let control = status.control.clone().unwrap_or_default();
    let closed = with_reasons(&ended.closed_by_reason);
    let mut lines = vec![
        ("gateway", gateway(status.node.as_ref())),
        ("state", state(status)),
        ("broker", broker_line(&broker, now)),
    ];
    lines.extend(broker.last_failure.iter().map(|failure| {
        let ago = since(failure.failed_at, now);
        let (url, detail) = (plain(&failure.url), plain(&failure.detail));
        ("  last error", format!("{url}, {ago} ago: {detail}"))
    }));
    let others = status.sources.iter().filter(|source| status.sources.len() > 1 && **source != broker);
    for source in others {
        lines.push(("source", format!("{}, {}", plain(&source.kind), broker_line(source, now))));
        lines.extend(source.last_failure.iter().map(|failure| ("  last error", plain(&failure.detail))));
    }
    lines.extend([
        ("streams", streams(status)),
        ("tenants", tenants(&ended)),
        ("opened", format!("{}, closed {closed}", ended.opened)),
        ("refused", with_reasons(&ended.refused_by_reason)),
        ("events in", events_in(status.ingest.as_ref())),
        ("deliveries", deliveries(status.deliveries)),
        ("last second", rates(status.last_second)),
        ("last minute", rates(status.last_minute)),
    ]);
    if status.refused_upstream > 0 {
        let waiting = plural(status.refused_upstream, "stream");
        let text = format!("{waiting} get nothing: the broker refuses their tenants");
        lines.push(("upstream", text));
    }
    lines.push(("control", control_line(&control)));
    lines.extend(control.problems.iter().map(|problem| {
        let text = format!("{}: {}", plain(&problem.topic), plain(&problem.detail));
        ("  refused", text)
    }));
    fields(&lines)
}

fn gateway(node: Option<&Node>) -> String {
    let node = node.cloned().unwrap_or_default();
    let up = age(duration(node.uptime));
    let (name, id, version) = (plain(&node.name), plain(&node.id), plain(&node.version));
    format!("{name} ({id}), floodway {version}, up {up}")
}

fn streams(status: &Status) -> String {
    let limits = status.limits.unwrap_or_default();
    let per_tenant = match limits.connections_per_tenant {
        0 => "no limit per tenant".to_owned(),
        limit => format!("{limit} per tenant"),
    };
    let streams = status.connections.clone().unwrap_or_default();
    let Connections { total, websocket, sse, .. } = streams;
    format!("{total} of {} ({websocket} WebSocket, {sse} SSE), {per_tenant}", limits.connections)
}

fn deliveries(sent: Option<Deliveries>) -> String {
    let sent = sent.unwrap_or_default();
    let (delivered, dropped, conflated) = (sent.delivered, sent.dropped, sent.conflated);
    let (bytes, gaps) = (bytes(sent.sent_bytes as f64), plural(sent.overflow_gaps, "gap"));
    format!("{delivered} ({bytes}), dropped {dropped} in {gaps}, conflated {conflated}")
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

fn broker_line(broker: &Broker, now: SystemTime) -> String {
    let (changed, reconnects) = (since(broker.changed_at, now), broker.reconnects);
    if broker.connected {
        let (url, protocol) = (plain(&broker.connected_url), plain(&broker.protocol));
        let spoken = if protocol.is_empty() { protocol } else { format!(" ({protocol})") };
        return format!("{url}{spoken}: connected for {changed}, {reconnects} reconnects");
    }
    let attempts = plural(broker.failed_attempts, "attempt");
    format!(
        "{}: not connected for {changed}, {attempts} failed, {reconnects} reconnects",
        plain(&broker.urls.join(", "))
    )
}

/// How many, and the ones with the most streams.
fn tenants(streams: &Connections) -> String {
    let most = streams.by_tenant.iter().take(TENANTS);
    let most: Vec<String> = most.map(|tenant| format!("{} {}", plain(&tenant.tenant_id), tenant.total)).collect();
    let more = if streams.tenants > TENANTS as u64 { ", …" } else { "" };
    match most.as_slice() {
        [] => streams.tenants.to_string(),
        most => format!("{} ({}{more})", streams.tenants, most.join(", ")),
    }
}

fn events_in(ingest: Option<&Ingest>) -> String {
    let ingest = ingest.cloned().unwrap_or_default();
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

fn rates(rates: Option<Rates>) -> String {
    let rates = rates.unwrap_or_default();
    if duration(rates.window).is_zero() {
        return "not measured yet".to_owned();
    }
    format!(
        "{} in, {} delivered ({}/s), {} dropped, {} conflated, {} opened, {} closed, {} refused",
        per_second(rates.received),
        per_second(rates.delivered),
        bytes(rates.sent_bytes),
        per_second(rates.dropped),
        per_second(rates.conflated),
        per_second(rates.opened),
        per_second(rates.closed),
        per_second(rates.refused)
    )
}

fn control_line(kept: &ControlState) -> String {
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
    let reasons: Vec<_> = occurred.map(|(reason, n)| format!("{} {n}", plain(reason))).collect();
    if reasons.is_empty() {
        sum.to_string()
    } else {
        format!("{sum} ({})", reasons.join(", "))
    }
}

#[cfg(test)]
mod tests;
