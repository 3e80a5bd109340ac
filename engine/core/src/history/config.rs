//! What is kept of each tenant's events.

use std::num::NonZeroUsize;
use std::time::Duration;

/// The bounds of what is kept for streams that come back, and of last values for snapshots.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// `replay.events`: events of each tenant. Default 10,000; 0: none.
    pub events: usize,
    /// `replay.seconds`: how long. Default 60 s. A tenant stays subscribed for so long after its last subscriber left.
    pub age: Duration,
    /// `replay.bytes`: memory of one tenant's events, in bytes. Default 64 MiB.
    pub bytes: usize,
    /// `replay.total_bytes`: memory of all tenants' events and last values together. Default 256 MiB; in a
    /// gateway a tenth of the memory that the process may use.
    pub total_bytes: usize,
    /// `replay.read_back_events`: events that a stream is given back at most by a source that numbers them, when it resumes
    /// from before what is kept. Default 100,000; of more the newest, behind a gap.
    pub read_back_events: NonZeroUsize,
    /// `replay.read_back_bytes`: memory of what was read back and is still to be sent, of all tenants, in bytes. Default
    /// 64 MiB; beyond it a stream that resumes gets a gap and what is kept.
    pub read_back_bytes: usize,
    /// `replay.read_back_seconds`: how long reading back may take. Default 10 s; beyond it likewise.
    pub read_back_time: Duration,
    /// `snapshot.devices`: last values of each tenant. Default 10,000; those of the devices that published last are kept.
    pub devices: NonZeroUsize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            events: 10_000,
            age: Duration::from_secs(60),
            bytes: 64 * 1024 * 1024,
            total_bytes: 256 * 1024 * 1024,
            read_back_events: NonZeroUsize::new(100_000).expect("not zero"),
            read_back_bytes: 64 * 1024 * 1024,
            read_back_time: Duration::from_secs(10),
            devices: NonZeroUsize::new(10_000).expect("not zero"),
        }
    }
}
