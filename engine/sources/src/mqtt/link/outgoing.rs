//! From requests to bytes, and their packet ids.
//!
//! Invariants: a packet id belongs to one request from its sending to its answer; nothing is sent that is larger than the
//! broker takes, nor more publishes of QoS 1 ahead of their acknowledgement than it takes (MQTT 5.0, 3.2.2.3.3).

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use hashbrown::HashMap;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{
    ConnAckProperties, DisconnectReasonCode, Filter, Packet, PingReq, PubAck, Publish, PublishProperties,
    RetainForwardRule, Subscribe, Unsubscribe,
};

use super::error::{LinkError, Unsent};
use super::transport::Stream;
use crate::control::StoreRequest;
use crate::mqtt::request::Request;

/// Bytes that wait to be written, beyond which nothing is sent or read any more; one packet may exceed it.
const WAITING_BYTES: usize = 64 * 1024;

/// What kind of request an answer is to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RequestKind {
    Publish,
    Subscribe,
    Unsubscribe,
}

pub(super) struct Outgoing {
    waiting: BytesMut,
    /// Of tenants' subscriptions.
    qos: QoS,
    /// Bytes of a packet, at most.
    pub(super) limit: u32,
    receive_max: u16,
    publishes: usize,
    /// Requests by packet id.
    unanswered: HashMap<u16, RequestKind>,
    last_id: u16,
    /// The DISCONNECT is written or waits: it is the last packet.
    is_over: bool,
}

impl Outgoing {
    /// Within the bounds of the CONNACK. What it leaves out, or gives as 0, which is none, is without a bound.
    pub(super) fn new(qos: QoS, connack: Option<&ConnAckProperties>) -> Self {
        let limit = connack.and_then(|connack| connack.max_packet_size);
        let receive_max = connack.and_then(|connack| connack.receive_max);
        Self {
            waiting: BytesMut::new(),
            qos,
            limit: limit.filter(|&bytes| bytes != 0).unwrap_or(u32::MAX),
            receive_max: receive_max.filter(|&most| most != 0).unwrap_or(u16::MAX),
            publishes: 0,
            unanswered: HashMap::new(),
            last_id: 0,
            is_over: false,
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.waiting.len() >= WAITING_BYTES
    }

    pub(super) fn may_send(&self) -> bool {
        !self.is_over && !self.is_full()
    }

    pub(super) fn may_publish(&self) -> bool {
        self.may_send() && self.publishes < usize::from(self.receive_max)
    }

    pub(super) fn request(&mut self, request: Request) -> Result<u16, Unsent> {
        let id = self.free_id().filter(|_| self.may_send()).ok_or(Unsent::Full)?;
        let (kind, packet) = self.packet(id, request);
        if kind == RequestKind::Publish && !self.may_publish() {
            return Err(Unsent::Full);
        }
        self.push(&packet)?;
        self.publishes += usize::from(kind == RequestKind::Publish);
        self.unanswered.insert(id, kind);
        self.last_id = id;
        Ok(id)
    }

    /// A request of this kind and id was answered. Returns whether there was one.
    pub(super) fn answered(&mut self, id: u16, kind: RequestKind) -> bool {
        if self.unanswered.get(&id) != Some(&kind) {
            return false;
        }
        self.unanswered.remove(&id);
        self.publishes -= usize::from(kind == RequestKind::Publish);
        true
    }

    /// Deletes the retained message of `topic`, without an answer.
    pub(super) fn clear(&mut self, topic: String) -> Result<(), Unsent> {
        let mut publish = Publish::new(topic, QoS::AtMostOnce, "", None);
        publish.retain = true;
        self.push(&Packet::Publish(publish))
    }

    pub(super) fn acknowledge(&mut self, id: u16) {
        self.small(&Packet::PubAck(PubAck::new(id, None)));
    }

    pub(super) fn ping(&mut self) {
        self.small(&Packet::PingReq(PingReq));
    }

    pub(super) fn disconnect(&mut self, reason: DisconnectReasonCode) {
        // By hand (MQTT 5.0, 3.14): the codec gets the length of one without properties wrong.
        if !self.is_over {
            self.waiting.extend_from_slice(&[0xe0, 2, reason as u8, 0]);
        }
        self.is_over = true;
    }

    pub(super) fn poll_write(&mut self, stream: &mut dyn Stream, cx: &mut Context<'_>) -> Poll<Result<(), LinkError>> {
        while !self.waiting.is_empty() {
            let written = ready!(Pin::new(&mut *stream).poll_write(cx, &self.waiting)).map_err(LinkError::broken)?;
            if written == 0 {
                return Poll::Ready(Err(LinkError::Closed));
            }
            self.waiting.advance(written);
        }
        // What carries MQTT may hold back what it took.
        Pin::new(&mut *stream).poll_flush(cx).map_err(LinkError::broken)
    }

    /// The next id after the last one that nobody has.
    fn free_id(&self) -> Option<u16> {
        let after = |steps: u16| (u32::from(self.last_id) + u32::from(steps)) % u32::from(u16::MAX);
        let mut ids = (0..u16::MAX).map(|steps| after(steps) as u16 + 1);
        ids.find(|id| !self.unanswered.contains_key(id))
    }

    fn packet(&self, id: u16, request: Request) -> (RequestKind, Packet) {
        match request {
            Request::Subscribe(filters) => {
                let filters = filters.into_iter().map(|filter| live(filter, self.qos));
                (RequestKind::Subscribe, subscribe(id, filters.collect()))
            }
            Request::Unsubscribe(filter) => {
                let mut unsubscribe = Unsubscribe::new(filter, None);
                unsubscribe.pkid = id;
                (RequestKind::Unsubscribe, Packet::Unsubscribe(unsubscribe))
            }
            Request::Control(StoreRequest::Follow(filter)) => {
                (RequestKind::Subscribe, subscribe(id, vec![following(filter)]))
            }
            Request::Control(StoreRequest::Publish { topic, payload, retain, expiry }) => {
                let properties = PublishProperties { message_expiry_interval: expiry, ..PublishProperties::default() };
                let mut publish = Publish::new(topic, QoS::AtLeastOnce, payload, Some(properties));
                (publish.pkid, publish.retain) = (id, retain);
                (RequestKind::Publish, Packet::Publish(publish))
            }
        }
    }

    fn push(&mut self, packet: &Packet) -> Result<(), Unsent> {
        let too_large = Unsent::TooLarge { bytes: packet.size(), limit: self.limit };
        if packet.size() > self.limit as usize {
            return Err(too_large);
        }
        // It fails only beyond what the format can express.
        packet.write(&mut self.waiting, None).map(|_| ()).map_err(|_| too_large)
    }

    /// For a packet of a few bytes, which no limit concerns.
    fn small(&mut self, packet: &Packet) {
        if self.is_over {
            return;
        }
        let written = packet.write(&mut self.waiting, None);
        debug_assert!(written.is_ok(), "{written:?}");
    }
}

fn subscribe(id: u16, filters: Vec<Filter>) -> Packet {
    Packet::Subscribe(Subscribe { pkid: id, filters, properties: None })
}

/// Live events only: a retained one is old, and would come again with each subscription.
fn live(path: String, qos: QoS) -> Filter {
    Filter { retain_forward_rule: RetainForwardRule::Never, ..Filter::new(path, qos) }
}

/// Everything that is retained, first; then what comes, with the flag that it was published with (MQTT 5.0, 3.8.3.1).
fn following(filter: &str) -> Filter {
    Filter {
        preserve_retain: true,
        retain_forward_rule: RetainForwardRule::OnEverySubscribe,
        ..Filter::new(filter, QoS::AtLeastOnce)
    }
}

#[cfg(test)]
mod tests;
