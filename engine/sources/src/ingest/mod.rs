//! The way in: from an MQTT broker to the inboxes of the shards.
//!
//! Invariants: events of one connection keep the broker's order; a tenant is confirmed only while the broker sends its
//! events; nothing that a device publishes ends ingest. The gateway runs without a broker, and says so
//! ([`IngestHandle::is_connected`]). Only this module knows MQTT.
//!
//! In the order of a message's way: `broker` and `link` connect and receive, `subscriptions` decides what to ask
//! for, `topic` and `router` make events of messages and put them into the inboxes, `driver` holds these together.
//! Beside it, `probe` tries what may cost the connection on another one, and `exchange` carries what [`control`] sends and is told over the same link.

mod backoff;
mod broker;
mod complaint;
mod config;
mod driver;
mod handle;
mod link;
mod metrics;
mod probe;
mod request_scheduler;
mod router;
mod shared;
mod state;
mod subscriptions;
#[cfg(all(test, not(floodway_loom)))]
mod tests;
mod topic;

use std::io;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use tokio::runtime;
use tokio::sync::{mpsc, watch};
use tokio::time::sleep;

pub use broker::{BadUrl, Broker};
pub use config::{Config, Subscribe};
pub use handle::{IngestHandle, Unavailable};
pub use metrics::{Metrics, Reason, Snapshot};
pub use router::Router;
pub use state::{Attempt, LinkFailure, LinkReport, LinkState};
pub use topic::parse as parse_topic;

#[cfg(doc)]
use crate::control;
use crate::control::Steering;
use backoff::Backoff;
use driver::Driver;
use floodway_core::event::{self, IdSource, Ids};
use floodway_core::inbox::Inbox;
use floodway_core::index::{Index, Tenant};
use floodway_core::parts;
use probe::Probe;
use request_scheduler::RequestScheduler;
use shared::Shared;
use subscriptions::Subscriptions;

/// The bound of the first pause between two attempts to connect.
const BACKOFF_FIRST: Duration = Duration::from_millis(100);

/// Requests for tenants that wait to be looked at. Beyond it the sweep over the index finds the tenant.
const WANTED: usize = 1024;

/// How long a DISCONNECT, and events that wait for a full inbox, may hold up the end.
const STOP_GRACE: Duration = Duration::from_secs(1);

/// The running way in, on a thread of its own.
#[derive(Debug)]
pub struct Ingest {
    upstreams: IngestHandle,
    stop: watch::Sender<bool>,
    thread: JoinHandle<()>,
}

impl Ingest {
    /// Starts ingest, which puts events and gaps into `inboxes`, one for each shard, and follows no control documents.
    /// Returns before a broker is connected, and whether or not one can be.
    ///
    /// # Errors
    /// `InvalidInput` if there is no URL in `config` or one is wrong; else the thread could not be started.
    pub fn start(
        config: Config,
        event: event::Config,
        index: Arc<Index>,
        inboxes: Arc<[Inbox]>,
    ) -> io::Result<Self> {
        Self::start_with(config, event, index, inboxes, None)
    }

    /// Starts ingest, which also carries what `control` sends and is told. Nobody is let in until it has read what the
    /// broker holds.
    ///
    /// # Errors
    /// As [`Ingest::start`].
    pub fn start_controlled(
        config: Config,
        event: event::Config,
        index: Arc<Index>,
        inboxes: Arc<[Inbox]>,
        control: Steering,
    ) -> io::Result<Self> {
        Self::start_with(config, event, index, inboxes, Some(control))
    }

    fn start_with(
        config: Config,
        event: event::Config,
        index: Arc<Index>,
        inboxes: Arc<[Inbox]>,
        control: Option<Steering>,
    ) -> io::Result<Self> {
        let brokers = brokers(&config.urls)?;
        let shared = Arc::new(Shared::new(Arc::clone(index.journal())));
        let (wanted_tx, wanted) = mpsc::channel(WANTED);
        let (stop, stopped) = watch::channel(false);
        let upstreams = IngestHandle::new(Arc::clone(&shared), wanted_tx, &config);
        let runtime = runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()?;
        let parts = Parts {
            config,
            event,
            brokers,
            index,
            inboxes,
            shared,
            wanted,
            control,
            stopped,
        };
        let thread = Builder::new().name("ingest".to_owned()).spawn(move || {
            parts.run(&runtime);
            // A look-up of a broker's name may hang, and is not waited for.
            runtime.shutdown_background();
        })?;
        Ok(Self {
            upstreams,
            stop,
            thread,
        })
    }

    /// For those who need a tenant's events, or want to know how the way in is.
    pub fn handle(&self) -> IngestHandle {
        self.upstreams.clone()
    }

    /// Returns when the thread has ended by itself. A panic is no end: ingest starts again.
    pub async fn ended(&self) {
        self.stop.closed().await;
    }

    /// Says goodbye to the broker and ends the thread. Blocks for as long as that takes, about a second at most.
    pub fn stop(self) {
        self.stop.send_replace(true);
        // It ends by return: a panic inside has been caught and logged.
        let _ = self.thread.join();
    }
}

fn brokers(urls: &[String]) -> io::Result<Vec<Broker>> {
    let invalid = |text: String| io::Error::new(io::ErrorKind::InvalidInput, text);
    if urls.is_empty() {
        return Err(invalid("mqtt.url names no broker".to_owned()));
    }
    let parse = |url: &String| Broker::parse(url).map_err(|why| invalid(format!("mqtt.url {why}")));
    urls.iter().map(parse).collect()
}

/// What ingest's thread is made of.
struct Parts {
    config: Config,
    event: event::Config,
    brokers: Vec<Broker>,
    index: Arc<Index>,
    inboxes: Arc<[Inbox]>,
    shared: Arc<Shared>,
    wanted: mpsc::Receiver<Arc<Tenant>>,
    control: Option<Steering>,
    stopped: watch::Receiver<bool>,
}

impl Parts {
    fn run(mut self, runtime: &runtime::Runtime) {
        // The same id for each connection: a broker that still holds a dead one lets go of it.
        let client_id = format!("{}-{:016x}", self.config.client_id, fastrand::u64(..));
        let mut subscriptions = Subscriptions::new(&self.config, Arc::clone(&self.index));
        let mut backoff = Backoff::new(BACKOFF_FIRST, self.config.backoff_max);
        // They go on where they were when ingest starts again.
        let ids = match &self.control {
            Some(control) => control.follower.ids(),
            None => Arc::default(),
        };
        loop {
            let ended = parts::caught("ingest", || {
                runtime.block_on(self.until_stopped(
                    &client_id,
                    &ids,
                    &mut subscriptions,
                    &mut backoff,
                ));
            });
            self.shared.link_is_down();
            subscriptions.link_lost(None, Instant::now());
            if let Some(control) = &mut self.control {
                control.follower.link_lost();
            }
            if ended.is_ok() {
                return;
            }
            let mut stopped = self.stopped.clone();
            runtime.block_on(async {
                tokio::select! {
                    () = sleep(backoff.pause()) => {}
                    _ = stopped.wait_for(|&stop| stop) => {}
                }
            });
        }
    }

    async fn until_stopped(
        &mut self,
        client_id: &str,
        ids: &Arc<Ids>,
        subscriptions: &mut Subscriptions,
        backoff: &mut Backoff,
    ) {
        let (index, inboxes) = (Arc::clone(&self.index), Arc::clone(&self.inboxes));
        let (follower, orders) = match &mut self.control {
            Some(Steering { follower, orders }) => (Some(follower), Some(orders)),
            None => (None, None),
        };
        let driver = Driver {
            config: &self.config,
            brokers: &self.brokers,
            client_id,
            shared: &self.shared,
            exchange: RequestScheduler::new(subscriptions, follower),
            probe: Probe::new(&self.config, client_id),
            router: Router::new(
                &self.event,
                index,
                inboxes,
                Arc::clone(&self.shared.metrics),
            )
            .with_ids(IdSource::of(Arc::clone(ids))),
            wanted: &mut self.wanted,
            orders,
            backoff,
            stop: self.stopped.clone(),
        };
        let mut stopped = self.stopped.clone();
        let cut_short = async {
            // An error means that nobody is left who could say so: it is the same.
            let _ = stopped.wait_for(|&stop| stop).await;
            sleep(STOP_GRACE).await;
        };
        tokio::select! {
            () = driver.run() => {}
            () = cut_short => {}
            never = parts::faults("ingest") => match never {},
        }
    }
}
