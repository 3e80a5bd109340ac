//! Why a stream is not begun: one value gives the WebSocket close code, the HTTP status, the text and the metric label.

use std::time::Duration;

use http::StatusCode;

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
