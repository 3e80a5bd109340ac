//! From the bytes that were read to packets.
//!
//! Invariants: what is found does not depend on how the bytes were split; no more is gathered than the largest packet
//! that we take, or the longest topic, and one reading; what was handed out pins the buffer until it is dropped.

use std::fmt;

use bytes::{Buf, Bytes, BytesMut};
use rumqttc::v5::mqttbytes::v5::{
    Disconnect, DisconnectReasonCode, FixedHeader, PubAck, PubAckReason, Publish, SubAck, UnsubAck, UnsubAckReason,
    check,
};
use rumqttc::v5::mqttbytes::{Error as CodecError, QoS};

use super::error::{LinkError, Reason};
use super::outgoing::RequestKind;
use crate::mqtt::request::Answer;

const QOS_2: &str = "a message of QoS 2, which we never ask for";

/// Bytes of one reading at most.
pub(super) const READ_BYTES: usize = 16 * 1024;

/// A message, whose bytes are in the read buffer.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::mqtt) struct Message {
    pub(in crate::mqtt) topic: Bytes,
    pub(in crate::mqtt) payload: Bytes,
    pub(in crate::mqtt) retain: bool,
    /// The broker may have sent it before.
    pub(in crate::mqtt) dup: bool,
    /// It is acknowledged with this packet id, unless that is 0.
    pub(in crate::mqtt) id: u16,
}

/// What is known of a message that is larger than we take.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::mqtt) struct Oversized {
    pub(in crate::mqtt) topic: Bytes,
    /// Bytes of its packet.
    pub(in crate::mqtt) bytes: usize,
}

/// A packet of the broker.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Received {
    Message(Message),
    /// A message larger than we take has come and is gone. It is acknowledged with this packet id, unless that is 0.
    TooLarge(Oversized, u16),
    /// The request with this packet id was answered, one answer for each filter.
    Answer(u16, RequestKind, Vec<Answer>),
    Pong,
}

pub(super) struct Incoming {
    pub(super) read: BytesMut,
    limit: u32,
    skip: Option<Skip>,
}

/// A message that is thrown away as it comes.
struct Skip {
    message: Oversized,
    id: u16,
    /// Bytes that are still to come.
    left: usize,
}

impl Incoming {
    /// Goes on with what is in `read`. Messages of more than `limit` bytes, not counting the fixed header, are skipped.
    pub(super) fn new(read: BytesMut, limit: u32) -> Self {
        Self { read, limit, skip: None }
    }

    /// The next packet, if it is there. After an error nothing more is to be asked for.
    pub(super) fn next(&mut self) -> Result<Option<Received>, LinkError> {
        if self.skip.is_some() {
            return Ok(self.skipped());
        }
        let header = match check(self.read.iter(), Some(self.limit)) {
            Ok(header) => header,
            Err(CodecError::InsufficientBytes(_)) => return Ok(None),
            Err(CodecError::PayloadSizeLimitExceeded { pkt_size, .. }) => {
                self.skip = self.oversized(pkt_size)?;
                return Ok(self.skipped());
            }
            Err(error) => return Err(LinkError::Malformed(error)),
        };
        let first = self.read[0];
        let frame = self.read.split_to(header.frame_length()).freeze();
        // An `InsufficientBytes` of these is a packet that is shorter than it says inside.
        packet(first, header, frame).map(Some)
    }

    /// The message, too large, that begins here, once its topic and packet id are there. `remaining` bytes follow its
    /// fixed header.
    fn oversized(&self, remaining: usize) -> Result<Option<Skip>, LinkError> {
        let first = self.read[0];
        if !matches!(first, 0x30..=0x3f) {
            let what = "a packet, other than a message, that is larger than we take";
            return Err(LinkError::Protocol(what, DisconnectReasonCode::PacketTooLarge));
        }
        let qos = (first >> 1) & 0b11;
        if qos > 1 {
            return Err(unexpected(QOS_2));
        }
        let body = body(&self.read);
        let Some(topic_bytes) = body.first_chunk().copied().map(u16::from_be_bytes) else {
            return Ok(None);
        };
        let topic_end = 2 + usize::from(topic_bytes);
        let head_end = topic_end + 2 * usize::from(qos);
        if head_end > remaining {
            return Err(LinkError::Malformed(CodecError::MalformedPacket));
        }
        let Some(head) = body.get(..head_end) else {
            return Ok(None);
        };
        let id = match head[topic_end..] {
            [high, low] => u16::from_be_bytes([high, low]),
            _ => 0,
        };
        let bytes = self.read.len() - body.len() + remaining;
        let message = Oversized { topic: Bytes::copy_from_slice(&head[2..topic_end]), bytes };
        Ok(Some(Skip { message, id, left: bytes }))
    }

    /// Throws away what has come of the message, and returns it once that is all.
    fn skipped(&mut self) -> Option<Received> {
        let skip = self.skip.as_mut()?;
        let come = skip.left.min(self.read.len());
        self.read.advance(come);
        skip.left -= come;
        let skip = self.skip.take_if(|skip| skip.left == 0)?;
        Some(Received::TooLarge(skip.message, skip.id))
    }
}

fn packet(first: u8, header: FixedHeader, frame: Bytes) -> Result<Received, LinkError> {
    let packet = match first {
        0x30..=0x3f => return message(Publish::read(header, frame).map_err(LinkError::Malformed)?),
        0x40 => PubAck::read(header, frame).map(|ack| {
            let is_taken = matches!(ack.reason, PubAckReason::Success | PubAckReason::NoMatchingSubscribers);
            Received::Answer(ack.pkid, RequestKind::Publish, vec![answer(is_taken, ack.reason)])
        }),
        0x90 => suback(header, frame).ok_or(CodecError::MalformedPacket),
        0xb0 => UnsubAck::read(header, frame).map(|ack| {
            let answers = ack.reasons.into_iter().map(|reason| answer(reason == UnsubAckReason::Success, reason));
            Received::Answer(ack.pkid, RequestKind::Unsubscribe, answers.collect())
        }),
        0xd0 => Ok(Received::Pong),
        0xe0 => return Err(LinkError::Disconnected(disconnect_reason(header, frame))),
        _ => return Err(unexpected("a packet that we never get")),
    };
    packet.map_err(LinkError::Malformed)
}

fn message(publish: Publish) -> Result<Received, LinkError> {
    if publish.qos == QoS::ExactlyOnce {
        return Err(unexpected(QOS_2));
    }
    if publish.properties.is_some_and(|properties| properties.topic_alias.is_some()) {
        let reason = DisconnectReasonCode::TopicAliasInvalid;
        return Err(LinkError::Protocol("a topic alias, though we take none", reason));
    }
    let Publish { dup, retain, topic, pkid: id, payload, .. } = publish;
    Ok(Received::Message(Message { topic, payload, retain, dup, id }))
}

fn unexpected(what: &'static str) -> LinkError {
    LinkError::Protocol(what, DisconnectReasonCode::ProtocolError)
}

/// Why the broker ends the connection. Without a code it is a normal end (MQTT 5.0, 3.14.2.1).
pub(super) fn disconnect_reason(header: FixedHeader, frame: Bytes) -> Reason {
    let code = body(&frame).first().copied().unwrap_or(0);
    let disconnect = Disconnect::read(header, frame).ok();
    let text = disconnect.and_then(|disconnect| disconnect.properties?.reason_string);
    Reason::new(code, text)
}

/// What follows the fixed header of a whole packet.
pub(super) fn body(frame: &[u8]) -> &[u8] {
    let length = frame.iter().skip(1).take_while(|&&byte| byte & 0x80 != 0);
    frame.get(2 + length.count()..).unwrap_or_default()
}

fn answer(is_done: bool, reason: impl fmt::Debug) -> Answer {
    if is_done { Ok(()) } else { Err(format!("{reason:?}")) }
}

/// By hand (MQTT 5.0, 3.9), all but its explanation: an error that the codec does not know refuses like any other, and
/// is no reason to disconnect.
fn suback(header: FixedHeader, frame: Bytes) -> Option<Received> {
    let (id, rest) = body(&frame).split_first_chunk()?;
    let digits = 1 + rest.iter().take_while(|&&byte| byte & 0x80 != 0).count();
    let length = rest.get(..digits.min(4))?.iter().rev();
    let properties = length.fold(0, |sum, byte| sum << 7 | usize::from(byte & 0x7f));
    let codes = rest.get(digits + properties..)?;
    let suback = SubAck::read(header, frame.clone()).ok();
    let text = suback.and_then(|suback| suback.properties?.reason_string);
    let answers = codes.iter().map(|&code| granted(code, text.clone()));
    let id = u16::from_be_bytes(*id);
    Some(Received::Answer(id, RequestKind::Subscribe, answers.collect::<Option<_>>()?))
}

fn granted(code: u8, text: Option<String>) -> Option<Answer> {
    match code {
        0..=2 => Some(Ok(())),
        3..0x80 => None,
        refused => Some(Err(Reason::new(refused, text).to_string())),
    }
}

#[cfg(all(test, not(floodway_loom)))]
mod tests;
