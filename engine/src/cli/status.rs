//! `floodway status`: how a running gateway does.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use super::Failure;
use super::remote::Remote;
use crate::admin::Status;

/// Show how a running gateway does
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    remote: Remote,
    /// Print JSON, for scripts
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    super::block_on(async {
        let status = args.remote.connect().await?.status().await?;
        if args.json {
            let json = serde_json::to_string_pretty(&status);
            let json = json.map_err(|error| Failure::Running(error.to_string()))?;
            super::print(&format!("{json}\n"))
        } else {
            super::print(&table(&status))
        }
    })
}

/// A line for each part, for people.
fn table(status: &Status) -> String {
    let lines = [
        ("gateway", gateway(status)),
        ("state", state(status).to_owned()),
        ("broker", broker(status)),
        ("streams", streams(status)),
        ("opened", opened(status)),
        ("events in", ingest(status)),
        ("deliveries", deliveries(status)),
    ];
    let mut table = String::new();
    for (name, line) in lines {
        writeln!(table, "{name:<11} {line}").expect("a String takes all that is written");
    }
    table
}

fn gateway(status: &Status) -> String {
    let node = &status.node;
    // Whole seconds are enough for people.
    let up = humantime::format_duration(Duration::from_secs(node.uptime.as_secs()));
    let (name, id, version) = (&node.name, &node.id, &node.version);
    format!("{name} ({id}), floodway {version}, up {up}")
}

fn state(status: &Status) -> &'static str {
    if status.draining {
        "draining"
    } else if status.broker.connected {
        "serving"
    } else {
        "no broker connected: new streams are refused"
    }
}

fn broker(status: &Status) -> String {
    let broker = &status.broker;
    let connected = if broker.connected {
        "connected"
    } else {
        "not connected"
    };
    let (urls, reconnects) = (broker.urls.join(", "), broker.reconnects);
    format!("{urls}: {connected}, {reconnects} reconnects")
}

fn streams(status: &Status) -> String {
    let (connections, limits) = (&status.connections, &status.limits);
    let per_tenant = match limits.connections_per_tenant {
        0 => "no limit per tenant".to_owned(),
        limit => format!("{limit} per tenant"),
    };
    format!(
        "{} of {} ({} WebSocket, {} SSE), {per_tenant}",
        connections.total, limits.connections, connections.websocket, connections.sse
    )
}

fn opened(status: &Status) -> String {
    let connections = &status.connections;
    let closed = with_reasons(&connections.closed_by_reason);
    format!("{}, closed {closed}", connections.opened)
}

fn ingest(status: &Status) -> String {
    let ingest = &status.ingest;
    let rejected = with_reasons(&ingest.rejected_by_reason);
    format!(
        "{} ({} bytes), accepted {}, rejected {rejected}",
        ingest.received, ingest.received_bytes, ingest.accepted
    )
}

fn deliveries(status: &Status) -> String {
    let deliveries = &status.deliveries;
    format!(
        "{} ({} bytes), dropped {} in {} gaps",
        deliveries.delivered, deliveries.sent_bytes, deliveries.dropped, deliveries.overflow_gaps
    )
}

/// The sum, and what it is made of.
fn with_reasons(counts: &BTreeMap<String, u64>) -> String {
    let sum: u64 = counts.values().sum();
    let occurred = counts.iter().filter(|(_, count)| **count > 0);
    let reasons: Vec<_> = occurred
        .map(|(reason, n)| format!("{reason} {n}"))
        .collect();
    if reasons.is_empty() {
        sum.to_string()
    } else {
        format!("{sum} ({})", reasons.join(", "))
    }
}
