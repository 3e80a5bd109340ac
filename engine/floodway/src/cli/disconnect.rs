//! `floodway disconnect`: ends live streams.

use clap::ArgGroup;
use floodway_proto::admin::v1::disconnect_request::Target;
use floodway_proto::admin::v1::{DisconnectRequest, TenantSubject};

use super::failure::Failure;
use super::parse::name;
use super::remote::Remote;
use super::show::plural;

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
        Err(format!("is {} bytes long; a close frame holds {REASON_BYTES}", text.len()))
    } else {
        Ok(text.to_owned())
    }
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    let tenant_id = args.tenant.unwrap_or_default();
    let target = match (args.connection, args.subject) {
        (Some(connection), _) => Target::ConnectionId(connection),
        (None, Some(subject)) => Target::Subject(TenantSubject { tenant_id, subject }),
        (None, None) => Target::TenantId(tenant_id),
    };
    let request = DisconnectRequest { target: Some(target), reason: args.reason };
    args.remote.call(
        async |mut client| client.disconnect(request).await,
        |answer| format!("{} ended\n", plural(answer.ended, "stream")),
    )
}
