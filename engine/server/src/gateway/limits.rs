//! How many streams the process can hold.

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::admin;

/// Descriptors for the log, the broker, event queues, the listeners, whatever a library opens, and private connections.
const OWN: u64 = 64 + admin::CONNECTIONS as u64;

/// Raises the open-files limit as far as it goes, and derives the gateway's own limit from it if none is set: what is
/// left when the gateway itself and the connections that are not streams (yet) have theirs. Of these there may be as many
/// as `pending` says, which is made smaller if they would take more than an eighth.
pub(super) fn derive(configured: u32, pending: &mut usize) -> io::Result<u32> {
    let files = raise_open_files()?;
    let room = files.saturating_sub(OWN);
    let spare = (*pending as u64).min(room / 8);
    *pending = usize::try_from(spare).unwrap_or(*pending);
    let most = u32::try_from(room - spare).unwrap_or(u32::MAX - 1).max(1);
    if configured > most {
        tracing::warn!(
            connections = configured,
            open_files = files,
            "limits.connections is more than the open-files limit allows; raise the latter (ulimit -n)"
        );
    }
    Ok(if configured == 0 { most } else { configured })
}

fn raise_open_files() -> io::Result<u64> {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })?;
    Ok(getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX))
}

#[cfg(all(test, not(floodway_loom)))]
mod tests;
