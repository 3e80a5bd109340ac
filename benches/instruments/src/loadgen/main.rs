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
use std::process::ExitCode;

/// The server breaks a protocol, or refuses in its words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fault(pub(crate) &'static str);

fn main() -> ExitCode {
    let args = args::Args::parse();
    if let Err(error) = args.check() {
        // Exits with status 2, as clap does for what it sees itself.
        args::Args::command()
            .error(clap::error::ErrorKind::ArgumentConflict, error)
            .exit();
    }
    if let Some(core) = args.pin
        && let Err(error) = machine::pin(core)
    {
        eprintln!("loadgen: --pin {core}: {error}");
        return ExitCode::FAILURE;
    }
    let report = match run::Run::new(&args) {
        Ok(run) => run.carry_out(),
        Err(error) => {
            eprintln!("loadgen: {error}");
            return ExitCode::FAILURE;
        }
    };
    if let Some(error) = &report.error {
        eprintln!("loadgen: {error}");
    }
    if args.human {
        print!("{report}");
    } else {
        println!(
            "{}",
            serde_json::to_string(&report).expect("figures are JSON")
        );
    }
    if report.is_clean() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
