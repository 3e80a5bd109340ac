//! `floodway drain`: empties a gateway, or calls that off.

use floodway_proto::admin::v1::{CancelDrainRequest, DrainProgress, DrainRequest};

use super::failure::Failure;
use super::parse::span;
use super::remote::Remote;
use super::show::{age, date, duration, plural};
use crate::client::Client;

/// Empty a gateway: it takes no new streams, and tells the live ones to come back elsewhere
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    remote: Remote,
    /// Time over which the streams are told, such as 60s; the gateway's http.drain_spread_seconds if not given
    #[arg(long, value_name = "TIME", value_parser = span)]
    spread: Option<prost_types::Duration>,
    /// Call the drain off: new streams are taken again, those that were not told yet stay
    #[arg(long, conflicts_with = "spread")]
    cancel: bool,
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    let Args { remote, spread, cancel } = args;
    if cancel {
        let call = async |mut client: Client| client.cancel_drain(CancelDrainRequest {}).await;
        remote.call(call, |answer| cancelled(answer.drain.as_ref()))
    } else {
        let call = async |mut client: Client| client.drain(DrainRequest { spread }).await;
        remote.call(call, |answer| begun(&answer.drain.unwrap_or_default()))
    }
}

fn begun(drain: &DrainProgress) -> String {
    format!(
        "draining {}; watch it with floodway status, call it off with floodway drain --cancel\n",
        progress(drain)
    )
}

fn cancelled(drain: Option<&DrainProgress>) -> String {
    match drain {
        None => "no drain was under way\n".to_owned(),
        Some(drain) => format!("called off the drain {}\n", progress(drain)),
    }
}

/// `since 2026-…: 40 streams to be told over 1m00s, 30 not told yet, 35 left`.
pub(super) fn progress(drain: &DrainProgress) -> String {
    let stopping = if drain.stopping { ", the gateway stops then" } else { "" };
    format!(
        "since {}: {} to be told over {}, {} not told yet, {} left{stopping}",
        date(drain.started_at),
        plural(drain.connections, "stream"),
        age(duration(drain.spread)),
        drain.untold,
        drain.remaining
    )
}

#[cfg(test)]
mod tests;
