//! The `floodway` program: its configuration, its commands, the client that they share, and its demo.
//!
//! It puts everything else together: it may know every crate, and none knows it. A change here rebuilds nothing else.

mod cli;
mod client;
mod config;
#[cfg(feature = "demo")]
mod demo;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
