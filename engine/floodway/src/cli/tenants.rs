//! `floodway tenants`: the tenants that a gateway serves.

use floodway_core::index::Overflow;
use floodway_proto::admin::v1::{GetTenantRequest, ListTenantsRequest, ListTenantsResponse, OverflowPolicy, Tenant};

use floodway_server::admin;

use super::answers::pages;
use super::failure::Failure;
use super::parse::name;
use super::remote::Remote;
use super::show::{bytes, fields, more, or_dash, plain, plural, table};
use crate::client::Client;

/// Show the tenants that a gateway serves
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    remote: Remote,
    /// Show this one only, with all that is known of it
    #[arg(long, value_parser = name)]
    tenant: Option<String>,
    /// Show all, not only the first 100
    #[arg(long, conflicts_with = "tenant")]
    all: bool,
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    let Args { remote, tenant, all } = args;
    if let Some(tenant_id) = tenant {
        let call = async |mut client: Client| client.get_tenant(GetTenantRequest { tenant_id }).await;
        return remote.call(call, |answer| one(&answer.tenant.clone().unwrap_or_default()));
    }
    let call = async |mut client: Client| {
        let page =
            async |page_size, page_token| client.list_tenants(ListTenantsRequest { page_size, page_token }).await;
        pages(all, |answer| &mut answer.next_page_token, page).await
    };
    remote.call(call, list)
}

fn list(answer: &ListTenantsResponse) -> String {
    let titles = "TENANT >STREAMS >LIMIT >WS >SSE >EVENTS >DELIVERED >DROPPED >CONFLATED >SENT UPSTREAM";
    let row = |tenant: &Tenant| {
        [
            plain(&tenant.tenant_id),
            tenant.connections.to_string(),
            limit(tenant),
            tenant.websocket.to_string(),
            tenant.sse.to_string(),
            tenant.events.to_string(),
            tenant.delivered.to_string(),
            tenant.dropped.to_string(),
            tenant.conflated.to_string(),
            bytes(tenant.sent_bytes as f64),
            upstream(tenant).to_owned(),
        ]
    };
    table(titles, answer.tenants.iter().map(row)) + &more(&answer.next_page_token, "--all")
}

fn one(tenant: &Tenant) -> String {
    let limits = tenant.limits.clone().unwrap_or_default();
    let lines = [
        ("tenant", or_dash(&tenant.tenant_id)),
        ("upstream", upstream_and_why(tenant)),
        (
            "streams",
            format!("{} of {} ({} WebSocket, {} SSE)", tenant.connections, limit(tenant), tenant.websocket, tenant.sse),
        ),
        ("events in", tenant.events.to_string()),
        (
            "deliveries",
            format!(
                "{} ({}), dropped {}, conflated {}",
                tenant.delivered,
                bytes(tenant.sent_bytes as f64),
                tenant.dropped,
                tenant.conflated
            ),
        ),
        (
            "queue",
            format!("{} a stream, then {}", plural(limits.queue_size().into(), "event"), policy(limits.overflow())),
        ),
        (
            "replay",
            format!("{} held ({})", plural(tenant.replay_events, "event"), bytes(tenant.replay_bytes as f64)),
        ),
        ("groups", tenant.groups.to_string()),
    ];
    fields(&lines)
}

fn upstream(tenant: &Tenant) -> &'static str {
    match (tenant.subscribed, tenant.upstream_refusal.as_str()) {
        (true, _) => "subscribed",
        (false, "") => "not subscribed",
        (false, _) => "refused",
    }
}

/// The same, and why the broker refuses it.
fn upstream_and_why(tenant: &Tenant) -> String {
    match upstream(tenant) {
        "refused" => format!("refused by the broker: {}", plain(&tenant.upstream_refusal)),
        state => state.to_owned(),
    }
}

fn limit(tenant: &Tenant) -> String {
    match tenant.limits.as_ref().and_then(|l| l.connections_per_tenant) {
        Some(0) => "none".to_owned(),
        Some(limit) => limit.to_string(),
        None => "-".to_owned(),
    }
}

/// What happens to an event for which there is no room, as the setting `stream.overflow` has it.
pub(super) fn policy(policy: OverflowPolicy) -> &'static str {
    admin::overflow(policy).map_or("-", Overflow::name)
}

#[cfg(test)]
mod tests;
