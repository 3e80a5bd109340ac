//! Requests of the private listener that were refused for their credentials: counted, and logged at a bounded rate,
//! without the credential.

use std::net::SocketAddr;
use std::time::Instant;

use strum::VariantNames;
use tracing::field::display;

use floodway_core::log_rate::CountedEach;

/// Why a request is refused.
#[derive(Clone, Copy, Debug, strum::IntoStaticStr, strum::VariantNames)]
#[strum(serialize_all = "snake_case")]
pub(super) enum Reason {
    /// No token, or a wrong one.
    Unauthenticated,
    /// A token for reading, and the call changes something.
    ReadOnly,
    /// It may come from a web page.
    Host,
    /// It comes from a web page of another host.
    Origin,
}

/// The other end of a request's connection, as the request carries it.
#[derive(Clone, Copy)]
pub(super) struct Peer(pub(super) Option<SocketAddr>);

/// The counts at one moment, by label.
pub(super) type Counts = [(&'static str, u64); Reason::VARIANTS.len()];

/// The counts of all reasons.
#[derive(Default)]
pub(super) struct Refused(CountedEach<{ Reason::VARIANTS.len() }>);

impl Refused {
    pub(super) fn note(&self, reason: Reason, path: &str, peer: Option<SocketAddr>) {
        if let Some(suppressed) = self.0.count(reason as usize, Instant::now()) {
            let (reason, peer) = (<&str>::from(reason), peer.map(display));
            tracing::warn!(reason, path, peer, suppressed, "private listener: request refused");
        }
    }

    pub(super) fn counts(&self) -> Counts {
        let counts = self.0.get();
        std::array::from_fn(|at| (Reason::VARIANTS[at], counts[at]))
    }
}

#[cfg(test)]
mod tests;
