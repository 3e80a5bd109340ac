//! `floodway disconnect`: ends live streams.

use clap::ArgGroup;

use super::Failure;
use super::remote::{Remote, name};
use super::show::plural;
use floodway_server::admin::Json;
use floodway_server::admin::api::disconnect_request::Target;
use floodway_server::admin::api::{DisconnectRequest, TenantSubject};

/// Bytes of a reason, at most (RFC 6455, 5.5).
const REASON_BYTES: usize = 123;

/// End live streams: one, those of a subject, or all of a tenant
#[derive(clap::Args)]
#[command(group = ArgGroup::new("target").args(["connection", "tenant"]).required(true))]
pub(super) struct Args {
    #[command(flatten)]
    remote: Remote,
    /// The stream with this id
    #[arg(long, value_name = "ID", conflicts_with = "subject")]
    connection: Option<String>,
    /// All streams of this tenant
    #[arg(long, value_parser = name)]
    tenant: Option<String>,
    /// Of the tenant only those whose token has this subject
    #[arg(long, requires = "tenant")]
    subject: Option<String>,
    /// What WebSocket clients are told beside the close code 4010; 123 bytes at most
    #[arg(long, default_value = "", hide_default_value = true, value_parser = reason)]
    reason: String,
}

fn reason(text: &str) -> Result<String, String> {
    if text.len() > REASON_BYTES {
        Err(format!(
            "is {} bytes long; a close frame holds {REASON_BYTES}",
            text.len()
        ))
    } else {
        Ok(text.to_owned())
    }
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    let target = match (args.connection, args.tenant, args.subject) {
        (Some(connection), _, _) => Target::ConnectionId(connection),
        (None, tenant, Some(subject)) => Target::Subject(TenantSubject {
            tenant_id: tenant.unwrap_or_default(),
            subject,
        }),
        (None, tenant, None) => Target::TenantId(tenant.unwrap_or_default()),
    };
    super::block_on(async {
        let request = DisconnectRequest {
            target: Some(target),
            reason: args.reason,
        };
        let answer = args.remote.connect().await?.disconnect(request).await?;
        args.remote.print(Json::of(&answer), || {
            format!("{} ended\n", plural(answer.ended, "stream"))
        })
    })
}
