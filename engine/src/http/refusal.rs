//! Why a stream is not begun: one value gives the WebSocket close code, the HTTP status, the text and the metric label.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::StatusCode;

use super::fault::{Fault, Faults};
use crate::auth;
use crate::index::NoPlace;
use crate::stream::ws::close;

/// Why a client does not become a subscriber, in the order in which it is told of the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Its token is not accepted.
    Token(auth::Refusal),
    /// The query names something that can't be.
    Query(String),
    /// A limit is reached.
    NoPlace(NoPlace),
    /// No broker is connected, or it has not confirmed the tenant's subscription.
    NoBroker,
    /// The gateway drains.
    Draining,
}

impl Refusal {
    /// The close code and its reason for a WebSocket.
    pub(super) fn close(&self) -> (u16, String) {
        let code = match self {
            Self::Token(refusal) => refusal.close_code(),
            Self::Query(_) => close::BAD_REQUEST,
            Self::NoPlace(NoPlace::Tenant { .. }) => close::TENANT_LIMIT,
            Self::NoPlace(NoPlace::Gateway) | Self::NoBroker => close::TRY_AGAIN,
            Self::Draining => close::RESTART,
        };
        (code, self.detail())
    }

    /// The status for a plain request.
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Token(refusal) => {
                StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::UNAUTHORIZED)
            }
            Self::Query(_) => StatusCode::BAD_REQUEST,
            Self::NoPlace(NoPlace::Tenant { .. }) => StatusCode::TOO_MANY_REQUESTS,
            Self::NoPlace(NoPlace::Gateway) | Self::NoBroker | Self::Draining => {
                StatusCode::SERVICE_UNAVAILABLE
            }
        }
    }

    /// Whether it may go better later, and a client is told when.
    pub(super) fn retry_after(&self, pause: Duration) -> Option<Duration> {
        (!matches!(self, Self::Token(_) | Self::Query(_))).then_some(pause)
    }

    /// The name in logs and metrics.
    pub(super) fn label(&self) -> &'static str {
        REFUSAL_LABELS[self.index()]
    }

    fn index(&self) -> usize {
        match self {
            Self::Token(auth::Refusal::Missing) => 0,
            Self::Token(auth::Refusal::Invalid) => 1,
            Self::Token(auth::Refusal::NoTenant) => 2,
            Self::Token(auth::Refusal::Role) => 3,
            Self::Query(_) => 4,
            Self::NoPlace(NoPlace::Tenant { .. }) => 5,
            Self::NoPlace(NoPlace::Gateway) => 6,
            Self::NoBroker => 7,
            Self::Draining => 8,
        }
    }

    pub(super) fn detail(&self) -> String {
        match self {
            Self::Token(refusal) => refusal.to_string(),
            Self::Query(reason) => reason.clone(),
            Self::NoPlace(reason) => reason.to_string(),
            Self::NoBroker => "Broker unavailable".to_owned(),
            Self::Draining => "Server draining".to_owned(),
        }
    }
}

impl From<auth::Refusal> for Refusal {
    fn from(refusal: auth::Refusal) -> Self {
        Self::Token(refusal)
    }
}

impl From<NoPlace> for Refusal {
    fn from(reason: NoPlace) -> Self {
        Self::NoPlace(reason)
    }
}

/// All labels, in the order in which they are counted.
pub const REFUSAL_LABELS: [&str; 15] = [
    "no_token",
    "bad_token",
    "no_tenant",
    "role",
    "query",
    "tenant_limit",
    "gateway_limit",
    "no_broker",
    "draining",
    Fault::LABELS[0],
    Fault::LABELS[1],
    Fault::LABELS[2],
    Fault::LABELS[3],
    Fault::LABELS[4],
    Fault::LABELS[5],
];

/// Those of [`REFUSAL_LABELS`] that are no faults.
const REASONS: usize = REFUSAL_LABELS.len() - Fault::LABELS.len();

/// How many clients were refused, by reason. Relaxed: each count stands by itself and guards nothing.
#[derive(Debug, Default)]
pub struct Refusals {
    reasons: [AtomicU64; REASONS],
    pub(super) faults: Faults,
}

impl Refusals {
    pub(super) fn count(&self, refusal: &Refusal) {
        self.reasons[refusal.index()].fetch_add(1, Ordering::Relaxed);
    }

    /// The counts now, in the order of [`REFUSAL_LABELS`].
    pub fn counts(&self) -> [u64; REFUSAL_LABELS.len()] {
        let faults = self.faults.counts();
        std::array::from_fn(|at| match self.reasons.get(at) {
            Some(reason) => reason.load(Ordering::Relaxed),
            None => faults[at - REASONS],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_a_label_and_a_count_of_its_own() {
        let refusals = [
            Refusal::Token(auth::Refusal::Missing),
            Refusal::Token(auth::Refusal::Invalid),
            Refusal::Token(auth::Refusal::NoTenant),
            Refusal::Token(auth::Refusal::Role),
            Refusal::Query("a bad id".to_owned()),
            Refusal::NoPlace(NoPlace::Tenant { limit: 1 }),
            Refusal::NoPlace(NoPlace::Gateway),
            Refusal::NoBroker,
            Refusal::Draining,
        ];
        let counts = Refusals::default();
        for (times, refusal) in refusals.iter().enumerate() {
            assert_eq!(refusal.label(), REFUSAL_LABELS[times]);
            (0..times).for_each(|_| counts.count(refusal));
        }
        let expected: Vec<u64> = (0..REASONS as u64).collect();
        assert_eq!(counts.counts()[..REASONS], expected);
        assert_eq!(REFUSAL_LABELS[REASONS..], Fault::LABELS);
    }
}
