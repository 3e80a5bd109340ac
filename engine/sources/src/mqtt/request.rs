//! What is asked of a broker, and what it answers.

use crate::control::StoreRequest;

/// What to send to the broker.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Request {
    /// To these filters.
    Subscribe(Vec<String>),
    Unsubscribe(String),
    Control(StoreRequest),
}

impl Request {
    /// Whether the broker is to subscribe or unsubscribe something. Some take only so many of these a second.
    pub(super) fn is_of_subscriptions(&self) -> bool {
        !matches!(self, Self::Control(StoreRequest::Publish { .. }))
    }
}

/// The broker's answer for one filter, with its reason to refuse (MQTT 5.0, 3.9.3), if it names one (not in 3.1.1).
pub(super) type Answer = Result<(), String>;
