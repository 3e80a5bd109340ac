//! Why a client gets no stream, and how often.

use std::sync::Arc;
use std::time::Instant;

use http::StatusCode;

use super::handshake::HandshakeError;
use crate::auth;
use floodway_core::index::NoPermit;
use floodway_core::log_rate::CountedEach;
use floodway_protocol::ends::EndReason;

/// Why a client does not become a subscriber, in the order in which the first is reported to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Its page comes from elsewhere (RFC 6454).
    Origin,
    /// It is no WebSocket handshake.
    Handshake(HandshakeError),
    /// Its request can't be read.
    Malformed,
    /// The head of its request is larger than the settings allow.
    HeadTooLarge,
    /// Its token is not accepted.
    Token(auth::Refusal),
    /// The query names something that can't be.
    Query(String),
    /// The broker refuses the tenant's subscription, for this reason, which is not the client's to know.
    BrokerRefused(Option<Arc<String>>),
    /// A limit is reached.
    NoPermit(NoPermit),
    /// No broker is connected, or it has not confirmed the tenant's subscription.
    NoBroker,
    /// The gateway drains.
    Draining,
}

impl Refusal {
    /// Its row of the table of ends.
    pub(super) fn reason(&self) -> EndReason {
        match self {
            Self::Origin => EndReason::Origin,
            Self::Handshake(_) => EndReason::Handshake,
            Self::Malformed => EndReason::Malformed,
            Self::HeadTooLarge => EndReason::HeadTooLarge,
            Self::Token(refusal) => refusal.reason(),
            Self::Query(_) => EndReason::Query,
            Self::BrokerRefused(_) => EndReason::BrokerRefused,
            Self::NoPermit(NoPermit::Tenant { .. }) => EndReason::TenantLimit,
            Self::NoPermit(NoPermit::Gateway) => EndReason::GatewayLimit,
            Self::NoBroker => EndReason::NoBroker,
            Self::Draining => EndReason::Draining,
        }
    }

    /// The status for a plain request.
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Handshake(error) => error.status(),
            _ => {
                let status = self.reason().row().status;
                let status = status.and_then(|status| StatusCode::from_u16(status).ok());
                status.expect("the table has a status for each refusal")
            }
        }
    }

    /// The detail of the answer, and the reason of the close frame.
    pub(super) fn detail(&self) -> String {
        match self {
            Self::Token(refusal) => refusal.to_string(),
            Self::Query(reason) => reason.clone(),
            Self::NoPermit(reason) => reason.to_string(),
            Self::Handshake(error) => error.to_string(),
            _ => self.reason().row().text.to_owned(),
        }
    }
}

impl From<NoPermit> for Refusal {
    fn from(reason: NoPermit) -> Self {
        Self::NoPermit(reason)
    }
}

/// How many clients were refused, by reason, and those whose token was, by the check that failed.
#[derive(Debug, Default)]
pub struct Refusals {
    reasons: CountedEach<{ EndReason::REFUSED.len() }>,
    checks: CountedEach<{ auth::CHECK_LABELS.len() }>,
}

impl Refusals {
    /// Counts a refusal. If it is time for a line of the log about its reason, returns the number of those that were not
    /// logged since the last line. What passes by itself, such as a limit or a drain, is not logged.
    pub(super) fn count(&self, refusal: &Refusal, now: Instant) -> Option<u64> {
        let is_due = self.reasons.count(refusal.reason() as usize, now);
        match refusal {
            Refusal::Token(refusal) => {
                let check = refusal.check()?;
                self.checks.count(auth::CHECK_LABELS.iter().position(|&label| label == check)?, now)
            }
            _ if refusal.reason().row().retry => None,
            _ => is_due,
        }
    }

    /// The counts now, in the order of [`EndReason::REFUSED`].
    pub fn counts(&self) -> [u64; EndReason::REFUSED.len()] {
        self.reasons.get()
    }

    /// The counts of tokens now, in the order of [`auth::CHECK_LABELS`].
    pub fn checks(&self) -> [u64; auth::CHECK_LABELS.len()] {
        self.checks.get()
    }
}

#[cfg(test)]
mod tests;
