//! Settings of the shards and of what one subscriber may hold.

use std::num::NonZeroUsize;
use std::time::Duration;

/// The most shards: a tenant's interest is one bit a shard.
pub const SHARDS_MAX: usize = 64;

/// How a batch gets to the sockets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Writes {
    /// One `write` for each.
    #[default]
    Write,
    /// One system call of io_uring for up to 256 of them (Linux 5.19).
    IoUring,
}

/// The shards and the streams on them.
#[derive(Clone, Debug)]
pub struct Config {
    /// `shard.count`. Default: one a core. 1 to 64.
    pub count: usize,
    /// `shard.inbox`: events that wait for a shard. Default 8,192; at the limit ingest waits, and with it the source.
    /// Costs 24 bytes for each, and the events.
    pub inbox: NonZeroUsize,
    /// `shard.writes`: how a batch gets to plain TCP sockets. Default `write`.
    pub writes: Writes,
    /// `shard.held_bytes`: the memory of the events that wait for lagging streams, of all shards together, each with an equal
    /// part; an event that waits for many counts once a shard. Default 256 MiB; at the limit the overflow policy decides for
    /// each stream for which more is to wait than an equal share: at worst twice as much is held.
    pub held_bytes: usize,
    /// `stream.queue_bytes`: the memory of the events that wait for one stream; at the limit the overflow policy decides, as
    /// at `stream.queue_size`. A larger event waits where no other does. Default 0: 2 KiB for each event of the queue, and
    /// at least 1 MiB, so that telemetry of the usual size is bounded by the number of events alone.
    pub queue_bytes: usize,
    /// `stream.control_bytes`: answers, pings and notices that wait for one subscriber. Default 64 KiB; a stream at
    /// the limit is closed as a slow consumer.
    pub control_bytes: usize,
    /// `stream.unsent_bytes`: what the kernel may hold unsent for one subscriber (`TCP_NOTSENT_LOWAT`). Default
    /// 16 KiB; beyond it the ring and its policy decide.
    pub unsent_bytes: u32,
    /// `stream.user_timeout_seconds`: how long a peer may neither acknowledge nor take anything before it counts as dead
    /// (`TCP_USER_TIMEOUT`, RFC 5482). Default 120 s; a subscriber that stops reading for longer is cut, because the
    /// kernel can't tell it from one that is gone.
    pub user_timeout: Duration,
    /// `stream.close_timeout_seconds`: how long an ended stream may take to read what it is still sent. Default 3 s.
    pub close_timeout: Duration,
    /// `stream.client_message_bytes`: the largest message of a client. Default 16 KiB; a larger one closes with 1009.
    pub client_message_bytes: usize,
    /// `stream.ws_ping_seconds`: silence after which a WebSocket gets a ping. Default 30 s.
    pub ws_ping: Duration,
    /// `stream.sse_keepalive_seconds`: silence after which an SSE stream gets a comment. Default 15 s.
    pub sse_keepalive: Duration,
}

impl Config {
    /// The memory of the events that may wait for a stream whose queue has room for `events`.
    pub(crate) fn bytes_of_queue(configured: usize, events: usize) -> usize {
        if configured > 0 {
            configured
        } else {
            events.saturating_mul(2 * 1024).max(1024 * 1024)
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            count: std::thread::available_parallelism().map_or(1, NonZeroUsize::get).min(SHARDS_MAX),
            inbox: NonZeroUsize::new(8192).expect("not zero"),
            writes: Writes::Write,
            held_bytes: 256 * 1024 * 1024,
            queue_bytes: 0,
            control_bytes: 64 * 1024,
            unsent_bytes: 16 * 1024,
            user_timeout: Duration::from_secs(120),
            close_timeout: Duration::from_secs(3),
            client_message_bytes: 16 * 1024,
            ws_ping: Duration::from_secs(30),
            sse_keepalive: Duration::from_secs(15),
        }
    }
}
