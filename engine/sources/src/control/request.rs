//! What follower and link say to each other.

use std::collections::VecDeque;

use super::initial_sync::{InitialSync, Step};
use super::publish_probe::PublishProbes;
use super::topic;

/// Bytes of a PUBLISH besides topic and payload, at most (MQTT 5.0, 3.3).
const PACKET_OVERHEAD: usize = 32;

/// Requests under way. Beyond it the oldest one's answer means nothing any more.
const UNDER_WAY: usize = 128;

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
pub(super) enum RequestKind {
    Subscribe,
    Mark,
    Reserve,
    Write,
    Status,
}

/// The requests whose answer is waited for, oldest first, each with its packet id once it is on its way.
#[derive(Debug, Default)]
pub(super) struct UnderWay(VecDeque<(RequestKind, Option<u16>)>);

impl UnderWay {
    pub(super) fn begin(&mut self, what: RequestKind) {
        if self.0.len() >= UNDER_WAY {
            self.0.pop_front();
        }
        self.0.push_back((what, None));
    }

    /// The request that was handed over last has this packet id. Returns what it is.
    pub(super) fn sent(&mut self, id: u16) -> Option<RequestKind> {
        let (what, last) = self.0.back_mut()?;
        *last = Some(id);
        Some(*what)
    }

    /// The request with this packet id is answered. Returns what it was.
    pub(super) fn answered(&mut self, id: u16) -> Option<RequestKind> {
        let place = self.0.iter().position(|(_, its)| *its == Some(id))?;
        self.0.remove(place).map(|(what, _)| what)
    }
}

/// The next step of reading, as `node`.
pub(super) fn reading(
    replay: &mut InitialSync,
    node: &str,
    probes: &mut PublishProbes,
    may: May,
) -> Option<(RequestKind, Request)> {
    match replay.step {
        Step::Subscribe if may.subscribe => {
            probes.follow.tries();
            replay.step = Step::Granted;
            Some((RequestKind::Subscribe, Request::Follow(topic::ALL)))
        }
        Step::Mark if may.publish && probes.mark.may_try() => {
            probes.mark.tries();
            replay.step = Step::Wait;
            let (topic, nonce) = (topic::sync(node), replay.nonce.clone());
            Some((
                RequestKind::Mark,
                publish(topic, nonce.into_bytes(), false, None),
            ))
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
