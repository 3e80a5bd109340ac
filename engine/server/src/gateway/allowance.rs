//! How much memory the process may use: the least of what its control groups and the machine give it.

use std::fs;
use std::path::Path;

/// Where the system mounts the hierarchy of control groups.
const GROUPS: &str = "/sys/fs/cgroup";

/// A tenth of the memory that the process may use, in bytes; none where the system does not say.
pub(super) fn tenth() -> Option<usize> {
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let machine = fs::read_to_string("/proc/meminfo").ok().and_then(|text| total(&text));
    let least = of_groups(&groups, Path::new(GROUPS)).into_iter().chain(machine).min();
    least.and_then(|bytes| usize::try_from(bytes / 10).ok())
}

/// The memory of the machine, of the lines of `/proc/meminfo`.
fn total(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// The least limit of the groups that the process is in, of the lines of `/proc/self/cgroup`: `0::/path` for version 2,
/// `5:memory:/path` for version 1. A group has the limits of those above it too. In a container the path may be the host's;
/// its own limit stands at the root then.
fn of_groups(groups: &str, mounted: &Path) -> Option<u64> {
    let limits = groups.lines().filter_map(|line| {
        let (_, line) = line.split_once(':')?;
        let (controllers, path) = line.split_once(':')?;
        let (root, file) = match controllers {
            "" => (mounted.to_owned(), "memory.max"),
            _ if controllers.split(',').any(|name| name == "memory") => {
                (mounted.join("memory"), "memory.limit_in_bytes")
            }
            _ => return None,
        };
        let path = Path::new(path.trim_start_matches('/'));
        let limit = |group: &Path| fs::read_to_string(root.join(group).join(file)).ok()?.trim().parse().ok();
        path.ancestors().filter_map(limit).min()
    });
    limits.min()
}

#[cfg(all(test, not(floodway_loom)))]
mod tests;
