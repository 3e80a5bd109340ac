//! `floodway tail`: a tenant's events as they pass, for a person who looks for a fault.

use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_json::value::RawValue;

use super::Failure;
use super::connections::filters;
use super::remote::{Remote, name};
use super::show::{plain, plural};
use floodway_server::admin::Json;
use floodway_server::admin::api::tail_response::Item;
use floodway_server::admin::api::{Gap, GapReason, TailEvent, TailRequest};

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

/// What people see of an event.
#[derive(Deserialize)]
struct Seen<'a> {
    device_id: String,
    #[serde(borrow)]
    metrics: &'a RawValue,
    #[serde(borrow)]
    timestamp: &'a RawValue,
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    super::block_on(async {
        let mut left = args.count.unwrap_or(u64::MAX);
        let request = TailRequest {
            tenant_id: args.tenant,
            device_ids: args.devices,
            group_ids: args.groups,
            metric_names: args.metrics,
        };
        let mut tail = args.remote.connect().await?.tail(request).await?;
        while left > 0 {
            let Some(item) = tail.next().await?.item else {
                // Of a newer gateway; the contract has it passed over.
                continue;
            };
            if matches!(item, Item::Event(_)) {
                left -= 1;
            }
            if show(&args.remote, &item)?.is_break() {
                break;
            }
        }
        Ok(())
    })
}

fn show(remote: &Remote, item: &Item) -> Result<std::ops::ControlFlow<()>, Failure> {
    match item {
        Item::Live(live) => {
            let wanted = live.filters.clone().unwrap_or_default();
            remote.print_next(json!({"live": {"filters": Json::of(&wanted)}}), || {
                format!("live: {}\n", filters(Some(&wanted)))
            })
        }
        Item::Event(event) => {
            let wrong =
                |_| Failure::Running("the gateway sent an event that is no JSON".to_owned());
            let line = Line {
                id: event.id.to_string(),
                event: serde_json::from_str(&event.json).map_err(wrong)?,
            };
            remote.print_next(line, || for_people(event))
        }
        Item::Gap(gap) => {
            remote.print_next(json!({"gap": Json::of(gap)}), || format!("{}\n", told(gap)))
        }
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

fn told(gap: &Gap) -> String {
    let why = match gap.reason() {
        GapReason::Unspecified => "for a reason that this command does not know",
        GapReason::Overflow => "this terminal was too slow",
        GapReason::Upstream => "the connection to the broker was lost",
    };
    match gap.dropped {
        Some(dropped) => format!("gap: {} missing, {why}", plural(dropped, "event")),
        None => format!("gap: events may be missing, {why}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_shown_with_its_values_as_sent() {
        let event = TailEvent {
            id: 7,
            json: r#"{"type":"telemetry","device_id":"k\u00f6ln","metrics":{"t":72.10},"timestamp":"12:00","topic":"x"}"#
                .to_owned(),
        };
        assert_eq!(for_people(&event), "12:00  köln  {\"t\":72.10}\n");
    }

    #[test]
    fn a_gap_tells_how_much_and_why() {
        let mut gap = Gap {
            dropped: Some(3),
            ..Gap::default()
        };
        gap.set_reason(GapReason::Overflow);
        assert_eq!(
            told(&gap),
            "gap: 3 events missing, this terminal was too slow"
        );
        gap.dropped = None;
        gap.set_reason(GapReason::Upstream);
        assert!(told(&gap).starts_with("gap: events may be missing"));
    }
}
