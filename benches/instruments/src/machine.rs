//! What the operating system tells and does for one process or thread.

use rustix::thread::{CpuSet, sched_setaffinity};
use std::io;

/// Runs the calling thread, and those that it will start, on this core alone.
///
/// # Errors
/// If the machine has no such core, or this process may not use it.
pub fn pin(core: usize) -> io::Result<()> {
    let mut set = CpuSet::new();
    if core >= CpuSet::MAX_CPU {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "no such core"));
    }
    set.set(core);
    sched_setaffinity(None, &set).map_err(io::Error::from)
}
