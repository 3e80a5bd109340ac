//! How the rest of the gateway asks for a tenant's events.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use super::Terms;
use super::read_back::{ReadBack, read_back};
use super::status::{SourceReport, SourceState, SourceStatus};
use crate::router::{Metrics, Snapshot};
use floodway_core::index::{Index, Tenant, Upstream};
use floodway_core::shard::Backlog;
use floodway_protocol::EventId;
use floodway_protocol::names::is_wild;

/// How long a new stream waits at most for the first attempt to connect: a broker that is there answers sooner.
const START_GRACE: Duration = Duration::from_secs(2);

/// Why a tenant's events do not come. The texts are for users, to whom a source is a broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unavailable {
    /// No source is connected.
    #[error("no broker is connected")]
    NoSource,
    /// The source did not confirm the tenant in time. It may still do so.
    #[error("the broker did not confirm the subscription in time")]
    NotConfirmed,
    /// The source takes no tenant with such a name.
    #[error("the broker takes no name that holds '*', '>' or white space")]
    Name,
    /// The source refuses the tenant. It is asked again from time to time.
    #[error("the broker refused the subscription")]
    Refused,
    /// The source refuses all tenants at once. It is asked again from time to time.
    #[error("the broker refused the subscription to all tenants")]
    AllRefused,
}

/// A source, for the other threads.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) status: Arc<SourceStatus>,
    pub(super) wanted: mpsc::Sender<Arc<Tenant>>,
    pub(super) read_back: mpsc::Sender<ReadBack>,
    pub(super) terms: Terms,
}

/// A handle to the sources: cheap to clone, for any thread.
#[derive(Clone, Debug)]
pub struct IngestHandle {
    pub(super) sources: Arc<[Known]>,
    pub(super) states: watch::Sender<Vec<SourceState>>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) index: Arc<Index>,
}

impl IngestHandle {
    /// Whether a source is connected, and the control documents that it keeps were read.
    pub fn is_connected(&self) -> bool {
        self.states.borrow().iter().any(SourceState::is_open)
    }

    /// The state of the source that can do most.
    pub fn state(&self) -> SourceState {
        self.states.borrow().iter().max().cloned().unwrap_or_default()
    }

    /// The states of all sources, to be watched.
    pub fn states(&self) -> watch::Receiver<Vec<SourceState>> {
        self.states.subscribe()
    }

    /// What became of the connection of the source that can do most.
    ///
    /// # Panics
    /// If there is no source.
    pub fn report(&self) -> SourceReport {
        let states = self.states.borrow();
        let most = self.sources.iter().zip(&*states).rev().max_by_key(|(_, state)| *state);
        most.expect("a gateway has a source").0.status.report()
    }

    /// What became of the connections of each source, in the order of their numbers.
    pub fn reports(&self) -> Vec<(&Terms, SourceReport)> {
        self.sources.iter().map(|source| (&source.terms, source.status.report())).collect()
    }

    /// The sources that are not connected though another one is, by their kinds.
    pub fn away(&self) -> Vec<&'static str> {
        let states = self.states.borrow();
        let away = self.sources.iter().zip(&*states).filter(|(_, state)| !state.is_open());
        away.map(|(source, _)| source.terms.kind).collect()
    }

    /// For how long ingest has not turned though a source is connected; none while each waits for a connection.
    pub fn silence(&self, now: Instant) -> Option<Duration> {
        let statuses = self.sources.iter().map(|source| &source.status);
        statuses.filter_map(|status| status.pulse.silence(now)).max()
    }

    /// What it means that a source refuses a tenant.
    pub fn refused(&self) -> Unavailable {
        if self.sources.iter().any(|source| source.terms.refuses_all) {
            Unavailable::AllRefused
        } else {
            Unavailable::Refused
        }
    }

    /// What the router has counted.
    pub fn metrics(&self) -> Snapshot {
        self.metrics.snapshot(self.is_connected())
    }

    /// Waits while the gateway has just started and first attempts to connect are under way: a browser that comes back to a
    /// gateway that was restarted does not try again after a refusal, and a stream is not to begin with some sources alone.
    async fn tried_at_the_start(&self) {
        if self.is_starting() {
            let is_open = |states: &Vec<SourceState>| states.iter().all(SourceState::is_open);
            let mut states = self.states();
            let settled = states.wait_for(|states| is_open(states) || !self.is_starting());
            let _ = timeout(START_GRACE, settled).await;
        }
    }

    /// Whether a source has yet to finish its first attempt to connect.
    fn is_starting(&self) -> bool {
        self.sources.iter().any(|source| source.status.is_starting())
    }

    /// Whether a source can have a tenant or device of this name.
    ///
    /// # Errors
    /// [`Unavailable::Name`] if NATS takes the name for a wildcard, and the source is NATS, or may be.
    pub fn takes(&self, name: &str) -> Result<(), Unavailable> {
        let is_refused =
            is_wild(name.as_bytes()) && self.sources.iter().any(|source| source.status.refuses_wild_names());
        if is_refused { Err(Unavailable::Name) } else { Ok(()) }
    }

    /// Waits until `tenant` is confirmed: whatever is published afterwards arrives. The caller holds a permit of the
    /// tenant meanwhile. May be cancelled.
    ///
    /// # Errors
    /// Why its events do not come; at once if no source is connected or the tenant is refused.
    pub async fn confirmed(&self, tenant: &Arc<Tenant>) -> Result<(), Unavailable> {
        // First the state of the source: when it is lost, this changes before the tenants' states do.
        self.tried_at_the_start().await;
        if !self.is_connected() {
            return Err(Unavailable::NoSource);
        }
        self.takes(tenant.id().as_str())?;
        let mut upstream = tenant.upstream();
        if *upstream.borrow() == Upstream::Confirmed {
            return Ok(());
        }
        for source in &*self.sources {
            // If it can't be sent, the source finds the tenant in the index.
            let _ = source.wanted.try_send(Arc::clone(tenant));
        }
        let settled = async {
            loop {
                match *upstream.borrow_and_update() {
                    Upstream::Confirmed => return Ok(()),
                    Upstream::Refused => return Err(self.refused()),
                    Upstream::Away if !self.is_starting() => return Err(Unavailable::NoSource),
                    Upstream::Waiting if !self.is_connected() => return Err(Unavailable::NoSource),
                    Upstream::Away | Upstream::Waiting => {}
                }
                if upstream.changed().await.is_err() {
                    return Err(Unavailable::NotConfirmed);
                }
            }
        };
        let patience = self.sources.iter().map(|source| source.terms.patience);
        timeout(patience.max().unwrap_or_default(), settled)
            .await
            .unwrap_or(Err(Unavailable::NotConfirmed))
    }

    /// What a stream of `tenant` that has seen everything up to `after` gets before what history holds. None: history holds
    /// all of it, or what it lacks is not to be had. Waits some seconds at most: for this gateway to be as far as the one that
    /// the client comes from, and for the source to give back what it holds.
    pub async fn read_back(&self, tenant: &Arc<Tenant>, after: EventId) -> Option<Backlog> {
        let [only] = &*self.sources else {
            return None;
        };
        read_back(&only.read_back, self.index.histories().numbering(), tenant, after).await
    }
}
