//! What happens to streams and sources, for those that watch.
//!
//! Invariant: without a watcher an event of the journal costs one relaxed load, and is not even made. A watcher that is too
//! slow learns how many events it missed; nothing waits for it.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use super::identity::{ClientInfo, ConnectionId};
use floodway_protocol::names::TenantId;

/// Events that a watcher may lag. They cost about 100 bytes each, once there has been a watcher.
const KEPT: usize = 4096;

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuditKind {
    /// A stream became live.
    Connected {
        /// Its number.
        id: ConnectionId,
        /// Its tenant.
        tenant: TenantId,
        /// Its client.
        client: ClientInfo,
    },
    /// A live stream ended.
    Disconnected {
        /// Its number.
        id: ConnectionId,
        /// Its tenant.
        tenant: TenantId,
        /// Its client.
        client: ClientInfo,
        /// Why, as the label of metrics says it.
        reason: &'static str,
        /// The WebSocket close code that goes with it (RFC 6455, 7.4), if one is sent.
        code: Option<u16>,
    },
    /// A client did not become a stream.
    Refused {
        /// Its tenant, if its token was good.
        tenant: Option<TenantId>,
        /// The other end of its connection.
        peer: Option<SocketAddr>,
        /// Why, as the label of metrics says it.
        reason: &'static str,
        /// Which check of its token failed, as the label of metrics says it.
        check: Option<&'static str>,
        /// A hint for operators. Holds nothing of the token.
        detail: Option<String>,
    },
    /// A live stream reached a limit. Noted once each time that it falls behind, or is read more slowly for a while.
    LimitHit {
        /// Its number.
        id: ConnectionId,
        /// Its tenant.
        tenant: TenantId,
        /// Which limit.
        limit: Limit,
    },
    /// The connection of a source has changed.
    Source {
        /// What kind of source it is.
        kind: &'static str,
        /// Its endpoint, without credentials.
        endpoint: String,
        /// What has changed.
        change: SourceChange,
    },
}

/// What has become of a source's connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceChange {
    /// It is connected, and tenants are asked for.
    Up,
    /// It was lost.
    Down {
        /// Why; none if the gateway ended it.
        error: Option<String>,
    },
    /// It can't be made. Noted when the reason changes, and once a minute.
    Failed {
        /// Why.
        error: String,
        /// Attempts that have failed since the source was last connected.
        attempts: u64,
    },
}

/// A limit of one stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Events that it may lag.
    QueueSize,
    /// Messages per second that its client may send.
    ClientMessages,
}

impl Limit {
    /// The setting's name.
    pub fn label(self) -> &'static str {
        match self {
            Self::QueueSize => "queue_size",
            Self::ClientMessages => "client_messages_per_second",
        }
    }
}

/// What happened, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEvent {
    /// By the machine's own clock.
    pub at: SystemTime,
    /// What it was.
    pub what: AuditKind,
}

/// The watcher was too slow, and missed this many events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missed(pub u64);

/// Where events are noted.
#[derive(Debug, Default)]
pub struct Journal {
    watchers: AtomicUsize,
    sender: OnceLock<broadcast::Sender<AuditEvent>>,
}

impl Journal {
    /// Notes what happened, if there is a watcher.
    pub fn note(&self, what: impl FnOnce() -> AuditKind) {
        // Relaxed: a watcher that begins at this moment may miss what happens at this moment.
        if self.watchers.load(Ordering::Relaxed) == 0 {
            return;
        }
        if let Some(sender) = self.sender.get() {
            let event = AuditEvent { at: SystemTime::now(), what: what() };
            // An error means that the last watcher has left meanwhile.
            let _ = sender.send(event);
        }
    }

    /// Watches from now on.
    pub fn watch(self: &Arc<Self>) -> Watcher {
        let sender = self.sender.get_or_init(|| broadcast::Sender::new(KEPT));
        let receiver = sender.subscribe();
        self.watchers.fetch_add(1, Ordering::Relaxed);
        Watcher { receiver, journal: Arc::clone(self) }
    }
}

/// Watches what happens, until it is dropped.
#[derive(Debug)]
pub struct Watcher {
    receiver: broadcast::Receiver<AuditEvent>,
    journal: Arc<Journal>,
}

impl Watcher {
    /// The next event, in the order in which they were noted. May be cancelled; nothing is lost then.
    ///
    /// # Errors
    /// With the number of events that were missed before the next one.
    pub async fn next(&mut self) -> Result<AuditEvent, Missed> {
        match self.receiver.recv().await {
            Ok(event) => Ok(event),
            Err(RecvError::Lagged(missed)) => Err(Missed(missed)),
            Err(RecvError::Closed) => {
                unreachable!("the journal, which this holds, keeps the sender")
            }
        }
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.journal.watchers.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(all(test, not(floodway_loom)))]
mod tests;
