//! `floodway events`: what happens at a gateway, as it happens.

use std::ops::ControlFlow;

use floodway_proto::admin::v1::watch_events_response::Event;
use floodway_proto::admin::v1::{
    EventKind, LimitKind, StreamClosed, StreamIdentity, StreamRefused, WatchEventsRequest, WatchEventsResponse,
};

use super::answers::follow;
use super::connections::carrier;
use super::failure::Failure;
use super::parse::{name, one_of};
use super::remote::Remote;
use super::show::{clock, or_dash, plain, plural};
use crate::client::Json;

/// Show what happens at a gateway: streams that come, go and are refused, limits that are hit, the broker
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    remote: Remote,
    /// Only what happens to this tenant
    #[arg(long, value_parser = name)]
    tenant: Option<String>,
    /// Only this; may be given more than once
    #[arg(long = "kind", value_name = "KIND", value_parser = one_of(KINDS))]
    kinds: Vec<EventKind>,
    /// End after so many
    #[arg(long, value_name = "N")]
    count: Option<u64>,
}

/// What can happen, as people type it.
const KINDS: &[(&str, EventKind)] = &[
    ("opened", EventKind::Opened),
    ("closed", EventKind::Closed),
    ("refused", EventKind::Refused),
    ("limit", EventKind::LimitHit),
    ("broker", EventKind::Broker),
];

pub(super) fn run(args: Args) -> Result<(), Failure> {
    let remote = &args.remote;
    let request = WatchEventsRequest {
        tenant_id: args.tenant.unwrap_or_default(),
        kinds: args.kinds.into_iter().map(i32::from).collect(),
    };
    let counts = |next: &WatchEventsResponse| {
        let event = next.event.as_ref();
        event.is_some_and(|event| !matches!(event, Event::Live(_) | Event::Gap(_)))
    };
    remote.run(async |mut client| {
        let events = client.watch_events(request).await?.into_inner();
        let shown = follow(events, args.count, counts, |next| match &next.event {
            Some(event) => remote.print_next(Json(next), || line(next, event)),
            // From a newer gateway; the contract has it passed over.
            None => Ok(ControlFlow::Continue(())),
        });
        shown.await
    })
}

fn line(next: &WatchEventsResponse, event: &Event) -> String {
    format!("{}  {}\n", clock(next.at), text(event))
}

fn text(event: &Event) -> String {
    match event {
        Event::Live(_) => "live".to_owned(),
        Event::Opened(opened) => {
            let agent = match opened.user_agent.as_str() {
                "" => String::new(),
                agent => format!(" \"{}\"", plain(agent)),
            };
            format!("opened   {}{agent}", stream(opened.stream.as_ref()))
        }
        Event::Closed(closed) => self::closed(closed),
        Event::Refused(refused) => self::refused(refused),
        Event::LimitHit(hit) => {
            format!("limit    {} {}  {} hit", or_dash(&hit.connection_id), or_dash(&hit.tenant_id), limit(hit.limit()))
        }
        Event::BrokerUp(up) => format!("broker   {} connected", or_dash(&up.url)),
        Event::BrokerDown(down) => {
            let why = or_dash(&down.detail);
            format!("broker   {} lost: {why}", or_dash(&down.url))
        }
        Event::BrokerFailed(failed) => format!(
            "broker   {} not reached: {} ({} failed)",
            or_dash(&failed.url),
            or_dash(&failed.detail),
            plural(failed.failed_attempts, "attempt")
        ),
        Event::Gap(gap) => format!("gap      {} missing, this terminal was too slow", plural(gap.missed, "line")),
    }
}

fn refused(refused: &StreamRefused) -> String {
    let (tenant, peer) = (or_dash(&refused.tenant_id), or_dash(&refused.peer));
    let reason = plain(&refused.reason);
    let (check, detail) = (behind(" ", &refused.check), behind(": ", &refused.detail));
    format!("refused  {tenant} {peer}  {reason}{check}{detail}")
}

fn closed(closed: &StreamClosed) -> String {
    let code = match closed.close_code {
        0 => String::new(),
        code => format!(" {code}"),
    };
    let (stream, reason) = (stream(closed.stream.as_ref()), plain(&closed.reason));
    format!("closed   {stream}  {reason}{code}")
}

fn limit(limit: LimitKind) -> &'static str {
    match limit {
        LimitKind::Unspecified => "a limit that this command does not know",
        LimitKind::QueueSize => "queue-size",
        LimitKind::ClientMessages => "client-messages-per-second",
    }
}

/// The id, tenant, subject, transport and peer of a stream, as far as they are known.
fn stream(stream: Option<&StreamIdentity>) -> String {
    let Some(stream) = stream else {
        return "-".to_owned();
    };
    let [id, tenant, subject, peer] =
        [&stream.connection_id, &stream.tenant_id, &stream.subject, &stream.peer].map(|text| or_dash(text));
    format!("{id} {tenant} {subject} {} {peer}", carrier(stream.transport()))
}

/// `text` with `before` in front of it, if there is any.
fn behind(before: &str, text: &str) -> String {
    match text {
        "" => String::new(),
        text => format!("{before}{}", plain(text)),
    }
}

#[cfg(test)]
mod tests;
