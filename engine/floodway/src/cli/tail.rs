//! `floodway tail`: shows a tenant's events as they pass, to find a fault.

use std::ops::ControlFlow;

use floodway_proto::admin::v1::tail_response::Item;
use floodway_proto::admin::v1::{Gap, GapReason, TailEvent, TailRequest, TailResponse};
use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_json::value::RawValue;

use super::answers::follow;
use super::connections::filters;
use super::failure::Failure;
use super::parse::name;
use super::remote::Remote;
use super::show::{plain, plural};
use crate::client::Json;

/// Show a tenant's events as they pass
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    remote: Remote,
    /// The tenant
    #[arg(long, value_parser = name)]
    tenant: String,
    /// Only events of this device; may be given more than once
    #[arg(long = "device", value_name = "DEVICE", value_parser = name)]
    devices: Vec<String>,
    /// Only events of this group's devices; may be given more than once
    #[arg(long = "group", value_name = "GROUP", value_parser = name)]
    groups: Vec<String>,
    /// Only this metric of each event; may be given more than once
    #[arg(long = "metric", value_name = "METRIC")]
    metrics: Vec<String>,
    /// End after so many events
    #[arg(long, value_name = "N")]
    count: Option<u64>,
}

/// An event for scripts: what subscribers get, untouched, and what the gateway knows of it.
#[derive(Serialize)]
struct Line<'a> {
    /// As text, as streams have it.
    id: String,
    event: &'a RawValue,
}

/// What the text for people shows of an event.
#[derive(Deserialize)]
struct Seen<'a> {
    device_id: String,
    #[serde(borrow)]
    metrics: &'a RawValue,
    #[serde(borrow)]
    timestamp: &'a RawValue,
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    let remote = &args.remote;
    let request = TailRequest {
        tenant_id: args.tenant,
        device_ids: args.devices,
        group_ids: args.groups,
        metric_names: args.metrics,
    };
    let counts = |next: &TailResponse| matches!(next.item, Some(Item::Event(_)));
    remote.run(async |mut client| {
        let events = client.tail(request).await?.into_inner();
        follow(events, args.count, counts, |next| show(remote, next)).await
    })
}

/// Except for the event itself, the keys of a line of JSON are sorted.
fn show(remote: &Remote, next: &TailResponse) -> Result<ControlFlow<()>, Failure> {
    match &next.item {
        Some(Item::Live(live)) => {
            remote.print_next(json!(Json(next)), || format!("live: {}\n", filters(live.filters.as_ref())))
        }
        Some(Item::Event(event)) => {
            let wrong = |_| Failure::running("the gateway sent an event that is no JSON");
            let line = Line {
                id: event.id.to_string(),
                event: serde_json::from_str(&event.json).map_err(wrong)?,
            };
            remote.print_next(line, || for_people(event))
        }
        Some(Item::Gap(gap)) => remote.print_next(json!(Json(next)), || gap_line(gap) + "\n"),
        // From a newer gateway; the contract has it passed over.
        None => Ok(ControlFlow::Continue(())),
    }
}

/// The device's own time, the device, and its metrics, as they were sent.
fn for_people(event: &TailEvent) -> String {
    match serde_json::from_str::<Seen>(&event.json) {
        Ok(seen) => format!(
            "{}  {}  {}\n",
            plain(seen.timestamp.get().trim_matches('"')),
            plain(&seen.device_id),
            plain(seen.metrics.get())
        ),
        Err(_) => format!("{}\n", plain(&event.json)),
    }
}

fn gap_line(gap: &Gap) -> String {
    let why = match gap.reason() {
        GapReason::Unspecified => "for a reason that this command does not know",
        GapReason::Overflow => "this terminal was too slow",
        GapReason::Conflated => "this terminal was too slow, and saw the last event of each device",
        GapReason::Upstream => "the connection to the broker was lost",
    };
    match gap.dropped {
        Some(dropped) => format!("gap: {} missing, {why}", plural(dropped, "event")),
        None => format!("gap: events may be missing, {why}"),
    }
}

#[cfg(test)]
mod tests;
