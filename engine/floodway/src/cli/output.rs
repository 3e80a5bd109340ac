//! What commands write: what they were asked for to stdout, warnings to stderr.

use std::io::{self, Write};
use std::ops::ControlFlow;

use super::failure::Failure;
use floodway_server::log;

pub(super) fn warn(warnings: &[String]) {
    for warning in warnings {
        log::say(&format!("warning: {warning}"));
    }
}

/// Writes what the command was asked for. A reader that has seen enough (`| head`) is no failure.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    print_next(text).map(|_| ())
}

/// The same for a part of it: breaks off where the reader has seen enough.
pub(super) fn print_next(text: &str) -> Result<ControlFlow<()>, Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(ControlFlow::Continue(())),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(ControlFlow::Break(())),
        Err(error) => Err(Failure::Running(format!("stdout: {error}"))),
    }
}
