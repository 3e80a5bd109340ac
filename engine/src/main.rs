//! The `floodway` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    floodway::cli::run()
}
