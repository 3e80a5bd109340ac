//! The other gateways, and this one's status for them.
//!
//! Invariants: a member that was silent for three of its own intervals is gone, whatever the store still holds; our own
//! status is published if it changed, and often enough that the others do not drop it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::config::Config;
use super::store::StoreFacts;

/// Intervals without a message after which a member is gone, here and in the store.
const INTERVALS: u32 = 3;

/// Intervals after which an unchanged status is published again.
const REPEAT: u32 = 2;

/// The longest interval that a member may claim.
const INTERVAL_MAX: Duration = Duration::from_secs(3600);

/// Bytes of a member's status.
const STATUS_BYTES: usize = 4096;

/// How a gateway does. A field that an older gateway does not send is 0 or empty; one that a newer one sends is passed
/// over. Texts are the sender's and may hold anything.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Status {
    /// The name of its machine.
    pub name: String,
    /// Of the program.
    pub version: String,
    /// Seconds since 1970.
    pub started_at: u64,
    /// Whether it lets nobody new in.
    pub draining: bool,
    /// Live WebSocket streams.
    pub websocket: u64,
    /// Live SSE streams.
    pub sse: u64,
    /// Tenants with streams, or that had some a moment ago.
    pub tenants: u64,
    /// Events taken in, each second.
    pub events_per_second: u64,
    /// Events handed to the kernel, each second, counted once for each stream.
    pub deliveries_per_second: u64,
    /// Events that a stream lost because it lagged, since the start.
    pub dropped: u64,
    /// Events that a newer one of the same device stood in for, since the start.
    pub conflated: u64,
    /// Milliseconds between two looks. Filled in by [`super::Control::announce`].
    pub interval_ms: u64,
}

/// Another gateway on the same store.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// Its id.
    pub node: String,
    /// What it last reported.
    pub status: Status,
}

#[derive(Debug, Default)]
pub(super) struct Fleet {
    node: String,
    interval: Duration,
    most: usize,
    /// The last status of each, and until when it holds.
    others: BTreeMap<String, (Status, Instant)>,
    has_changed: bool,
    /// What was last published on this connection, and when.
    published: Option<(Vec<u8>, Instant)>,
    looked: Option<Instant>,
    /// What was last to be published is larger than the store takes.
    is_too_large: bool,
}

impl Fleet {
    pub(super) fn new(config: &Config, node: &str) -> Self {
        Self {
            node: node.to_owned(),
            interval: config.fleet,
            most: config.fleet_members,
            ..Self::default()
        }
    }

    /// Seconds after which the store forgets what we published (MQTT 5.0, 3.3.2.3.3).
    pub(super) fn expiry_seconds(&self) -> u32 {
        let seconds = (self.interval * INTERVALS).as_secs_f64().ceil();
        (seconds as u32).max(1)
    }

    /// A new connection: our status is to be published anew.
    pub(super) fn link_up(&mut self) {
        (self.published, self.looked) = (None, None);
    }

    /// Whether the store holds a status of ours.
    pub(super) fn has_published(&self) -> bool {
        self.published.is_some()
    }

    /// `node` has published its status, or was cleared. An error says why it is not understood.
    pub(super) fn received(&mut self, node: &str, payload: &[u8], now: Instant) -> Result<(), String> {
        if node == self.node {
            // Somebody cleared us, perhaps our own last will of the connection before: publish it again.
            if payload.is_empty() {
                self.link_up();
            }
            return Ok(());
        }
        if payload.is_empty() {
            self.has_changed |= self.others.remove(node).is_some();
            return Ok(());
        }
        if payload.len() > STATUS_BYTES {
            return Err(format!("document: is larger than {STATUS_BYTES} bytes"));
        }
        let status: Status = serde_json::from_slice(payload).map_err(|error| format!("document: {error}"))?;
        if self.others.len() >= self.most && !self.others.contains_key(node) {
            return Err(format!("would be more than {} (control.fleet_members)", self.most));
        }
        let interval = Duration::from_millis(status.interval_ms).min(INTERVAL_MAX);
        self.others.insert(node.to_owned(), (status, now + interval * INTERVALS));
        self.has_changed = true;
        Ok(())
    }

    /// Forgets members that were silent for too long.
    pub(super) fn sweep(&mut self, now: Instant) {
        let before = self.others.len();
        self.others.retain(|_, (_, until)| now < *until);
        self.has_changed |= self.others.len() != before;
    }

    /// The members, if they are not those of the last call.
    pub(super) fn changed(&mut self) -> Option<Arc<Vec<Member>>> {
        if !std::mem::take(&mut self.has_changed) {
            return None;
        }
        let member =
            |(node, (status, _)): (&String, &(Status, Instant))| Member { node: node.clone(), status: status.clone() };
        Some(Arc::new(self.others.iter().map(member).collect()))
    }

    /// The status to publish now, if any, under `topic` to a store of these `facts`.
    pub(super) fn announcement(
        &mut self,
        status: &Status,
        topic: &str,
        facts: StoreFacts,
        now: Instant,
    ) -> Option<Vec<u8>> {
        if self.looked.is_some_and(|looked| now < looked + self.interval) {
            return None;
        }
        self.looked = Some(now);
        let payload = serde_json::to_vec(status).expect("a status is JSON");
        let was_too_large = std::mem::replace(&mut self.is_too_large, !facts.admit(topic, &payload));
        if self.is_too_large {
            if !was_too_large {
                let (bytes, limit) = (payload.len(), facts.message_bytes);
                let warning =
                    "other gateways are not told of this one: the broker takes no packet as large as its status";
                tracing::warn!(bytes, limit, "{warning}");
            }
            return None;
        }
        let is_news = self
            .published
            .as_ref()
            .is_none_or(|(before, at)| *before != payload || now >= *at + self.interval * REPEAT);
        is_news.then(|| {
            self.published = Some((payload.clone(), now));
            payload
        })
    }
}
