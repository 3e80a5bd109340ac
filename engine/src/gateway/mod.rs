//! The gateway: all parts together, from start to drain.
//!
//! The only place that knows every part. Invariant: parts are started in the order in which an event needs them, last
//! first, so that nothing arrives before there is somebody to take it; a drain goes the way of an event.

mod limits;
mod shards;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::auth::{KeyError, Verifier};
use crate::config::Config;
use crate::http::{self, Door, Tls, TlsError};
use crate::inbox::Inbox;
use crate::index::Index;
use crate::ingest::{self, Ingest, Upstreams};
use crate::shard;
use shards::ShardThread;

/// Why a gateway does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The verification key can't be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Certificate or key can't be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The public listener's address can't be bound.
    #[error(
        "http.listen = \"{listen}\": {error}; choose a free address with http.listen (FLOODWAY_LISTEN)"
    )]
    Listen {
        /// The setting.
        listen: String,
        /// The cause.
        error: io::Error,
    },
    /// The system gives no threads, descriptors or memory.
    #[error("can't start: {0}")]
    System(#[from] io::Error),
}

/// A running gateway.
pub struct Gateway {
    door: Door,
    shards: Vec<ShardThread>,
    ingest: Ingest,
    index: Arc<Index>,
    drain: Drain,
}

#[derive(Clone, Copy)]
struct Drain {
    /// The longest that it may take.
    grace: Duration,
    /// How long the clients' return is spread.
    spread: Duration,
}

/// A look at what a gateway does, from any thread.
#[derive(Clone)]
pub struct Observer {
    index: Arc<Index>,
    upstreams: Upstreams,
    shards: Vec<Arc<shard::Metrics>>,
}

/// The counts of all shards together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Live WebSocket streams.
    pub ws: u64,
    /// Live SSE streams.
    pub sse: u64,
    /// Streams that became live.
    pub opened: u64,
    /// Events handed to the kernel, whole.
    pub delivered: u64,
    /// Events that matched a subscriber and did not reach it.
    pub dropped: u64,
    /// Bytes handed to the kernel.
    pub bytes: u64,
    /// Gaps told because a ring was full.
    pub gaps: u64,
}

impl Gateway {
    /// Starts every part. It accepts connections from now on; [`Gateway::run`] lets them in.
    ///
    /// # Errors
    /// Names the setting that is in the way. Nothing runs then.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        let verifier = Arc::new(Verifier::start(&config.auth).await?);
        let tls = config.http.tls.as_ref().map(Tls::load).transpose()?;
        let index = Arc::new(Index::new(&limits::derive(
            config.limits,
            config.http.pending,
        )?));
        let listen_error = |error| StartError::Listen {
            listen: config.http.listen.clone(),
            error,
        };
        let (door, dealt) =
            Door::open(&config.http, &config.shard, config.shard.count).map_err(listen_error)?;
        let inboxes: Arc<[Inbox]> = (0..config.shard.count)
            .map(|_| Inbox::new(config.shard.inbox.get()))
            .collect();
        let ingest = Ingest::start(
            config.mqtt,
            config.event,
            Arc::clone(&index),
            Arc::clone(&inboxes),
        )?;
        let shared = http::Shared {
            http: config.http.clone(),
            stream: config.shard,
            verifier,
            index: Arc::clone(&index),
            upstreams: ingest.handle(),
            tls,
        };
        let starting = dealt.into_iter().enumerate();
        let shards: io::Result<Vec<ShardThread>> = starting
            .map(|(id, dealt)| ShardThread::start(id, Arc::clone(&inboxes), dealt, shared.clone()))
            .collect();
        let drain = Drain {
            grace: config.http.drain,
            spread: config.http.drain_spread,
        };
        Ok(Self {
            door,
            shards: shards?,
            ingest,
            index,
            drain,
        })
    }

    /// The public listener's address.
    ///
    /// # Errors
    /// If the kernel does not tell.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.door.address()
    }

    /// For those who want to know how it does.
    pub fn observer(&self) -> Observer {
        Observer {
            index: Arc::clone(&self.index),
            upstreams: self.ingest.handle(),
            shards: self
                .shards
                .iter()
                .map(|shard| Arc::clone(shard.metrics()))
                .collect(),
        }
    }

    /// Serves until `stop` comes, then drains: new streams are refused, live ones are told when to come back, what
    /// waits for them is flushed.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let Self {
            door,
            mut shards,
            ingest,
            index,
            drain,
        } = self;
        tokio::select! {
            () = door.run() => tracing::error!("a shard has ended; draining the others"),
            () = stop => {}
        }
        tracing::info!(streams = index.connections(), grace = ?drain.grace, "draining");
        index.start_draining();
        // The door stays open meanwhile: who comes now is told that the gateway drains, not left to guess.
        let drained = async {
            for shard in &mut shards {
                shard.drain(drain.spread).await;
            }
        };
        tokio::select! {
            () = door.run() => {}
            drained = tokio::time::timeout(drain.grace, drained) => match drained {
                Ok(()) => tracing::info!("drained"),
                Err(_) => tracing::warn!(grace = ?drain.grace, "drain cut short: some streams did not read in time"),
            },
        }
        drop(door);
        shards.into_iter().for_each(ShardThread::stop);
        ingest.stop();
    }
}

impl Observer {
    /// What all shards have counted. Each count is exact, though not all are of the same instant.
    pub fn totals(&self) -> Totals {
        let add = |mut totals: Totals, shard: &Arc<shard::Metrics>| {
            totals.ws += shard.ws.get();
            totals.sse += shard.sse.get();
            totals.opened += shard.opened.get();
            totals.delivered += shard.delivered.get();
            totals.dropped += shard.dropped.get();
            totals.bytes += shard.bytes.get();
            totals.gaps += shard.gaps.get();
            totals
        };
        self.shards.iter().fold(Totals::default(), add)
    }

    /// What ingest has counted.
    pub fn ingest(&self) -> ingest::Snapshot {
        self.upstreams.metrics()
    }

    /// Live streams, those in their handshake included.
    pub fn connections(&self) -> u32 {
        self.index.connections()
    }
}
