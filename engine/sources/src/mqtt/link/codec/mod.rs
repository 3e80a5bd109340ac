//! Packets as bytes, in each version of MQTT that brokers speak.
//!
//! The rest of the room knows requests, answers and messages. What a [`Version`] can't say is left out here, and what it does
//! not name is told in words. There is one function for each kind of packet, which calls that of `v5` or `v4` directly;
//! what both write alike stands here.

mod v4;
mod v5;

use bytes::{Bytes, BytesMut};
use rumqttc::mqttbytes::v4::Packet as V4Packet;
use rumqttc::v5::mqttbytes::v5::Packet as V5Packet;

pub(super) use rumqttc::v5::mqttbytes::Error as CodecError;
pub(super) use rumqttc::v5::mqttbytes::v5::DisconnectReasonCode;
// The fixed header is the same in both versions.
pub(super) use rumqttc::v5::mqttbytes::v5::{FixedHeader, check};

use super::Client;
use super::error::LinkError;
use super::version::Version;
use crate::mqtt::request::{Answer, Request};

const QOS_2: &str = "a message of QoS 2, which we never ask for";

/// Bytes of a CONNACK: its texts are the only ones of some length.
const CONNACK_BYTES: u32 = 256 * 1024;

/// The first byte of a CONNACK, and of a DISCONNECT, which some send in its place.
const CONNACK: u8 = 0x20;
const DISCONNECT: u8 = 0xe0;

/// Who connects, and what is announced.
#[derive(Debug)]
pub(super) struct Hello<'a> {
    pub(super) client: &'a Client<'a>,
    /// User name and password.
    pub(super) login: Option<(&'a str, &'a str)>,
    /// In seconds.
    pub(super) keep_alive: u16,
    /// The largest packet that we take, so that the broker skips what is larger. MQTT 3.1.1 can't say it.
    pub(super) packet_bytes: u32,
}

/// What a broker that lets us in says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Welcome {
    pub(super) session_present: bool,
    /// The longest pause between two packets of ours that it demands, in seconds.
    pub(super) keep_alive: Option<u16>,
    /// The largest packet that it takes.
    pub(super) packet_bytes: u32,
    /// Messages of QoS 1 that it takes ahead of their acknowledgement.
    pub(super) publishes: u16,
    /// Whether it keeps retained messages and takes QoS 1.
    pub(super) is_store: bool,
}

impl Default for Welcome {
    /// What is not said is without a bound (MQTT 5.0, 3.2.2.3).
    fn default() -> Self {
        Self {
            session_present: false,
            keep_alive: None,
            packet_bytes: u32::MAX,
            publishes: u16::MAX,
            is_store: true,
        }
    }
}

/// A message, whose bytes are in the read buffer.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::mqtt) struct Message {
    pub(in crate::mqtt) topic: Bytes,
    pub(in crate::mqtt) payload: Bytes,
    /// The broker has kept it from before, unless the subscription asked for the publisher's own flag.
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

/// What kind of request an answer is to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RequestKind {
    Publish,
    Subscribe,
    Unsubscribe,
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

/// A packet to be sent.
pub(super) enum Packet {
    V4(V4Packet),
    V5(Box<V5Packet>),
}

impl Packet {
    pub(super) fn size(&self) -> usize {
        match self {
            Self::V4(packet) => packet.size(),
            Self::V5(packet) => packet.size(),
        }
    }

    /// Appends it to `bytes`. False if it is beyond what the format can express.
    pub(super) fn write(&self, bytes: &mut BytesMut) -> bool {
        match self {
            Self::V4(packet) => packet.write(bytes, usize::MAX).is_ok(),
            Self::V5(packet) => packet.write(bytes, None).is_ok(),
        }
    }
}

impl Version {
    pub(super) fn connect(self, hello: &Hello<'_>) -> Packet {
        match self {
            Self::V4 => Packet::V4(v4::connect(hello)),
            Self::V5 => Packet::V5(Box::new(v5::connect(hello))),
        }
    }

    /// The CONNACK at the beginning of `read`, once it is there.
    pub(super) fn connack(self, read: &mut BytesMut) -> Result<Option<Welcome>, LinkError> {
        let first = match read.first() {
            None => return Ok(None),
            Some(&first @ (CONNACK | DISCONNECT)) => first,
            Some(&other) => return Err(LinkError::Foreign(other)),
        };
        let header = match check(read.iter(), Some(CONNACK_BYTES)) {
            Ok(header) => header,
            Err(CodecError::InsufficientBytes(_)) => return Ok(None),
            Err(error) => return Err(LinkError::Malformed(error)),
        };
        let frame = read.split_to(header.frame_length()).freeze();
        if first == DISCONNECT {
            return Err(LinkError::Disconnected(v5::disconnect_reason(header, frame)));
        }
        let welcome = match self {
            Self::V4 => v4::connack(&frame),
            Self::V5 => v5::connack(header, frame),
        };
        welcome.map(Some)
    }

    /// The packet that is `frame`, whose first byte is `first`.
    #[inline]
    pub(super) fn received(self, first: u8, header: FixedHeader, frame: Bytes) -> Result<Received, LinkError> {
        match self {
            Self::V5 => v5::received(first, header, frame),
            Self::V4 => v4::received(first, frame),
        }
    }

    /// Tenants are subscribed with this `qos`.
    pub(super) fn request(self, id: u16, request: Request, qos: u8) -> Packet {
        match self {
            Self::V4 => Packet::V4(v4::request(id, request, qos)),
            Self::V5 => Packet::V5(Box::new(v5::request(id, request, qos))),
        }
    }

    /// Deletes the retained message of `topic`, without an answer.
    pub(super) fn clear(self, topic: String) -> Packet {
        match self {
            Self::V4 => Packet::V4(v4::clear(topic)),
            Self::V5 => Packet::V5(Box::new(v5::clear(topic))),
        }
    }

    /// A PUBACK (MQTT 5.0, 3.4.2.1; 3.1.1, 3.4).
    pub(super) fn acknowledgement(id: u16) -> [u8; 4] {
        let [high, low] = id.to_be_bytes();
        [0x40, 2, high, low]
    }

    /// A PINGREQ (MQTT 5.0 and 3.1.1, 3.12).
    pub(super) const PING: [u8; 2] = [0xc0, 0];

    /// A DISCONNECT (MQTT 5.0, 3.14), by hand: the codec gets the length of one without properties wrong. MQTT 3.1.1 knows
    /// no reasons, and the broker would take it for an end that is as it should be: it forgets the last will then.
    pub(super) fn disconnect(self, reason: DisconnectReasonCode) -> Vec<u8> {
        match self {
            Self::V5 => vec![DISCONNECT, 2, reason as u8, 0],
            Self::V4 if reason == DisconnectReasonCode::NormalDisconnection => vec![DISCONNECT, 0],
            Self::V4 => Vec::new(),
        }
    }
}

impl RequestKind {
    pub(super) fn of(request: &Request) -> Self {
        use crate::control::StoreRequest;
        match request {
            Request::Subscribe(_) | Request::Control(StoreRequest::Follow(_)) => Self::Subscribe,
            Request::Unsubscribe(_) => Self::Unsubscribe,
            Request::Control(StoreRequest::Publish { .. }) => Self::Publish,
        }
    }
}

/// What follows the fixed header of a whole packet.
pub(super) fn body(frame: &[u8]) -> &[u8] {
    let length = frame.iter().skip(1).take_while(|&&byte| byte & 0x80 != 0);
    frame.get(2 + length.count()..).unwrap_or_default()
}

/// The QoS of a message, which is its first byte's; 2 and 3 are no messages for us.
pub(super) fn qos(first: u8) -> Result<u8, LinkError> {
    match (first >> 1) & 0b11 {
        qos @ (0 | 1) => Ok(qos),
        2 => Err(unexpected(QOS_2)),
        _ => Err(malformed()),
    }
}

pub(super) fn unexpected(what: &'static str) -> LinkError {
    LinkError::Protocol(what, DisconnectReasonCode::ProtocolError)
}

pub(super) fn malformed() -> LinkError {
    LinkError::Malformed(CodecError::MalformedPacket)
}

#[cfg(all(test, not(floodway_loom)))]
mod tests;
