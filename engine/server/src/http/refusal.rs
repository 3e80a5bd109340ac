//! Why a stream is not begun: one value gives the WebSocket close code, the HTTP status, the text and the metric label.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::StatusCode;

use super::handshake::HandshakeError;
use crate::auth;
use floodway_core::index::NoPermit;
use floodway_core::log_rate::CountedEach;
use floodway_protocol::ws::close;

/// Why a client does not become a subscriber, in the order in which it is told of the first.
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
    /// The close code and its reason for a WebSocket.
    pub(super) fn close(&self) -> (u16, String) {
        let code = match self {
            Self::Token(refusal) => refusal.close_code(),
            // Those before the upgrade are answered by their status alone.
            Self::Query(_) | Self::Malformed | Self::HeadTooLarge | Self::Handshake(_) => {
                close::BAD_REQUEST
            }
            Self::Origin | Self::BrokerRefused(_) => close::FORBIDDEN,
            Self::NoPermit(NoPermit::Tenant { .. }) => close::TENANT_LIMIT,
            Self::NoPermit(NoPermit::Gateway) | Self::NoBroker => close::TRY_AGAIN,
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
            Self::Query(_) | Self::Malformed => StatusCode::BAD_REQUEST,
            Self::HeadTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::Handshake(error) => error.status(),
            Self::Origin | Self::BrokerRefused(_) => StatusCode::FORBIDDEN,
            Self::NoPermit(NoPermit::Tenant { .. }) => StatusCode::TOO_MANY_REQUESTS,
            Self::NoPermit(NoPermit::Gateway) | Self::NoBroker | Self::Draining => {
                StatusCode::SERVICE_UNAVAILABLE
            }
        }
    }

    /// Whether it may go better later, and a client is told when.
    pub(super) fn retry_after(&self, pause: Duration) -> Option<Duration> {
        let is_final = match self {
            Self::Token(refusal) => *refusal != auth::Refusal::NoKeys,
            Self::Query(_)
            | Self::BrokerRefused(_)
            | Self::Origin
            | Self::Handshake(_)
            | Self::Malformed
            | Self::HeadTooLarge => true,
            Self::NoPermit(_) | Self::NoBroker | Self::Draining => false,
        };
        (!is_final).then_some(pause)
    }

    /// The name in logs and metrics.
    pub(super) fn label(&self) -> &'static str {
        REFUSAL_LABELS[self.index()]
    }

    fn index(&self) -> usize {
        match self {
            Self::Token(auth::Refusal::Missing) => 0,
            Self::Token(auth::Refusal::Invalid(_)) => 1,
            Self::Token(auth::Refusal::NoTenant(_) | auth::Refusal::OtherTenant) => 2,
            Self::Token(auth::Refusal::Role) => 3,
            Self::Query(_) => 4,
            Self::NoPermit(NoPermit::Tenant { .. }) => 5,
            Self::NoPermit(NoPermit::Gateway) => 6,
            Self::NoBroker => 7,
            Self::Draining => 8,
            Self::Token(auth::Refusal::NoKeys) => 9,
            Self::Origin => 10,
            Self::Handshake(_) => 11,
            Self::Malformed => 12,
            Self::HeadTooLarge => 13,
            Self::BrokerRefused(_) => 14,
        }
    }

    pub(super) fn detail(&self) -> String {
        match self {
            Self::Token(refusal) => refusal.to_string(),
            Self::Query(reason) => reason.clone(),
            Self::BrokerRefused(_) => "Not authorized at the broker".to_owned(),
            Self::NoPermit(reason) => reason.to_string(),
            Self::NoBroker => "Broker unavailable".to_owned(),
            Self::Draining => "Server draining".to_owned(),
            Self::Origin => "Origin not allowed".to_owned(),
            Self::Handshake(error) => error.to_string(),
            Self::Malformed => "Request can't be read".to_owned(),
            Self::HeadTooLarge => "Request head is too large".to_owned(),
        }
    }
}

impl From<auth::Refusal> for Refusal {
    fn from(refusal: auth::Refusal) -> Self {
        Self::Token(refusal)
    }
}

impl From<NoPermit> for Refusal {
    fn from(reason: NoPermit) -> Self {
        Self::NoPermit(reason)
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
    "no_keys",
    "origin",
    "handshake",
    "malformed",
    "head_too_large",
    "broker_refused",
];

/// How many clients were refused, by reason, and those whose token was, by the check that failed.
#[derive(Debug, Default)]
pub struct Refusals {
    reasons: CountedEach<{ REFUSAL_LABELS.len() }>,
    checks: CountedEach<{ auth::CHECK_LABELS.len() }>,
}

impl Refusals {
    /// Counts a refusal. If it is time for a line of the log about its like, returns the number of those that were passed
    /// over since the last line. What a limit or a drain refuses is no line.
    pub(super) fn count(&self, refusal: &Refusal, now: Instant) -> Option<u64> {
        let is_due = self.reasons.count(refusal.index(), now);
        match refusal {
            Refusal::Token(refusal) => self.checks.count(refusal.check()?, now),
            Refusal::Query(_)
            | Refusal::BrokerRefused(_)
            | Refusal::Origin
            | Refusal::Handshake(_)
            | Refusal::Malformed
            | Refusal::HeadTooLarge => is_due,
            Refusal::NoPermit(_) | Refusal::NoBroker | Refusal::Draining => None,
        }
    }

    /// The counts now, in the order of [`REFUSAL_LABELS`].
    pub fn counts(&self) -> [u64; REFUSAL_LABELS.len()] {
        self.reasons.get()
    }

    /// The counts of tokens now, in the order of [`auth::CHECK_LABELS`].
    pub fn checks(&self) -> [u64; auth::CHECK_LABELS.len()] {
        self.checks.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use floodway_core::log_rate::LOG_PAUSE;

    #[test]
    fn a_token_is_counted_by_its_reason_and_by_its_check() {
        let (refusals, start) = (Refusals::default(), Instant::now());
        let count = |refusal, now| refusals.count(&Refusal::Token(refusal), now);
        assert_eq!(count(auth::Refusal::Missing, start), None);
        assert_eq!(count(auth::Refusal::Role, start), Some(0));
        assert_eq!(count(auth::Refusal::Role, start + LOG_PAUSE / 2), None);
        assert_eq!(count(auth::Refusal::Role, start + LOG_PAUSE / 2), None);
        assert_eq!(count(auth::Refusal::OtherTenant, start), Some(0));
        assert_eq!(count(auth::Refusal::Role, start + LOG_PAUSE), Some(2));
        assert_eq!(refusals.checks()[11..], [1, 4]);
        assert_eq!(refusals.checks().iter().sum::<u64>(), 5);
    }

    #[test]
    fn each_reason_has_a_label_and_a_count_of_its_own() {
        let refusals = [
            Refusal::Token(auth::Refusal::Missing),
            Refusal::Token(auth::Refusal::Invalid(auth::Fault::Expired)),
            Refusal::Token(auth::Refusal::NoTenant("tenant_id is a number")),
            Refusal::Token(auth::Refusal::Role),
            Refusal::Query("a bad id".to_owned()),
            Refusal::NoPermit(NoPermit::Tenant { limit: 1 }),
            Refusal::NoPermit(NoPermit::Gateway),
            Refusal::NoBroker,
            Refusal::Draining,
            Refusal::Token(auth::Refusal::NoKeys),
            Refusal::Origin,
            Refusal::Handshake(HandshakeError::Key),
            Refusal::Malformed,
            Refusal::HeadTooLarge,
            Refusal::BrokerRefused(None),
        ];
        let counts = Refusals::default();
        for (times, refusal) in refusals.iter().enumerate() {
            assert_eq!(refusal.label(), REFUSAL_LABELS[times]);
            (0..times).for_each(|_| _ = counts.count(refusal, Instant::now()));
        }
        assert_eq!(counts.counts(), std::array::from_fn(|at| at as u64));
    }
}
