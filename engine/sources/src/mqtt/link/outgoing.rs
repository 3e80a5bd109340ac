//! From requests to bytes, and their packet ids.
//!
//! Invariants: a packet id belongs to one request from its sending to its answer; nothing is sent that is larger than the
//! broker takes, nor more publishes of QoS 1 ahead of their acknowledgement than it takes (MQTT 5.0, 3.2.2.3.3).

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use hashbrown::HashMap;

use super::codec::{DisconnectReasonCode, Packet, RequestKind, Welcome};
use super::error::{LinkError, Unsent};
use super::transport::Stream;
use super::version::Version;
use crate::mqtt::request::Request;

/// Bytes that wait to be written, beyond which nothing is sent or read any more; one packet may exceed it.
const WAITING_BYTES: usize = 64 * 1024;

pub(super) struct Outgoing {
    waiting: BytesMut,
    version: Version,
    /// Of tenants' subscriptions.
    qos: u8,
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
    /// Within the bounds that the broker has told.
    pub(super) fn new(version: Version, qos: u8, welcome: &Welcome) -> Self {
        Self {
            waiting: BytesMut::new(),
            version,
            qos,
            limit: welcome.packet_bytes,
            receive_max: welcome.publishes,
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
        let kind = RequestKind::of(&request);
        if kind == RequestKind::Publish && !self.may_publish() {
            return Err(Unsent::Full);
        }
        self.push(&self.version.request(id, request, self.qos))?;
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
        self.push(&self.version.clear(topic))
    }

    pub(super) fn acknowledge(&mut self, id: u16) {
        self.small(&Version::acknowledgement(id));
    }

    pub(super) fn ping(&mut self) {
        self.small(&Version::PING);
    }

    pub(super) fn disconnect(&mut self, reason: DisconnectReasonCode) {
        self.small(&self.version.disconnect(reason));
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

    fn push(&mut self, packet: &Packet) -> Result<(), Unsent> {
        let too_large = Unsent::TooLarge { bytes: packet.size(), limit: self.limit };
        if packet.size() > self.limit as usize {
            return Err(too_large);
        }
        // It fails only beyond what the format can express.
        if packet.write(&mut self.waiting) { Ok(()) } else { Err(too_large) }
    }

    /// For a packet of a few bytes, which no limit concerns.
    fn small(&mut self, packet: &[u8]) {
        if !self.is_over {
            self.waiting.extend_from_slice(packet);
        }
    }
}

#[cfg(test)]
mod tests;
