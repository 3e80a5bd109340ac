//! The `floodway` program: its configuration, its commands, and its demo.

use std::process::ExitCode;

fn main() -> ExitCode {
    floodway::cli::run()
}
