//! What the router counts.
//!
//! Invariant: once ingest is at rest, `received == accepted + rejected`, each sample of a message counting as one. All counts
//! only grow.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use floodway_core::event::Rejection;
use floodway_core::log_rate::Counted;

/// Why a message was not an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Its topic is not one of telemetry.
    Topic,
    /// Its packet is larger than the source may send, and was not read.
    Packet,
    /// Its source has sent it again, though it was accepted.
    Duplicate,
    /// Its source has kept it from before.
    Retained,
    /// What its source brought is no message of anybody's.
    NoMessage,
    /// Its payload is not an event.
    Payload(Rejection),
}

impl Reason {
    /// How many reasons there are.
    pub const COUNT: usize = 5 + Rejection::ALL.len();

    /// Every reason, in the order of their indexes.
    pub fn all() -> impl Iterator<Item = Self> {
        let payload = Rejection::ALL.into_iter().map(Self::Payload);
        [Self::Topic, Self::Packet, Self::Duplicate, Self::Retained, Self::NoMessage]
            .into_iter()
            .chain(payload)
    }

    /// The reason as a label of metrics and logs.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Topic => "topic",
            Self::Packet => "too_large_packet",
            Self::Duplicate => "duplicate",
            Self::Retained => "retained",
            Self::NoMessage => "no_message",
            Self::Payload(rejection) => rejection.reason(),
        }
    }

    fn index(self) -> usize {
        Self::all().position(|one| one == self).expect("every reason is among all of them")
    }
}

/// The counts, written by ingest and read by anyone. Relaxed, since each stands by itself, except for `accepted`: who reads
/// it finds at least as much with the tenants, which count an event before it is counted here.
#[derive(Debug, Default)]
pub struct Metrics {
    received: AtomicU64,
    bytes: AtomicU64,
    accepted: AtomicU64,
    pub(super) without_metrics: Counted,
    rejected: [Counted; Reason::COUNT],
    reconnects: AtomicU64,
}

/// The counts at one moment, each exact, though not all of the same instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Messages that sources delivered; an array of samples counts as so many.
    pub received: u64,
    /// Bytes of their payloads, without those that were passed over.
    pub bytes: u64,
    /// Those that became events.
    pub accepted: u64,
    /// Of these, those whose payload has no metrics where they are looked for.
    pub without_metrics: u64,
    /// Those that did not, by reason.
    pub rejected: [(Reason, u64); Reason::COUNT],
    /// Connections of sources after the first one of each.
    pub reconnects: u64,
    /// Whether a source is connected.
    pub connected: bool,
}

impl Metrics {
    pub(super) fn received(&self, samples: usize, payload_bytes: usize) {
        self.received.fetch_add(samples as u64, Ordering::Relaxed);
        self.bytes.fetch_add(payload_bytes as u64, Ordering::Relaxed);
    }

    pub(super) fn accepted(&self) {
        self.accepted.fetch_add(1, Ordering::Release);
    }

    /// Counts a rejected message. Returns as [`Counted::count`] whether to log it.
    pub(super) fn rejected(&self, reason: Reason, now: Duration) -> Option<u64> {
        self.rejected[reason.index()].count(now)
    }

    pub(crate) fn reconnected(&self) {
        self.reconnects.fetch_add(1, Ordering::Relaxed);
    }

    /// The counts now, and whether a source is `connected`.
    pub fn snapshot(&self, connected: bool) -> Snapshot {
        let mut rejected = Reason::all().zip(self.rejected.iter().map(Counted::get));
        Snapshot {
            received: self.received.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
            accepted: self.accepted.load(Ordering::Acquire),
            without_metrics: self.without_metrics.get(),
            rejected: std::array::from_fn(|_| rejected.next().expect("each reason has a count")),
            reconnects: self.reconnects.load(Ordering::Relaxed),
            connected,
        }
    }
}

#[cfg(test)]
mod tests;
