//! The right to one live stream.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::journal::Journal;
use super::tenant::{self, Tenant, Who};
use floodway_protocol::ends::Reason;

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoPermit {
    /// The tenant has as many streams as it may.
    #[error("Max streaming connections ({limit}) reached for tenant")]
    Tenant {
        /// How many it may have.
        limit: u32,
    },
    /// The gateway has as many streams as it can hold.
    #[error("{}", Reason::GatewayLimit.row().text)]
    Gateway,
}

pub(super) enum Refused {
    /// The tenant has left the index meanwhile: look it up again.
    Retired,
    NoPermit(NoPermit),
}

/// The places of the whole gateway: those of streams, or those of onlookers.
#[derive(Debug)]
pub(super) struct Gateway {
    of: Who,
    taken: AtomicU32,
    limit: u32,
    journal: Arc<Journal>,
}

impl Gateway {
    pub(super) fn new(limit: u32, journal: Arc<Journal>) -> Self {
        Self {
            of: Who::Stream,
            taken: AtomicU32::new(0),
            limit,
            journal,
        }
    }

    /// Places that count against no limit and are in nobody's way.
    pub(super) fn of_onlookers(journal: Arc<Journal>) -> Self {
        Self {
            of: Who::Onlooker,
            ..Self::new(u32::MAX, journal)
        }
    }

    pub(super) fn connections(&self) -> u32 {
        self.taken.load(Ordering::Relaxed)
    }

    fn take(&self) -> bool {
        let taken = self
            .taken
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |taken| {
                (taken < self.limit).then(|| taken + 1)
            });
        taken.is_ok()
    }
}

/// One live stream's place in its tenant and in the gateway; dropping it gives both back.
#[derive(Debug)]
pub struct ConnectionPermit {
    tenant: Arc<Tenant>,
    gateway: Arc<Gateway>,
}

impl ConnectionPermit {
    pub(super) fn take(
        tenant: Arc<Tenant>,
        limit: u32,
        gateway: &Arc<Gateway>,
    ) -> Result<Self, Refused> {
        match tenant.take_place(gateway.of, limit) {
            Ok(()) => {}
            Err(tenant::NoPermit::Full) => {
                return Err(Refused::NoPermit(NoPermit::Tenant { limit }));
            }
            Err(tenant::NoPermit::Retired) => return Err(Refused::Retired),
        }
        if !gateway.take() {
            tenant.give_place_back(gateway.of);
            return Err(Refused::NoPermit(NoPermit::Gateway));
        }
        Ok(Self {
            tenant,
            gateway: Arc::clone(gateway),
        })
    }

    /// The tenant that the place is in.
    pub fn tenant(&self) -> &Arc<Tenant> {
        &self.tenant
    }

    /// Where what happens to the stream is told.
    pub fn journal(&self) -> &Journal {
        &self.gateway.journal
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        self.gateway.taken.fetch_sub(1, Ordering::Relaxed);
        self.tenant.give_place_back(self.gateway.of);
    }
}
