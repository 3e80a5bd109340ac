//! From the bytes that were read to what they say.
//!
//! Invariants: what is found does not depend on how the bytes were split; nothing larger than the packets that we
//! announced is gathered, besides one reading; what was handed out pins the buffer until it is dropped.

use bytes::{Bytes, BytesMut};
use rumqttc::v5::mqttbytes::v5::{
    Disconnect, DisconnectReasonCode, FixedHeader, PubAck, PubAckReason, Publish, SubAck,
    SubscribeReasonCode, UnsubAck, UnsubAckReason, check,
};
use rumqttc::v5::mqttbytes::{Error as CodecError, QoS};

use super::error::{LinkError, Reason};
use super::outgoing::Asked;
use crate::ingest::subscriptions::Answer;

/// Bytes of one reading at most.
pub(super) const READ_BYTES: usize = 16 * 1024;

/// A message, whose bytes are in the read buffer.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::ingest) struct Message {
    pub(in crate::ingest) topic: Bytes,
    pub(in crate::ingest) payload: Bytes,
    pub(in crate::ingest) retain: bool,
}

/// What a packet says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// A message, to be acknowledged with this packet id, unless it is 0.
    Message(Message, u16),
    /// The request with this packet id was answered, one answer for each filter.
    Answer(u16, Asked, Vec<Answer>),
    /// A ping was answered.
    Pong,
}

pub(super) struct Incoming {
    pub(super) read: BytesMut,
    limit: u32,
}

impl Incoming {
    /// Goes on with what is in `read`. Packets may have `limit` bytes.
    pub(super) fn new(read: BytesMut, limit: u32) -> Self {
        Self { read, limit }
    }

    /// What the next packet says, if it is there. After an error nothing more is to be asked for.
    pub(super) fn next(&mut self) -> Result<Option<Said>, LinkError> {
        let header = match check(self.read.iter(), Some(self.limit)) {
            Ok(header) => header,
            Err(CodecError::InsufficientBytes(_)) => return Ok(None),
            Err(error) => return Err(LinkError::Malformed(error)),
        };
        let first = self.read[0];
        let frame = self.read.split_to(header.frame_length()).freeze();
        // An `InsufficientBytes` of these is a packet that is shorter than it says inside.
        said(first, header, frame)
    }
}

fn said(first: u8, header: FixedHeader, frame: Bytes) -> Result<Option<Said>, LinkError> {
    let said = match first {
        0x30..=0x3f => return message(Publish::read(header, frame).map_err(LinkError::Malformed)?),
        0x40 => PubAck::read(header, frame)
            .map(|ack| Said::Answer(ack.pkid, Asked::Publish, vec![taken(ack.reason)])),
        0x90 => SubAck::read(header, frame).map(|ack| {
            let answers = ack.return_codes.into_iter().map(granted).collect();
            Said::Answer(ack.pkid, Asked::Subscribe, answers)
        }),
        0xb0 => UnsubAck::read(header, frame).map(|ack| {
            let answers = ack.reasons.into_iter().map(removed).collect();
            Said::Answer(ack.pkid, Asked::Unsubscribe, answers)
        }),
        0xd0 => Ok(Said::Pong),
        0xe0 => return Err(LinkError::Disconnected(farewell(header, frame))),
        _ => return Err(unexpected("a packet that we never get")),
    };
    said.map(Some).map_err(LinkError::Malformed)
}

fn message(publish: Publish) -> Result<Option<Said>, LinkError> {
    if publish.qos == QoS::ExactlyOnce {
        return Err(unexpected("a message of QoS 2, never asked for"));
    }
    let alias = publish.properties.and_then(|told| told.topic_alias);
    if alias.is_some() {
        let reason = DisconnectReasonCode::TopicAliasInvalid;
        return Err(LinkError::Protocol(
            "a topic alias, though we take none",
            reason,
        ));
    }
    let message = Message {
        topic: publish.topic,
        payload: publish.payload,
        retain: publish.retain,
    };
    Ok(Some(Said::Message(message, publish.pkid)))
}

fn unexpected(what: &'static str) -> LinkError {
    LinkError::Protocol(what, DisconnectReasonCode::ProtocolError)
}

/// Why the broker ends the connection. Without a code it is a normal end (MQTT 5.0, 3.14.2.1).
fn farewell(header: FixedHeader, frame: Bytes) -> Reason {
    let code = body(&frame).first().copied().unwrap_or(0);
    let told = Disconnect::read(header, frame).ok();
    let told = told.and_then(|told| told.properties?.reason_string);
    Reason::new(code, told)
}

/// What follows the fixed header of a whole packet.
pub(super) fn body(frame: &[u8]) -> &[u8] {
    let length = frame.iter().skip(1).take_while(|&&byte| byte & 0x80 != 0);
    frame.get(2 + length.count()..).unwrap_or_default()
}

fn taken(reason: PubAckReason) -> Answer {
    match reason {
        PubAckReason::Success | PubAckReason::NoMatchingSubscribers => Ok(()),
        refused => Err(format!("{refused:?}")),
    }
}

fn granted(code: SubscribeReasonCode) -> Answer {
    match code {
        SubscribeReasonCode::Success(_) => Ok(()),
        refused => Err(format!("{refused:?}")),
    }
}

fn removed(reason: UnsubAckReason) -> Answer {
    match reason {
        UnsubAckReason::Success => Ok(()),
        other => Err(format!("{other:?}")),
    }
}
