//! The seam between control and whatever keeps its documents.
//!
//! A store keeps the last message of each topic, and hands every message to each gateway that follows it, the sender
//! included. Retained messages of an MQTT broker are one; a table with notifications or a bucket of keys and values can be
//! another. The source that owns it drives a [`super::Follower`]: it sends the requests that the follower asks for, gives
//! each a number, and passes on the answers and all messages in the order of the store.

/// Bytes of a message besides topic and payload, at most (MQTT 5.0, 3.3).
const MESSAGE_OVERHEAD: usize = 32;

/// What is known of a store once it is connected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreFacts {
    /// The largest message that it takes and that we take back, in bytes.
    pub message_bytes: usize,
    /// Where that bound is set, for people.
    pub message_bytes_setting: &'static str,
    /// Whether it keeps messages and confirms what it was sent.
    pub is_able: bool,
    /// Whether it must be given no name that NATS takes for a wildcard ([`floodway_protocol::names::is_wild`]).
    pub refuses_wild_names: bool,
    /// Whether it sends first what came while we were away, of which it may have dropped some.
    pub has_backlog: bool,
}

impl StoreFacts {
    /// Whether the store takes this when it is published.
    pub(super) fn admit(&self, topic: &str, payload: &[u8]) -> bool {
        topic.len() + payload.len() + MESSAGE_OVERHEAD <= self.message_bytes
    }
}

/// What may be sent to a store now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreReady {
    /// Whether something may be published.
    pub publish: bool,
    /// Whether something may be subscribed.
    pub subscribe: bool,
}

/// What to send to a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreRequest {
    /// Send every message that is kept and matches this filter, then each new one, and show which are kept.
    Follow(&'static str),
    /// Publish a message, and confirm that it was taken.
    Publish {
        /// Where.
        topic: String,
        /// What; empty and retained, it deletes.
        payload: Vec<u8>,
        /// Whether the store keeps it.
        retain: bool,
        /// Seconds after which the store forgets it.
        expiry: Option<u32>,
    },
}

pub(super) fn publish(topic: String, payload: Vec<u8>, retain: bool, expiry: Option<u32>) -> StoreRequest {
    StoreRequest::Publish { topic, payload, retain, expiry }
}
