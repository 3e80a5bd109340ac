//! Requests of the private listener that were refused for their credentials: counted, and logged at a bounded rate,
//! without the credential.

use std::net::SocketAddr;
use std::time::Instant;

use tracing::field::display;

use floodway_core::log_rate::CountedEach;

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// No token, or a wrong one.
    Unauthenticated,
    /// A token for reading, and the call changes something.
    ReadOnly,
    /// It may come from a web page.
    Host,
}

impl Reason {
    const LABELS: [&'static str; 3] = ["unauthenticated", "read_only", "host"];

    fn label(self) -> &'static str {
        Self::LABELS[self as usize]
    }
}

/// The other end of a request's connection, as the request carries it.
#[derive(Clone, Copy)]
pub(super) struct Peer(pub(super) Option<SocketAddr>);

/// The counts of all reasons.
#[derive(Default)]
pub(super) struct Refused(CountedEach<{ Reason::LABELS.len() }>);

impl Refused {
    pub(super) fn note(&self, reason: Reason, path: &str, peer: Option<SocketAddr>) {
        if let Some(suppressed) = self.0.count(reason as usize, Instant::now()) {
            let (reason, peer) = (reason.label(), peer.map(display));
            tracing::warn!(reason, path, peer, suppressed, "private listener: request refused");
        }
    }

    /// The counts now, by label.
    pub(super) fn counts(&self) -> [(&'static str, u64); Reason::LABELS.len()] {
        let counts = self.0.get();
        std::array::from_fn(|at| (Reason::LABELS[at], counts[at]))
    }
}

#[cfg(test)]
mod tests;
