//! What follower and link say to each other.

use super::caution::Cautions;
use super::replay::{Replay, Step};
use super::topic;

/// Bytes of a PUBLISH besides topic and payload, at most (MQTT 5.0, 3.3).
const PACKET_OVERHEAD: usize = 32;

/// What the broker said of itself when it let us in (MQTT 5.0, 3.2.2.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The largest packet that it takes, and that we take back, in bytes.
    pub packet_bytes: usize,
    /// Whether it keeps retained messages and takes QoS 1.
    pub is_able: bool,
}

impl Facts {
    /// Whether the broker takes this when it is published.
    pub(super) fn admit(&self, topic: &str, payload: &[u8]) -> bool {
        topic.len() + payload.len() + PACKET_OVERHEAD <= self.packet_bytes
    }
}

/// What may be sent now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct May {
    /// Whether something may be published.
    pub publish: bool,
    /// Whether something may be subscribed.
    pub subscribe: bool,
}

/// What to send to the broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Subscribe to this filter with QoS 1, retained messages included, and their flag as it was published.
    Follow(&'static str),
    /// Publish with QoS 1.
    Publish {
        /// Where.
        topic: String,
        /// What; empty and retained, it deletes.
        payload: Vec<u8>,
        /// Whether the broker keeps it.
        retain: bool,
        /// Seconds after which the broker forgets it.
        expiry: Option<u32>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    Subscribe,
    Mark,
    Write,
    Status,
}

#[derive(Debug)]
pub(super) struct UnderWay {
    pub(super) what: What,
    /// Its packet id, once it is on its way.
    pub(super) id: Option<u16>,
}

/// The next step of reading, as `node`.
pub(super) fn reading(
    replay: &mut Replay,
    node: &str,
    cautions: &mut Cautions,
    may: May,
) -> Option<(What, Request)> {
    match replay.step {
        Step::Subscribe if may.subscribe => {
            cautions.follow.tries();
            replay.step = Step::Granted;
            Some((What::Subscribe, Request::Follow(topic::ALL)))
        }
        Step::Mark if may.publish && cautions.mark.may_try() => {
            cautions.mark.tries();
            replay.step = Step::Wait;
            let (topic, nonce) = (topic::sync(node), replay.nonce.clone());
            Some((What::Mark, publish(topic, nonce.into_bytes(), false, None)))
        }
        _ => None,
    }
}

pub(super) fn publish(
    topic: String,
    payload: Vec<u8>,
    retain: bool,
    expiry: Option<u32>,
) -> Request {
    Request::Publish {
        topic,
        payload,
        retain,
        expiry,
    }
}
