//! The right to one live stream.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::journal::Journal;
use super::tenant::{PermitKind, Refused, Tenant};
use floodway_protocol::ends::EndReason;

/// The limit that refuses a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoPermit {
    /// The tenant has as many streams as it may.
    #[error("Max streaming connections ({limit}) reached for tenant")]
    Tenant {
        /// How many it may have.
        limit: u32,
    },
    /// The gateway has as many streams as it can hold.
    #[error("{}", EndReason::GatewayLimit.row().text)]
    Gateway,
}

/// The permits of the whole gateway, of one kind.
#[derive(Debug)]
pub(super) struct Gateway {
    kind: PermitKind,
    taken: AtomicU32,
    limit: u32,
    journal: Arc<Journal>,
}

impl Gateway {
    pub(super) fn new(kind: PermitKind, limit: u32, journal: Arc<Journal>) -> Self {
        Self { kind, taken: AtomicU32::new(0), limit, journal }
    }

    pub(super) fn connections(&self) -> u32 {
        self.taken.load(Ordering::Relaxed)
    }

    fn acquire(&self) -> bool {
        let taken = self
            .taken
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |taken| (taken < self.limit).then(|| taken + 1));
        taken.is_ok()
    }
}

/// The permit of one live stream, in its tenant and in the gateway. Its drop releases both.
#[derive(Debug)]
pub struct ConnectionPermit {
    tenant: Arc<Tenant>,
    gateway: Arc<Gateway>,
}

impl ConnectionPermit {
    /// A permit, unless a limit is reached. `None`: the tenant has left the index meanwhile, and has to be looked up again.
    pub(super) fn acquire(tenant: Arc<Tenant>, limit: u32, gateway: &Arc<Gateway>) -> Result<Option<Self>, NoPermit> {
        match tenant.acquire(gateway.kind, limit) {
            Ok(()) => {}
            Err(Refused::Full) => return Err(NoPermit::Tenant { limit }),
            Err(Refused::Retired) => return Ok(None),
        }
        if !gateway.acquire() {
            tenant.release(gateway.kind);
            return Err(NoPermit::Gateway);
        }
        Ok(Some(Self { tenant, gateway: Arc::clone(gateway) }))
    }

    /// The tenant of the stream.
    pub fn tenant(&self) -> &Arc<Tenant> {
        &self.tenant
    }

    /// Where events of the stream's life are noted.
    pub fn journal(&self) -> &Journal {
        &self.gateway.journal
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        self.gateway.taken.fetch_sub(1, Ordering::Relaxed);
        self.tenant.release(self.gateway.kind);
    }
}
