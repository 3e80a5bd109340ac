//! `floodway status`: how a running gateway does, or all on its broker.

use std::io::IsTerminal;
use std::time::SystemTime;

use floodway_proto::admin::v1::{GetStatusRequest, GetStatusResponse, WatchStatusRequest};
use serde::{Serialize, Serializer};

use super::answers::follow;
use super::failure::Failure;
use super::parse::span;
use super::remote::Remote;
use crate::client::Json;

mod fleet;
mod lines;

/// Clears a terminal and goes to its upper left corner.
const CLEAR: &str = "\u{1b}[H\u{1b}[2J";

/// Show how a running gateway does
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    remote: Remote,
    /// Show every gateway on the same broker as well
    #[arg(long)]
    fleet: bool,
    /// Show it again and again
    #[arg(long)]
    watch: bool,
    /// Time between two answers of --watch, from 100ms to 1h
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = span, requires = "watch")]
    interval: prost_types::Duration,
}

/// A status alone stands at the top of the document.
struct Answer<'a>(&'a GetStatusResponse);

impl Serialize for Answer<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match &self.0.status {
            Some(status) if self.0.fleet.is_none() => Json(status).serialize(to),
            _ => Json(self.0).serialize(to),
        }
    }
}

impl Answer<'_> {
    fn text(&self) -> String {
        let status = self.0.status.clone().unwrap_or_default();
        let status = lines::lines(&status, SystemTime::now());
        match &self.0.fleet {
            Some(fleet) => format!("{status}\n{}", fleet::fleet(fleet)),
            None => status,
        }
    }
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    let (remote, fleet) = (&args.remote, args.fleet);
    remote.run(async |mut client| {
        if !args.watch {
            let answer = client.get_status(GetStatusRequest { fleet }).await?;
            let answer = Answer(answer.get_ref());
            return remote.print(&answer, || answer.text());
        }
        let request = WatchStatusRequest { interval: Some(args.interval), fleet, ..WatchStatusRequest::default() };
        let clear = if std::io::stdout().is_terminal() { CLEAR } else { "\n" };
        let answers = client.watch_status(request).await?.into_inner();
        let counts = |_: &_| false;
        follow(answers, None, counts, |next| {
            let next = GetStatusResponse { status: next.status.clone(), fleet: next.fleet.clone() };
            let answer = Answer(&next);
            remote.print_next(&answer, || format!("{clear}{}", answer.text()))
        })
        .await
    })
}
