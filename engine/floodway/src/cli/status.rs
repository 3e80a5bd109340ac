//! `floodway status`: how a running gateway does, or all on its broker.

use std::io::IsTerminal;
use std::time::SystemTime;

use serde::{Serialize, Serializer};

use super::Failure;
use super::remote::{Remote, span};
use floodway_server::admin::Json;
use floodway_server::admin::api::{Fleet, GetStatusRequest, Status, WatchStatusRequest};

mod table;

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

/// What the gateway said. Alone, a status stands at the top of the document.
struct Answer<'a> {
    status: &'a Status,
    fleet: Option<&'a Fleet>,
}

impl Serialize for Answer<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let status = Json::of(self.status);
        match self.fleet {
            None => status.serialize(to),
            Some(fleet) => to.collect_map([("status", status), ("fleet", Json::of(fleet))]),
        }
    }
}

impl Answer<'_> {
    fn text(&self) -> String {
        let mut text = table::status(self.status, SystemTime::now());
        if let Some(fleet) = self.fleet {
            text.push('\n');
            text.push_str(&table::fleet(fleet));
        }
        text
    }
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    super::block_on(async {
        if args.watch {
            watch(&args).await
        } else {
            once(&args).await
        }
    })
}

async fn once(args: &Args) -> Result<(), Failure> {
    let request = GetStatusRequest { fleet: args.fleet };
    let answer = args.remote.connect().await?.get_status(request).await?;
    let answer = Answer {
        status: &answer.status.unwrap_or_default(),
        fleet: answer.fleet.as_ref(),
    };
    args.remote.print(&answer, || answer.text())
}

async fn watch(args: &Args) -> Result<(), Failure> {
    let request = WatchStatusRequest {
        interval: Some(args.interval),
        fleet: args.fleet,
        ..WatchStatusRequest::default()
    };
    let clear = if std::io::stdout().is_terminal() {
        CLEAR
    } else {
        "\n"
    };
    let mut answers = args.remote.connect().await?.watch_status(request).await?;
    loop {
        let answer = answers.next().await?;
        let answer = Answer {
            status: &answer.status.unwrap_or_default(),
            fleet: answer.fleet.as_ref(),
        };
        let text = || format!("{clear}{}", answer.text());
        if args.remote.print_next(&answer, text)?.is_break() {
            return Ok(());
        }
    }
}
