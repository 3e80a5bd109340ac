//! The commands of the `floodway` binary.
//!
//! Invariant: the exit status is 0 for success, 1 for a failure while running, and 2 for wrong usage
//! or configuration. What a command is asked for goes to stdout, everything else to stderr.

use std::collections::BTreeSet;
use std::iter;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use failure::Failure;
use floodway_server::log;

mod answers;
mod check;
mod connections;
#[cfg(feature = "demo")]
mod demo;
mod disconnect;
mod drain;
mod events;
mod explain;
mod failure;
mod flags;
mod generate;
mod groups;
mod limits;
mod output;
mod parse;
mod remote;
mod runtime;
mod serve;
mod show;
mod status;
mod tail;
mod tenants;
mod token;
mod top;

/// Telemetry from an MQTT broker, fanned out to very many WebSocket and SSE subscribers.
#[derive(Parser)]
#[command(name = "floodway", version)]
struct Floodway {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Serve(serve::Args),
    #[cfg(feature = "demo")]
    Demo(demo::Args),
    Token(token::Args),
    Check(check::Args),
    Status(status::Args),
    Top(top::Args),
    Tenants(tenants::Args),
    Connections(connections::Args),
    Disconnect(disconnect::Args),
    Limits(limits::Args),
    Groups(groups::Args),
    Drain(drain::Args),
    Tail(tail::Args),
    Events(events::Args),
    Explain(explain::Args),
    Completions(generate::Completions),
    Man(generate::Man),
}

/// Runs the command that this process was started with.
pub(crate) fn run() -> ExitCode {
    let command = match Floodway::try_parse() {
        Ok(floodway) => floodway.command,
        Err(refused) => return misused(&refused),
    };
    let done = match command {
        Command::Serve(args) => serve::run(args),
        #[cfg(feature = "demo")]
        Command::Demo(args) => demo::run(args),
        Command::Token(args) => token::run(args),
        Command::Check(args) => check::run(args),
        Command::Status(args) => status::run(args),
        Command::Top(args) => top::run(args),
        Command::Tenants(args) => tenants::run(args),
        Command::Connections(args) => connections::run(args),
        Command::Disconnect(args) => disconnect::run(args),
        Command::Limits(args) => limits::run(args),
        Command::Groups(args) => groups::run(args),
        Command::Drain(args) => drain::run(args),
        Command::Tail(args) => tail::run(args),
        Command::Events(args) => events::run(args),
        Command::Explain(args) => explain::run(args),
        Command::Completions(args) => generate::completions(args),
        Command::Man(args) => generate::man(args),
    };
    let status = match &done {
        Ok(()) => 0,
        Err(Failure::Running(_)) => 1,
        Err(Failure::Usage(_)) => 2,
    };
    let why = done.err().map(|failure| failure.to_string()).unwrap_or_default();
    for line in why.lines() {
        log::say(&format!("error: {line}"));
    }
    log::finish(runtime::LAST_LINES);
    ExitCode::from(status)
}

/// The command line is wrong, or asks for help, which is no error and goes to stdout.
fn misused(refused: &clap::Error) -> ExitCode {
    if refused.use_stderr() {
        log::say(refused.render().to_string().trim_end());
        log::finish(runtime::LAST_LINES);
    } else {
        // A reader that has seen enough is no failure.
        let _ = refused.print();
    }
    ExitCode::from(u8::try_from(refused.exit_code()).unwrap_or(2))
}

/// The environment variables that stand for flags of the commands.
fn variables() -> BTreeSet<String> {
    let command = Floodway::command();
    let commands = command
        .get_subcommands()
        .flat_map(|command| iter::once(command).chain(command.get_subcommands()));
    let variables = commands.flat_map(clap::Command::get_arguments).filter_map(|argument| argument.get_env());
    variables.map(|name| name.to_string_lossy().into_owned()).collect()
}

#[cfg(test)]
mod tests;
