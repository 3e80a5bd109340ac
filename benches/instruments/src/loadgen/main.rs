//! N subscribers on one epoll thread, and one publisher: measures what a fan-out server delivers, how late, and at
//! what price.
//!
//! The way of a run: [`args`] say what is wanted, [`request`] makes every handshake beforehand, [`run`] lets the
//! [`subscribers`] connect and the [`publisher`] publish phase after phase. A [`subscriber`] takes its bytes apart as
//! [`http`], [`ws`] or [`sse`] and in its [`dialect`], [`telemetry`] reads which event it is, the [`tally`] holds it
//! against what was published, and the [`report`] tells.
//!
//! Exit status: 0 if nothing was lost, doubled, disordered or refused, 1 otherwise, 2 for wrong usage.

mod args;
mod connect;
#[cfg(test)]
mod cuts;
mod dialect;
mod http;
mod plan;
mod progress;
mod publisher;
mod report;
mod request;
mod run;
mod sse;
mod subscriber;
mod subscribers;
mod tally;
mod telemetry;
mod ws;

use clap::{CommandFactory as _, Parser as _};
use floodway_instruments::machine;
use std::io;
use std::process::ExitCode;

/// The server breaks a protocol, or refuses in its words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fault(pub(crate) &'static str);

/// Open files besides the streams, at most.
const DESCRIPTORS: u64 = 32;

fn main() -> ExitCode {
    let args = args::Args::parse();
    if let Err(error) = args.check() {
        // Exits with status 2, as clap does for what it sees itself.
        args::Args::command().error(clap::error::ErrorKind::ArgumentConflict, error).exit();
    }
    let report = match prepare(&args).and_then(|()| run::Run::new(&args)) {
        Ok(run) => run.carry_out(),
        Err(error) => report::Report::failed(&args, &error),
    };
    if let Some(error) = &report.error {
        eprintln!("loadgen: {error}");
    }
    if args.human {
        print!("{report}");
    } else {
        println!("{}", serde_json::to_string(&report).expect("figures are JSON"));
    }
    if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Sees to it that there are descriptors for all, so that reading the server's figures can't fail for want of one.
fn prepare(args: &args::Args) -> io::Result<()> {
    let (allowed, wanted) = (machine::allow_open_files()?, args.streams as u64 + DESCRIPTORS);
    if allowed < wanted {
        let why = format!("{wanted} open files are needed, {allowed} are allowed (ulimit -n)");
        return Err(io::Error::other(why));
    }
    args.pin.map_or(Ok(()), machine::pin)
}
