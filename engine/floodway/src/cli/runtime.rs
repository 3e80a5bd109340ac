//! How commands run that wait for sockets and signals, and how long their end may take.

use std::time::Duration;

use super::failure::Failure;
use floodway_core::parts;

/// How long the end waits until stderr has taken the last lines of the log.
pub(super) const LAST_LINES: Duration = Duration::from_secs(1);

/// Runs what waits for sockets and signals, on this thread.
pub(super) fn block_on(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::running)?;
    let done = parts::caught("main", || runtime.block_on(work));
    // A name server that does not answer would hold up the end.
    runtime.shutdown_background();
    done.unwrap_or_else(|panicked| Err(Failure::Running(format!("the main thread {panicked}"))))
}
