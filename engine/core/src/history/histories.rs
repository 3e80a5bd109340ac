//! What bounds and counts the histories of all tenants together.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use super::{Config, Numbering, Position};

/// Chunks of a full history. What is evicted leaves chunk by chunk, so this much more than the bound may be held.
const CHUNKS: usize = 32;

/// Entries of a chunk at most, and at least.
const ENTRIES: (usize, usize) = (8, 256);

/// What a tenant costs besides its entries, in bytes: so that very many small ones are bounded too.
const TENANT_BYTES: i64 = 2048;

/// Why entries were evicted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Eviction {
    /// A tenant's own bounds: events, age, bytes.
    Bounds,
    /// All tenants together held too much.
    Budget,
    /// The tenant left: nobody had been there for long.
    TenantLeft,
}

/// The bounds of histories, and what all of them hold. Ingest changes the counts, but for the end of a tenant.
#[derive(Debug)]
pub struct Histories {
    started: Instant,
    pub(super) config: Config,
    pub(super) chunk_entries: usize,
    pub(super) chunk_bytes: u64,
    entries: AtomicU64,
    bytes: AtomicU64,
    values: AtomicU64,
    value_bytes: AtomicU64,
    fell_out: AtomicU64,
    evicted: [AtomicU64; 3],
    pub(super) numbering: Numbering,
}

/// What all histories hold now, and what has left them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HistoryCounts {
    /// Entries held.
    pub entries: u64,
    /// Their memory, in bytes.
    pub bytes: u64,
    /// Last values of devices, besides those that are among the entries.
    pub last_values: u64,
    /// Their memory, in bytes.
    pub last_value_bytes: u64,
    /// Devices whose last value was given up, since `snapshot.devices` others of their tenant published later.
    pub devices_fallen_out: u64,
    /// Entries evicted, in the order of [`Eviction`].
    pub evicted: [u64; 3],
}

impl Histories {
    /// None yet, with these bounds for each.
    pub fn new(config: Config) -> Self {
        Self {
            chunk_entries: (config.events / CHUNKS).clamp(ENTRIES.0, ENTRIES.1),
            chunk_bytes: (config.bytes / CHUNKS) as u64,
            config,
            started: Instant::now(),
            entries: AtomicU64::default(),
            bytes: AtomicU64::default(),
            values: AtomicU64::default(),
            value_bytes: AtomicU64::default(),
            fell_out: AtomicU64::default(),
            evicted: Default::default(),
            numbering: Numbering::default(),
        }
    }

    /// Whether ids are numbers of the source.
    pub fn numbering(&self) -> &Numbering {
        &self.numbering
    }

    /// Whether all together hold more than they may.
    pub fn is_over(&self) -> bool {
        self.held() > self.config.total_bytes as u64
    }

    /// How much they hold more than seven eighths of what they may: so much is given back at once, so that it does not
    /// have to be done for each event.
    pub(crate) fn surplus(&self) -> u64 {
        self.held().saturating_sub(self.config.total_bytes as u64 / 8 * 7)
    }

    fn held(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed) + self.value_bytes.load(Ordering::Relaxed)
    }

    /// What they hold now.
    pub fn counts(&self) -> HistoryCounts {
        let get = |count: &AtomicU64| count.load(Ordering::Relaxed);
        HistoryCounts {
            entries: get(&self.entries),
            bytes: get(&self.bytes),
            last_values: get(&self.values),
            last_value_bytes: get(&self.value_bytes),
            devices_fallen_out: get(&self.fell_out),
            evicted: [0, 1, 2].map(|why| get(&self.evicted[why])),
        }
    }

    /// A tenant came (1), or left (-1).
    pub(super) fn count_tenant(&self, change: i64) {
        self.bytes.fetch_add(change.wrapping_mul(TENANT_BYTES) as u64, Ordering::Relaxed);
    }

    pub(super) fn added(&self, bytes: u64) {
        self.entries.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn freed(&self, bytes: u64) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    pub(super) fn millis(&self, now: Instant) -> u64 {
        let since = now.saturating_duration_since(self.started);
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }

    pub(super) fn evicted(&self, entries: Position, why: Eviction) {
        self.entries.fetch_sub(entries, Ordering::Relaxed);
        self.evicted[why as usize].fetch_add(entries, Ordering::Relaxed);
    }

    /// A last value of so many bytes took the place of another one, or came besides.
    pub(super) fn value_replaced(&self, bytes: usize, gone: Option<usize>) {
        self.values.fetch_add(u64::from(gone.is_none()), Ordering::Relaxed);
        let change = (bytes as u64).wrapping_sub(gone.unwrap_or(0) as u64);
        self.value_bytes.fetch_add(change, Ordering::Relaxed);
    }

    pub(super) fn value_gone(&self, bytes: usize) {
        self.values.fetch_sub(1, Ordering::Relaxed);
        self.value_bytes.fetch_sub(bytes as u64, Ordering::Relaxed);
    }

    pub(super) fn device_fell_out(&self) {
        self.fell_out.fetch_add(1, Ordering::Relaxed);
    }
}
