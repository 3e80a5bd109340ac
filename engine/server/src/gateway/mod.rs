//! The gateway: all parts together, from start to drain.
//!
//! The only place that knows every part. Invariant: parts are started in the order in which an event needs them, last
//! first, so that nothing arrives before there is somebody to take it; a drain goes the way of an event.

mod allowance;
mod announcer;
mod config;
mod limits;
mod memory;
mod shards;
mod sources;

use std::convert::Infallible;
use std::future::{Future, pending};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;

use crate::admin::{self, Admin, Identity, Watched};
use crate::auth::{KeyError, Verifier};
use crate::http::{self, Acceptor};
use crate::readiness::Readiness;
use crate::tls;
use floodway_core::inbox::Inbox;
use floodway_core::index::Index;
use floodway_core::parts;
use floodway_core::shard::Drain;
use floodway_core::streams::Streams;
use floodway_sources::control;
use floodway_sources::mqtt::Unusable;
use floodway_sources::source::Ingest;
use shards::{ShardThread, any_ended};

pub use crate::admin::{Observer, Totals};
pub use config::Config;

/// Why a gateway does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The verification key can't be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Certificate or key can't be used.
    #[error(transparent)]
    Tls(#[from] tls::Error),
    /// The brokers can't be reached with these settings, whatever they do.
    #[error(transparent)]
    Mqtt(#[from] Unusable),
    /// The public listener's address can't be bound.
    #[error("http.listen = \"{0}\": {1}; choose a free address with http.listen (FLOODWAY_LISTEN)")]
    Listen(String, io::Error),
    /// The private listener's address can't be bound.
    #[error("admin.listen = \"{0}\": {1}; choose a free address with admin.listen (FLOODWAY_ADMIN_LISTEN)")]
    AdminListen(String, io::Error),
    /// The file of the control documents can't be used.
    #[error("{0}")]
    Store(String),
    /// The system gives no threads, descriptors or memory.
    #[error("can't start: {0}")]
    System(#[from] io::Error),
}

/// A part without which the gateway can't go on ended by itself, which is a fault of the program or of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} has ended by itself; the log tells why, please report it")]
pub struct PartEnded(&'static str);

/// The longest that a drain may take when a part has ended by itself: what still runs does so without it.
const BROKEN_GRACE: Duration = Duration::from_secs(5);

/// A running gateway.
pub struct Gateway {
    acceptor: Acceptor,
    shards: Vec<ShardThread>,
    ingest: Ingest,
    observer: Observer,
    admin: Admin,
    announcer: JoinHandle<()>,
    /// The longest that the drain before the end may take.
    grace: Duration,
}

impl Gateway {
    /// Starts every part. It accepts connections from now on; [`Gateway::run`] lets them in.
    ///
    /// # Errors
    /// Names the setting that is in the way. Nothing runs then.
    pub async fn start(mut config: Config) -> Result<Self, StartError> {
        let verifier = Arc::new(Verifier::start(&config.auth)?);
        let tls = config.http.acceptor()?;
        let private_tls = config.admin.acceptor()?;
        let connections = limits::derive(config.connections, &mut config.http.pending)?;
        let index = Arc::new(Index::with_history(connections, config.limits, config.history));
        let (acceptor, dealt) = Acceptor::open(&config.http, &config.shard, config.shard.count)
            .map_err(|error| StartError::Listen(config.http.listen.clone(), error))?;
        let private = admin::Listener::open(&config.admin, private_tls)
            .map_err(|error| StartError::AdminListen(config.admin.listen.clone(), error))?;
        let inboxes: Arc<[Inbox]> = (0..config.shard.count).map(|_| Inbox::new(config.shard.inbox.get())).collect();
        let identity = Identity::new();
        let (control, follower) = control::new(&config.control, &identity.id, Arc::clone(&index));
        let event = config.event.clone();
        let topics = config.mqtt.topics().map_err(|why| io::Error::new(io::ErrorKind::InvalidInput, why))?;
        let (sources, keeper) = sources::assemble(&config, &topics, &index, follower)?;
        let (tenants, into) = (Arc::clone(&index), Arc::clone(&inboxes));
        let ingest = Ingest::start_with(sources, config.event, tenants, into, Some(control.clone()), keeper)?;
        let shared = http::Shared {
            http: config.http.clone(),
            stream: config.shard,
            readiness: Readiness::new(Arc::clone(&index), ingest.handle(), Arc::clone(&verifier)),
            verifier,
            index: Arc::clone(&index),
            source: ingest.handle(),
            refusals: Arc::default(),
            tls,
        };
        let (refusals, readiness) = (Arc::clone(&shared.refusals), shared.readiness.clone());
        let starting = dealt.into_iter().enumerate();
        let shards: io::Result<Vec<ShardThread>> = starting
            .map(|(id, dealt)| ShardThread::start(id, Arc::clone(&inboxes), dealt, shared.clone()))
            .collect();
        let shards = shards?;
        readiness.watch_shards(shards.iter().map(ShardThread::pulse).collect());
        let streams = Streams::new(shards.iter().map(|shard| shard.handle.clone()), index);
        let observer = Observer::new(Watched {
            identity,
            connections,
            streams,
            refusals,
            control,
            event,
            topics,
            drain_spread: config.http.drain_spread,
            source: ingest.handle(),
            readiness,
            inboxes,
            shards: shards.iter().map(|shard| shard.watched.clone()).collect(),
        });
        let announcer = announcer::start(observer.clone());
        let admin = Admin::start(private, &config.admin, observer.clone()).await?;
        tracing::info!(address = %admin.address(), "admin listening");
        Ok(Self { acceptor, shards, ingest, observer, admin, announcer, grace: config.http.drain })
    }

    /// The public listener's address.
    ///
    /// # Errors
    /// If the kernel does not say.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.acceptor.address()
    }

    /// The private listener's address.
    pub fn admin_address(&self) -> SocketAddr {
        self.admin.address()
    }

    /// Reads what it does.
    pub fn observer(&self) -> Observer {
        self.observer.clone()
    }

    /// Serves until `stop` comes, then drains: new streams are refused, live ones are ended with the time to come back, what
    /// waits for them is flushed.
    ///
    /// # Errors
    /// If a part ended by itself. The others have been drained then.
    pub async fn run(self, stop: impl Future<Output = ()>) -> Result<(), PartEnded> {
        let Self { acceptor, shards, ingest, observer, admin, announcer, grace } = self;
        let index = observer.index();
        let order = Drain { within: Duration::ZERO, pause: observer.drain_spread };
        let memory = parts::kept("memory", async || -> Infallible { memory::give_back(index).await });
        let served = tokio::select! {
            () = accept(&acceptor) => Err(PartEnded("the public listener")),
            () = any_ended(&shards) => Err(PartEnded("a shard")),
            () = ingest.ended() => Err(PartEnded("ingest")),
            () = admin.ended() => Err(PartEnded("the private listener")),
            never = memory => match never {},
            () = stop => Ok(()),
        };
        let grace = match &served {
            Ok(()) => grace,
            Err(ended) => {
                tracing::error!("{ended}");
                grace.min(BROKEN_GRACE)
            }
        };
        tracing::info!(streams = index.connections(), ?grace, "draining");
        admin.begin_last_drain().await;
        // The acceptor goes on meanwhile: who comes now gets the answer that the gateway drains.
        let drained = async {
            let mut draining = Vec::with_capacity(shards.len());
            for shard in &shards {
                draining.push(shard.drain(order).await);
            }
            for drained in draining {
                let _ = drained.await;
            }
        };
        tokio::select! {
            // An acceptor without shards ends, which is no reason to cut the drain short.
            () = async { accept(&acceptor).await; pending().await } => {}
            drained = tokio::time::timeout(grace, drained) => match drained {
                Ok(()) => tracing::info!("drained"),
                Err(_) => tracing::warn!(?grace, "drain cut short: some streams did not read in time"),
            },
        }
        drop(acceptor);
        shards.into_iter().for_each(ShardThread::stop);
        announcer.abort();
        ingest.stop();
        admin.stop();
        served
    }
}

/// Lets connections in. Returns if that panicked, or a shard takes none any more.
async fn accept(acceptor: &Acceptor) {
    tokio::select! {
        // What went wrong is logged.
        _ = parts::guarded("door", acceptor.run()) => {}
        _ = parts::guarded("door", parts::faults("door")) => {}
    }
}
