//! Things that happen to streams, told to whoever watches.
//!
//! Invariant: while nobody watches, a happening costs one relaxed load, and is not even put together. Who watches too
//! slowly is told how many it missed; nobody waits for it.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use super::identity::{ClientInfo, ConnectionId};
use floodway_protocol::names::TenantId;

/// Happenings that a watcher may lag. Costs about 100 bytes each, once somebody has watched.
const KEPT: usize = 4096;

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuditKind {
    /// A stream became live.
    Connected {
        /// Its number.
        id: ConnectionId,
        /// Whose it is.
        tenant: TenantId,
        /// Who it is.
        about: ClientInfo,
    },
    /// A live stream ended.
    Disconnected {
        /// Its number.
        id: ConnectionId,
        /// Whose it was.
        tenant: TenantId,
        /// Who it was.
        about: ClientInfo,
        /// Why, by the label that metrics have too.
        reason: &'static str,
        /// The WebSocket close code that goes with it (RFC 6455, 7.4), if there is somebody to tell.
        code: Option<u16>,
    },
    /// A client did not become a stream.
    Refused {
        /// Its tenant, if its token was good.
        tenant: Option<TenantId>,
        /// The other end of its connection.
        peer: Option<SocketAddr>,
        /// Why, by the label that metrics have too.
        reason: &'static str,
        /// Which check of its token failed, by the label that metrics have too.
        check: Option<&'static str>,
        /// What an operator is told besides. Nothing of the token.
        detail: Option<String>,
    },
    /// A live stream came to a limit. Told once each time that it falls behind, or is read more slowly for a while.
    LimitHit {
        /// Its number.
        id: ConnectionId,
        /// Whose it is.
        tenant: TenantId,
        /// Which limit.
        limit: Limit,
    },
    /// A broker is connected, and tenants are subscribed.
    BrokerUp {
        /// The broker, without credentials.
        url: String,
    },
    /// The connection was lost.
    BrokerDown {
        /// The broker, without credentials.
        url: String,
        /// Why; none if we ended it.
        error: Option<String>,
    },
    /// A broker can't be reached. Told when the reason changes, and once a minute.
    BrokerFailed {
        /// The broker, without credentials.
        url: String,
        /// Why.
        error: String,
        /// Attempts that have failed since a broker was last connected.
        attempts: u64,
    },
}

/// A limit of one stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Events that it may lag.
    QueueSize,
    /// Messages that its client may send a second.
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

/// What a watcher is told next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuditNews {
    /// This happened.
    Happened(AuditEvent),
    /// So much happened, and is forgotten: the watcher was too slow.
    Missed(u64),
}

/// Where happenings are told.
#[derive(Debug, Default)]
pub struct Journal {
    watchers: AtomicUsize,
    told: OnceLock<broadcast::Sender<AuditEvent>>,
}

impl Journal {
    /// Tells what happened, if somebody watches.
    pub fn note(&self, what: impl FnOnce() -> AuditKind) {
        // Relaxed: who begins to watch just now may miss what happens just now.
        if self.watchers.load(Ordering::Relaxed) == 0 {
            return;
        }
        if let Some(told) = self.told.get() {
            let happening = AuditEvent {
                at: SystemTime::now(),
                what: what(),
            };
            // An error says that the last watcher has left meanwhile.
            let _ = told.send(happening);
        }
    }

    /// Watches from now on.
    pub fn watch(self: &Arc<Self>) -> Watcher {
        let told = self.told.get_or_init(|| broadcast::Sender::new(KEPT));
        let receiver = told.subscribe();
        self.watchers.fetch_add(1, Ordering::Relaxed);
        Watcher {
            receiver,
            journal: Arc::clone(self),
        }
    }
}

/// Somebody who watches what happens, until it is dropped.
#[derive(Debug)]
pub struct Watcher {
    receiver: broadcast::Receiver<AuditEvent>,
    journal: Arc<Journal>,
}

impl Watcher {
    /// The next news, in the order in which things happened. May be cancelled; nothing is lost then.
    pub async fn next(&mut self) -> AuditNews {
        match self.receiver.recv().await {
            Ok(happening) => AuditNews::Happened(happening),
            Err(RecvError::Lagged(missed)) => AuditNews::Missed(missed),
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
mod tests {
    use super::*;

    fn broker(name: &str) -> AuditKind {
        let url = format!("mqtt://{name}:1883");
        AuditKind::BrokerUp { url }
    }

    #[tokio::test]
    async fn what_happens_is_told_to_those_who_watch_and_not_even_made_for_nobody() {
        let journal = Arc::new(Journal::default());
        journal.note(|| panic!("nobody watches"));
        let (mut one, mut other) = (journal.watch(), journal.watch());
        journal.note(|| broker("a"));
        for watcher in [&mut one, &mut other] {
            let AuditNews::Happened(happening) = watcher.next().await else {
                panic!("nothing was missed");
            };
            assert_eq!(happening.what, broker("a"));
        }
        drop((one, other));
        journal.note(|| panic!("nobody watches any more"));
    }

    #[tokio::test]
    async fn a_slow_watcher_is_told_how_many_it_missed() {
        let journal = Arc::new(Journal::default());
        let mut watcher = journal.watch();
        for _ in 0..KEPT + 10 {
            journal.note(|| broker("b"));
        }
        assert_eq!(watcher.next().await, AuditNews::Missed(10));
        let mut told = 0;
        while let Ok(AuditNews::Happened(_)) =
            tokio::time::timeout(std::time::Duration::ZERO, watcher.next()).await
        {
            told += 1;
        }
        assert_eq!(told, KEPT);
    }
}
