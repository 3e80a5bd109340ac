//! `floodway limits`: what each tenant may take, shown and changed.

use std::time::SystemTime;

use clap::ArgGroup;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::Failure;
use super::remote::{Remote, name};
use super::show::{Table, plain, stale};
use super::tenants::policy_name;
use floodway_core::index::Overflow;
use floodway_server::admin::api::{
    ClearLimitsRequest, GetLimitsRequest, OverflowPolicy, SetLimitsRequest, TenantLimits,
};
use floodway_server::admin::{self, Client, Json};

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

/// For whom limits are changed.
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
    "connections_per_tenant", "queue_size", "overflow", "filter_ids", "client_messages_per_second",
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
    #[arg(long, value_parser = overflow())]
    overflow: Option<Overflow>,
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

/// One of the policies, by its name as the setting `stream.overflow` has it.
fn overflow() -> impl TypedValueParser<Value = Overflow> {
    let names = Overflow::NAMED.map(|(name, _)| name);
    PossibleValuesParser::new(names).try_map(|name| Overflow::named(&name).ok_or("unknown"))
}

impl Whose {
    /// The tenant; empty for the default.
    fn tenant_id(&self) -> String {
        self.tenant.clone().unwrap_or_default()
    }
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    super::block_on(async {
        let mut client = args.remote.connect().await?;
        match args.command.unwrap_or(Command::Get { tenant: None }) {
            Command::Get { tenant } => {
                get(&args.remote, &mut client, tenant.unwrap_or_default()).await
            }
            Command::Set(set) => change(&args.remote, &mut client, &set).await,
            Command::Clear(whose) => clear(&args.remote, &mut client, whose.tenant_id()).await,
        }
    })
}

async fn get(remote: &Remote, client: &mut Client, tenant_id: String) -> Result<(), Failure> {
    let request = GetLimitsRequest {
        tenant_id: tenant_id.clone(),
    };
    let answer = client.get_limits(request).await?;
    let effective = answer.effective.unwrap_or_default();
    remote.print(Json::of(&answer), || {
        let stale = stale(answer.known_at, SystemTime::now());
        stale + &table(&tenant_id, &effective, answer.own.as_ref())
    })
}

/// The gateway replaces all that was set: what is to stay is read first, and given again.
async fn change(remote: &Remote, client: &mut Client, set: &Set) -> Result<(), Failure> {
    let tenant_id = set.whose.tenant_id();
    let before = if set.replace {
        None
    } else {
        let request = GetLimitsRequest {
            tenant_id: tenant_id.clone(),
        };
        let answer = client.get_limits(request).await?;
        if answer.known_at.is_some() {
            let why = "the gateway does not follow the broker now, so what was set before may be out of date; try again";
            return Err(Failure::Running(why.to_owned()));
        }
        answer.own
    };
    let own = set.over(before.unwrap_or_default());
    let request = SetLimitsRequest {
        tenant_id: tenant_id.clone(),
        limits: Some(own),
    };
    let answer = client.set_limits(request).await?;
    let effective = answer.effective.unwrap_or_default();
    remote.print(Json::of(&answer), || {
        table(&tenant_id, &effective, Some(&own))
    })
}

async fn clear(remote: &Remote, client: &mut Client, tenant_id: String) -> Result<(), Failure> {
    let request = ClearLimitsRequest {
        tenant_id: tenant_id.clone(),
    };
    let answer = client.clear_limits(request).await?;
    let effective = answer.effective.unwrap_or_default();
    remote.print(Json::of(&answer), || {
        let was = if answer.cleared {
            ""
        } else {
            "nothing was set\n"
        };
        format!("{was}{}", table(&tenant_id, &effective, None))
    })
}

impl Set {
    /// These limits where they are named, else those of `before`.
    fn over(&self, before: TenantLimits) -> TenantLimits {
        let overflow = self.overflow.map(admin::policy);
        TenantLimits {
            connections_per_tenant: self
                .connections_per_tenant
                .or(before.connections_per_tenant),
            queue_size: self.queue_size.or(before.queue_size),
            overflow: overflow.map_or(before.overflow, i32::from),
            filter_ids: self.filter_ids.or(before.filter_ids),
            client_messages_per_second: self
                .client_messages_per_second
                .or(before.client_messages_per_second),
        }
    }
}

/// Each limit, what it is, and where it comes from.
fn table(tenant_id: &str, effective: &TenantLimits, own: Option<&TenantLimits>) -> String {
    let own = own.copied().unwrap_or_default();
    let whose = if tenant_id.is_empty() {
        "the default".to_owned()
    } else {
        plain(tenant_id)
    };
    let (set_here, inherited) = if tenant_id.is_empty() {
        ("set", "configuration")
    } else {
        ("set for this tenant", "default")
    };
    let mut table = Table::new(&["LIMIT", ">VALUE", "FROM"]);
    let mut row = |limit: &str, value: String, is_own: bool| {
        let from = if is_own { set_here } else { inherited };
        table.row([limit.to_owned(), value, from.to_owned()]);
    };
    row(
        "connections-per-tenant",
        match effective.connections_per_tenant {
            Some(0) => "no limit".to_owned(),
            limit => number(limit),
        },
        own.connections_per_tenant.is_some(),
    );
    row(
        "queue-size",
        number(effective.queue_size),
        own.queue_size.is_some(),
    );
    row(
        "overflow",
        policy_name(effective.overflow()).to_owned(),
        own.overflow() != OverflowPolicy::Unspecified,
    );
    row(
        "filter-ids",
        number(effective.filter_ids),
        own.filter_ids.is_some(),
    );
    row(
        "client-messages-per-second",
        number(effective.client_messages_per_second),
        own.client_messages_per_second.is_some(),
    );
    format!("limits of {whose}\n{}", table.text())
}

fn number(limit: Option<u32>) -> String {
    limit.map_or_else(|| "-".to_owned(), |limit| limit.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set() -> Set {
        Set {
            whose: Whose {
                tenant: Some("acme".to_owned()),
                default: false,
            },
            connections_per_tenant: None,
            queue_size: Some(500),
            overflow: Some(Overflow::Latest),
            filter_ids: None,
            client_messages_per_second: None,
            replace: false,
        }
    }

    #[test]
    fn what_is_not_named_stays() {
        let before = TenantLimits {
            connections_per_tenant: Some(0),
            queue_size: Some(1),
            ..TenantLimits::default()
        };
        let after = set().over(before);
        assert_eq!(after.connections_per_tenant, Some(0));
        assert_eq!(after.queue_size, Some(500));
        assert_eq!(after.overflow(), OverflowPolicy::Latest);
        assert_eq!(after.filter_ids, None);
    }

    #[test]
    fn each_limit_tells_where_it_comes_from() {
        let own = set().over(TenantLimits::default());
        let effective = TenantLimits {
            connections_per_tenant: Some(0),
            ..own
        };
        let text = table("acme", &effective, Some(&own));
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "limits of acme");
        assert_eq!(lines[2], "connections-per-tenant      no limit  default");
        assert_eq!(
            lines[3],
            "queue-size                       500  set for this tenant"
        );
        assert!(table("", &effective, None).contains("configuration"));
    }
}
