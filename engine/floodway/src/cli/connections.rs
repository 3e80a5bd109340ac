//! `floodway connections`: the live streams of a gateway.

use std::time::SystemTime;

use floodway_proto::admin::v1::{
    Connection, Filters, GetConnectionRequest, ListConnectionsRequest, ListConnectionsResponse, Transport,
};

use super::answers::pages;
use super::failure::Failure;
use super::parse::{name, one_of};
use super::remote::Remote;
use super::show::{age, bytes, date, duration, fields, more, or_dash, plain, since, table};
use crate::client::Client;

/// Show the live streams of a gateway
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    remote: Remote,
    /// Only those of this tenant
    #[arg(long, value_parser = name)]
    tenant: Option<String>,
    /// Only those on this transport
    #[arg(long, value_parser = one_of(TRANSPORTS))]
    transport: Option<Transport>,
    /// Only those whose token has this subject
    #[arg(long)]
    subject: Option<String>,
    /// Show all, not only the first 100
    #[arg(long)]
    all: bool,
    /// Show this one only, with all that is known of it
    #[arg(long, value_name = "ID", conflicts_with_all = ["tenant", "transport", "subject", "all"])]
    connection: Option<String>,
}

/// What carries a stream, as people type it.
const TRANSPORTS: &[(&str, Transport)] =
    &[("websocket", Transport::Websocket), ("sse", Transport::Sse), ("ws", Transport::Websocket)];

pub(super) fn run(args: Args) -> Result<(), Failure> {
    if let Some(connection_id) = args.connection {
        let call = async |mut client: Client| client.get_connection(GetConnectionRequest { connection_id }).await;
        let one = |stream: Option<Connection>| one(&stream.unwrap_or_default(), SystemTime::now());
        return args.remote.call(call, |answer| one(answer.connection.clone()));
    }
    let request = ListConnectionsRequest {
        tenant_id: args.tenant.unwrap_or_default(),
        subject: args.subject.unwrap_or_default(),
        transport: args.transport.unwrap_or_default().into(),
        ..ListConnectionsRequest::default()
    };
    let call = async |mut client: Client| {
        let page = async |page_size, page_token| {
            let page = ListConnectionsRequest { page_size, page_token, ..request.clone() };
            client.list_connections(page).await
        };
        pages(args.all, |answer| &mut answer.next_page_token, page).await
    };
    args.remote.call(call, |answer| list(answer, SystemTime::now()))
}

fn list(answer: &ListConnectionsResponse, now: SystemTime) -> String {
    let titles = "CONNECTION TENANT SUBJECT VIA PEER >AGE >QUEUE >SLOW >DELIVERED >DROPPED >CONFLATED >SENT WANTS";
    let row = |stream: &Connection| {
        [
            plain(&stream.connection_id),
            plain(&stream.tenant_id),
            or_dash(&stream.subject),
            via(stream),
            plain(&stream.peer),
            since(stream.connected_at, now),
            format!("{}/{}", stream.queue_depth, stream.queue_capacity),
            slow(stream),
            stream.delivered.to_string(),
            stream.dropped.to_string(),
            stream.conflated.to_string(),
            bytes(stream.sent_bytes as f64),
            wants(stream.filters.as_ref()),
        ]
    };
    table(titles, answer.connections.iter().map(row)) + &more(&answer.next_page_token, "--all")
}

fn one(stream: &Connection, now: SystemTime) -> String {
    let lag = stream.slow_for.map_or(String::new(), |_| format!(", slow for {}", slow(stream)));
    fields(&[
        ("connection", or_dash(&stream.connection_id)),
        ("tenant", or_dash(&stream.tenant_id)),
        ("subject", or_dash(&stream.subject)),
        ("transport", via(stream)),
        ("peer", or_dash(&stream.peer)),
        ("user agent", or_dash(&stream.user_agent)),
        ("connected", format!("{} ({} ago)", date(stream.connected_at), since(stream.connected_at, now))),
        ("expires", date(stream.expires_at)),
        ("wants", filters(stream.filters.as_ref())),
        ("queue", format!("{} of {} events{lag}", stream.queue_depth, stream.queue_capacity)),
        (
            "deliveries",
            format!(
                "{} ({}), dropped {}, conflated {}, gaps {}",
                stream.delivered,
                bytes(stream.sent_bytes as f64),
                stream.dropped,
                stream.conflated,
                stream.gaps
            ),
        ),
        ("last write", date(stream.last_write_at)),
    ])
}

/// `ws`, `sse+h2`, `ws+tls`.
fn via(stream: &Connection) -> String {
    let h2 = if stream.http2 { "+h2" } else { "" };
    let tls = if stream.tls { "+tls" } else { "" };
    format!("{}{h2}{tls}", carrier(stream.transport()))
}

pub(super) fn carrier(transport: Transport) -> &'static str {
    match transport {
        Transport::Unspecified => "-",
        Transport::Websocket => "ws",
        Transport::Sse => "sse",
    }
}

pub(super) fn slow(stream: &Connection) -> String {
    stream.slow_for.map_or_else(|| "-".to_owned(), |slow| age(duration(Some(slow))))
}

/// What a stream wants, for a column: names where there is one, else how many there are.
pub(super) fn wants(filters: Option<&Filters>) -> String {
    describe(filters, |kind, names| match names {
        [name] => format!("{kind} {}", plain(name)),
        names => format!("{} {kind}s", names.len()),
    })
}

/// The same with all names.
pub(super) fn filters(filters: Option<&Filters>) -> String {
    describe(filters, |kind, names| {
        let plural = if names.len() == 1 { "" } else { "s" };
        format!("{kind}{plural} {}", plain(&names.join(", ")))
    })
}

fn describe(filters: Option<&Filters>, names: impl Fn(&str, &[String]) -> String) -> String {
    let Some(filters) = filters else {
        return "-".to_owned();
    };
    let mut parts = Vec::new();
    if filters.all_devices {
        parts.push("all devices".to_owned());
    } else if filters.device_ids.is_empty() && filters.group_ids.is_empty() {
        parts.push("nothing".to_owned());
    }
    let kinds = [("device", &filters.device_ids), ("group", &filters.group_ids), ("metric", &filters.metric_names)];
    let named = kinds.iter().filter(|(_, list)| !list.is_empty());
    parts.extend(named.map(|(kind, list)| names(kind, list)));
    parts.join(", ")
}

#[cfg(test)]
mod tests;
