//! Bounds of what is kept, and times.

use std::path::PathBuf;
use std::time::Duration;

/// How control documents are followed.
#[derive(Clone, Debug)]
pub struct Config {
    /// `control.store`: the file that keeps the documents, written `file:PATH`. Default none: the first source keeps them.
    pub file: Option<PathBuf>,
    /// `control.file_bytes`: the largest such file, in bytes. Default 64 MiB.
    pub file_bytes: usize,
    /// `control.groups`: groups of all tenants together. Default 10,000; further ones are refused. At most 50,000: a broker
    /// may send as many retained messages ahead as QoS 1 has packet ids.
    pub groups: usize,
    /// `control.group_devices`: devices of one group. Default 10,000.
    pub group_devices: usize,
    /// `control.tenant_limits`: tenants that have limits of their own. Default 10,000, which is also the most.
    pub tenant_limits: usize,
    /// `control.bytes`: the names in all documents together, in bytes. Default 8 MiB. Costs about ten times as much
    /// memory.
    pub bytes: usize,
    /// `control.write_timeout_seconds`: until a write that was not confirmed fails. Default 5 s.
    pub write_timeout: Duration,
    /// `control.fleet_seconds`: between two looks at our own status, which is published if it changed. Default 5 s.
    pub fleet: Duration,
    /// `control.reread_seconds`: between two looks at a table for what no notification told of. Default 60 s.
    pub reread: Duration,
    /// `control.fleet_members`: other gateways that are kept. Default 1,000; further ones are not shown.
    pub fleet_members: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            file: None,
            file_bytes: 64 << 20,
            groups: 10_000,
            group_devices: 10_000,
            tenant_limits: 10_000,
            bytes: 8 << 20,
            write_timeout: Duration::from_secs(5),
            fleet: Duration::from_secs(5),
            reread: Duration::from_secs(60),
            fleet_members: 1_000,
        }
    }
}
