//! `floodway limits`: what each tenant may take, shown and changed.

use std::time::SystemTime;

use clap::ArgGroup;
use floodway_proto::admin::v1::{
    ClearLimitsRequest, ClearLimitsResponse, GetLimitsRequest, OverflowPolicy, SetLimitsRequest, TenantLimits,
};

use super::failure::Failure;
use super::parse::{name, one_of};
use super::remote::{Interrupted, Remote};
use super::show::{plain, stale, table};
use super::tenants::policy;
use crate::client::{Client, Json};
use floodway_core::index::Overflow;
use floodway_server::admin;

/// Show or change what each tenant may take of the gateways on a broker
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Show the limits that hold for a tenant, or the default
    Get {
        /// Whose; the default if not given
        #[arg(long, value_parser = name)]
        tenant: Option<String>,
    },
    /// Change limits, on every gateway of the broker; those that are not named stay as they are
    Set(Set),
    /// Forget the limits that were set
    Clear(Whose),
}

/// Whose limits are changed.
#[derive(clap::Args)]
#[command(group = ArgGroup::new("whose").args(["tenant", "default"]).required(true))]
struct Whose {
    /// Those of this tenant
    #[arg(long, value_parser = name)]
    tenant: Option<String>,
    /// Those of all tenants that have none of their own
    #[arg(long)]
    default: bool,
}

#[derive(clap::Args)]
#[command(group = ArgGroup::new("limit").multiple(true).required(true).args([
    "connections_per_tenant", "queue_size", "overflow", "overflow_allowed", "filter_ids", "client_messages_per_second",
]))]
struct Set {
    #[command(flatten)]
    whose: Whose,
    /// Streams of the tenant on each gateway; 0: no limit
    #[arg(long, value_name = "N")]
    connections_per_tenant: Option<u32>,
    /// Events that each subscriber may lag
    #[arg(long, value_name = "N")]
    queue_size: Option<u32>,
    /// What happens beyond it
    #[arg(long, value_parser = one_of(&Overflow::NAMED))]
    overflow: Option<Overflow>,
    /// What else a stream may choose with ?overflow=, separated by commas
    #[arg(long, value_name = "POLICIES", value_delimiter = ',', value_parser = one_of(&Overflow::NAMED))]
    overflow_allowed: Vec<Overflow>,
    /// Devices, groups and metrics, each, that one subscriber may name
    #[arg(long, value_name = "N")]
    filter_ids: Option<u32>,
    /// Messages of a WebSocket client that are read in a second
    #[arg(long, value_name = "N")]
    client_messages_per_second: Option<u32>,
    /// Forget the limits that were set before and are not named now
    #[arg(long)]
    replace: bool,
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    let remote = &args.remote;
    match args.command {
        None => get(remote, String::new()),
        Some(Command::Get { tenant }) => get(remote, tenant.unwrap_or_default()),
        Some(Command::Set(set)) => remote.run(async |client| change(remote, client, set).await),
        Some(Command::Clear(whose)) => clear(remote, whose.tenant.unwrap_or_default()),
    }
}

fn get(remote: &Remote, tenant_id: String) -> Result<(), Failure> {
    let request = GetLimitsRequest { tenant_id: tenant_id.clone() };
    remote.call(
        async |mut client| client.get_limits(request).await,
        |answer| {
            stale(answer.known_at, SystemTime::now())
                + &limits(&tenant_id, answer.effective.as_ref(), answer.own.as_ref())
        },
    )
}

/// The gateway replaces all limits at once, so those that stay are read first and sent again.
async fn change(remote: &Remote, mut client: Client, set: Set) -> Result<(), Interrupted> {
    let tenant_id = set.whose.tenant.clone().unwrap_or_default();
    let mut before = None;
    if !set.replace {
        let request = GetLimitsRequest { tenant_id: tenant_id.clone() };
        let answer = client.get_limits(request).await?.into_inner();
        if answer.known_at.is_some() {
            let why =
                "the gateway does not follow the broker now, so what was set before may be out of date; try again";
            return Err(Failure::running(why).into());
        }
        before = answer.own;
    }
    let own = set.over(before.unwrap_or_default());
    let request = SetLimitsRequest { tenant_id: tenant_id.clone(), limits: Some(own.clone()) };
    let answer = client.set_limits(request).await?.into_inner();
    remote.print(Json(&answer), || limits(&tenant_id, answer.effective.as_ref(), Some(&own)))
}

fn clear(remote: &Remote, tenant_id: String) -> Result<(), Failure> {
    let request = ClearLimitsRequest { tenant_id: tenant_id.clone() };
    let text = |answer: &ClearLimitsResponse| {
        let was = if answer.cleared { "" } else { "nothing was set\n" };
        was.to_owned() + &limits(&tenant_id, answer.effective.as_ref(), None)
    };
    remote.call(async |mut client| client.clear_limits(request).await, text)
}

impl Set {
    /// These limits where they are named, else those of `before`.
    fn over(&self, before: TenantLimits) -> TenantLimits {
        let overflow = self.overflow.map(admin::policy);
        let allowed = self.overflow_allowed.iter().map(|&overflow| admin::policy(overflow).into());
        let overflow_allowed: Vec<i32> = allowed.collect();
        TenantLimits {
            connections_per_tenant: self.connections_per_tenant.or(before.connections_per_tenant),
            queue_size: self.queue_size.or(before.queue_size),
            overflow: overflow.map_or(before.overflow, i32::from),
            overflow_allowed: if overflow_allowed.is_empty() {
                before.overflow_allowed
            } else {
                overflow_allowed
            },
            filter_ids: self.filter_ids.or(before.filter_ids),
            client_messages_per_second: self.client_messages_per_second.or(before.client_messages_per_second),
        }
    }
}

/// Each limit, what it is, and where it comes from. An empty tenant stands for the default.
fn limits(tenant_id: &str, effective: Option<&TenantLimits>, own: Option<&TenantLimits>) -> String {
    let none = TenantLimits::default();
    let (effective, own) = (effective.unwrap_or(&none), own.unwrap_or(&none));
    let (whose, set_here, inherited) = match tenant_id {
        "" => ("the default".to_owned(), "set", "configuration"),
        tenant => (plain(tenant), "set for this tenant", "default"),
    };
    let row = |limit: &str, value: String, is_own: bool| {
        let from = if is_own { set_here } else { inherited };
        [limit.to_owned(), value, from.to_owned()]
    };
    let counted = |limit: &str, value: Option<u32>, own: Option<u32>| {
        let value = value.map_or_else(|| "-".to_owned(), |value| value.to_string());
        row(limit, value, own.is_some())
    };
    let rows = [
        match (effective.connections_per_tenant, own.connections_per_tenant) {
            (Some(0), own) => row("connections-per-tenant", "no limit".to_owned(), own.is_some()),
            (limit, own) => counted("connections-per-tenant", limit, own),
        },
        counted("queue-size", effective.queue_size, own.queue_size),
        row("overflow", policy(effective.overflow()).to_owned(), own.overflow() != OverflowPolicy::Unspecified),
        row("overflow-allowed", allowed(effective), !own.overflow_allowed.is_empty()),
        counted("filter-ids", effective.filter_ids, own.filter_ids),
        counted("client-messages-per-second", effective.client_messages_per_second, own.client_messages_per_second),
    ];
    let table = table("LIMIT >VALUE FROM", rows);
    format!("limits of {whose}\n{table}")
}

/// The names of the policies that a stream may choose, as the flag takes them.
fn allowed(limits: &TenantLimits) -> String {
    let names: Vec<_> = limits.overflow_allowed().map(policy).collect();
    if names.len() == Overflow::NAMED.len() {
        "all".to_owned()
    } else {
        names.join(",")
    }
}

#[cfg(test)]
mod tests;
