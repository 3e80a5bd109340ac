//! Which tenants one of several connections has.
//!
//! Invariants: each tenant has one connection, whatever order they come in, so its order is the broker's; a gateway with as
//! many connections gives it the same one after a restart, so a session that the broker kept is of use.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use floodway_core::index::SourceNumber;
use floodway_protocol::names::TenantId;

/// One connection of so many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Share {
    number: u8,
    of: u8,
}

impl Share {
    /// That of a connection which has all tenants.
    pub(super) const WHOLE: Self = Self { number: 0, of: 1 };

    /// All shares of so many connections, of which there is one at least.
    pub(super) fn all(connections: u8) -> impl Iterator<Item = Self> {
        let of = connections.max(1);
        (0..of).map(move |number| Self { number, of })
    }

    /// Whether this connection is to bring the tenant's events.
    pub(super) fn has(self, tenant: &TenantId) -> bool {
        self.of == 1 || hash(tenant.as_str()) % u64::from(self.of) == u64::from(self.number)
    }

    /// The number of its source, where that of the first connection is `first`.
    pub(super) fn source(self, first: SourceNumber) -> SourceNumber {
        first.plus(self.number.into())
    }

    /// The client id of this connection. Another number of connections has other ids: what a session of theirs still holds
    /// is of other tenants.
    pub(super) fn client_id(self, id: String) -> String {
        if self.of == 1 { id } else { format!("{id}-{}of{}", self.number + 1, self.of) }
    }
}

/// FNV-1a, 64 bits: the same everywhere and always.
fn hash(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Whether tenants may be confirmed: the connection that owns the control documents opens it once it has read them.
#[derive(Clone, Debug)]
pub(super) struct Gate(Arc<AtomicBool>);

impl Gate {
    pub(super) fn new(is_open: bool) -> Self {
        Self(Arc::new(AtomicBool::new(is_open)))
    }

    pub(super) fn open(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_open(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests;
