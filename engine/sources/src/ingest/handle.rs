//! How the rest of the gateway asks for a tenant's events.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use super::config::{Config, Subscribe};
use super::metrics::Snapshot;
use super::shared::Shared;
use super::state::{LinkReport, LinkState};
use floodway_core::index::{Tenant, Upstream};

/// Why a tenant's events do not come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unavailable {
    /// No broker is connected.
    #[error("no broker is connected")]
    NoBroker,
    /// The broker did not confirm the subscription in time. It may still do so.
    #[error("the broker did not confirm the subscription in time")]
    NotConfirmed,
    /// The broker refused the tenant's subscription. It is asked again from time to time.
    #[error("the broker refused the subscription")]
    Refused,
    /// The broker refused the one subscription to all tenants. It is asked again from time to time.
    #[error("the broker refused the subscription to all tenants")]
    AllRefused,
}

/// A handle to ingest: cheap to clone, for any thread.
#[derive(Clone)]
pub struct IngestHandle {
    shared: Arc<Shared>,
    wanted: mpsc::Sender<Arc<Tenant>>,
    subscribe_timeout: Duration,
    /// What a refusal means in this mode.
    refused: Unavailable,
}

impl IngestHandle {
    pub(super) fn new(
        shared: Arc<Shared>,
        wanted: mpsc::Sender<Arc<Tenant>>,
        config: &Config,
    ) -> Self {
        Self {
            shared,
            wanted,
            subscribe_timeout: config.subscribe_timeout,
            refused: match config.subscribe {
                Subscribe::OnDemand => Unavailable::Refused,
                Subscribe::All => Unavailable::AllRefused,
            },
        }
    }

    /// Whether a broker is connected, and what it keeps was read.
    pub fn is_connected(&self) -> bool {
        self.shared.state.borrow().is_open()
    }

    /// How the link to a broker stands, to be watched.
    pub fn link(&self) -> watch::Receiver<LinkState> {
        self.shared.state.subscribe()
    }

    /// How it came to that.
    pub fn link_report(&self) -> LinkReport {
        self.shared.report()
    }

    /// For how long ingest has not turned though a broker is connected; none while it waits for one.
    pub fn silence(&self, now: Instant) -> Option<Duration> {
        self.shared.pulse.silence(now)
    }

    /// What it means that the broker refuses a tenant.
    pub fn refused(&self) -> Unavailable {
        self.refused
    }

    /// What ingest has counted.
    pub fn metrics(&self) -> Snapshot {
        self.shared.metrics.snapshot(self.is_connected())
    }

    /// Waits until the broker sends `tenant`'s events: whatever is published afterwards arrives. The caller holds a
    /// place in the tenant meanwhile. May be cancelled.
    ///
    /// # Errors
    /// Why they do not come; at once if no broker is connected or the subscription is refused.
    pub async fn confirmed(&self, tenant: &Arc<Tenant>) -> Result<(), Unavailable> {
        // First the flag: it falls before the tenants' states do.
        if !self.is_connected() {
            return Err(Unavailable::NoBroker);
        }
        let mut upstream = tenant.upstream();
        if *upstream.borrow() == Upstream::Confirmed {
            return Ok(());
        }
        // If it cannot be sent, the next sweep over the index finds the tenant.
        let _ = self.wanted.try_send(Arc::clone(tenant));
        let settled = async {
            loop {
                match *upstream.borrow_and_update() {
                    Upstream::Confirmed => return Ok(()),
                    Upstream::Refused => return Err(self.refused),
                    Upstream::Waiting if !self.is_connected() => return Err(Unavailable::NoBroker),
                    Upstream::Waiting => {}
                }
                if upstream.changed().await.is_err() {
                    return Err(Unavailable::NotConfirmed);
                }
            }
        };
        timeout(self.subscribe_timeout, settled)
            .await
            .unwrap_or(Err(Unavailable::NotConfirmed))
    }
}

impl fmt::Debug for IngestHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upstreams")
            .field("is_connected", &self.is_connected())
            .finish_non_exhaustive()
    }
}
