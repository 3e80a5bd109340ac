//! MQTT 5.

use std::fmt;

use bytes::Bytes;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{
    ConnAck, ConnAckProperties, Connect, ConnectProperties, Disconnect, Filter, LastWill, Login, Packet, PubAck,
    PubAckReason, Publish, PublishProperties, RetainForwardRule, SubAck, Subscribe, UnsubAck, UnsubAckReason,
    Unsubscribe,
};

use super::{
    CodecError, DisconnectReasonCode, FixedHeader, Hello, Message, QOS_2, Received, RequestKind, Welcome, body,
    malformed, unexpected,
};
use crate::control::StoreRequest;
use crate::mqtt::link::error::{LinkError, Reason};
use crate::mqtt::link::version::Version;
use crate::mqtt::request::{Answer, Request};

/// Messages of QoS 1 that the broker may send ahead of their acknowledgement (Receive Maximum, MQTT 5.0, 3.1.2.11.3):
/// all that there can be. Mosquitto 2.0 drops what of the retained messages of a subscription is neither among these nor
/// among the 1,000 that it queues: of 5,000 control documents, 2,024 came with 1,024 here.
const RECEIVE_MAX: u16 = u16::MAX;

pub(super) fn connect(hello: &Hello<'_>) -> Packet {
    let client = hello.client;
    let connect = Connect {
        keep_alive: hello.keep_alive,
        client_id: client.id.to_owned(),
        clean_start: client.session_expiry.is_none(),
        properties: Some(ConnectProperties {
            session_expiry_interval: client.session_expiry.map(|expiry| expiry.as_secs_f64().ceil() as u32),
            receive_maximum: Some(RECEIVE_MAX),
            max_packet_size: Some(hello.packet_bytes),
            ..ConnectProperties::new()
        }),
    };
    let will = client.will.as_deref();
    let will = will.map(|topic| LastWill::new(topic, "", QoS::AtMostOnce, true, None));
    let login = hello.login.map(|(user, password)| Login::new(user, password));
    Packet::Connect(connect, will, login)
}

pub(super) fn connack(header: FixedHeader, frame: Bytes) -> Result<Welcome, LinkError> {
    let parsed = ConnAck::read(header, frame.clone());
    match *body(&frame) {
        // Without properties: the form of MQTT 3.1.1.
        [_, 0 | 1] | [_, 0x84, ..] => Err(LinkError::Version(Version::V5)),
        [_, code] => Err(LinkError::Refused(Reason::of_old(code))),
        [_, 0, ..] => parsed.map(welcome).map_err(LinkError::Malformed),
        [_, code, ..] => {
            let properties = parsed.ok().and_then(|connack| connack.properties);
            let text = properties.and_then(|properties| properties.reason_string);
            Err(LinkError::Refused(Reason::new(code, text)))
        }
        _ => Err(malformed()),
    }
}

fn welcome(connack: ConnAck) -> Welcome {
    let all = Welcome { session_present: connack.session_present, ..Welcome::default() };
    let Some(properties) = connack.properties else {
        return all;
    };
    let ConnAckProperties { max_packet_size, receive_max, server_keep_alive, retain_available, max_qos, .. } =
        properties;
    Welcome {
        // A bound of 0 is none.
        keep_alive: server_keep_alive.filter(|&seconds| seconds != 0),
        packet_bytes: max_packet_size.filter(|&bytes| bytes != 0).unwrap_or(u32::MAX),
        publishes: receive_max.filter(|&most| most != 0).unwrap_or(u16::MAX),
        is_store: retain_available != Some(0) && max_qos != Some(0),
        ..all
    }
}

#[inline]
pub(super) fn received(first: u8, header: FixedHeader, frame: Bytes) -> Result<Received, LinkError> {
    let packet = match first {
        // An `InsufficientBytes` of these is a packet that is shorter than it says inside.
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

/// Why the broker ends the connection. Without a code it is a normal end (MQTT 5.0, 3.14.2.1).
pub(super) fn disconnect_reason(header: FixedHeader, frame: Bytes) -> Reason {
    let code = body(&frame).first().copied().unwrap_or(0);
    let disconnect = Disconnect::read(header, frame).ok();
    let text = disconnect.and_then(|disconnect| disconnect.properties?.reason_string);
    Reason::new(code, text)
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

pub(super) fn request(id: u16, request: Request, qos: u8) -> Packet {
    match request {
        Request::Subscribe(filters) => {
            let qos = if qos == 0 { QoS::AtMostOnce } else { QoS::AtLeastOnce };
            let filters = filters.into_iter().map(|filter| live(filter, qos));
            subscribe(id, filters.collect())
        }
        Request::Unsubscribe(filter) => {
            let mut unsubscribe = Unsubscribe::new(filter, None);
            unsubscribe.pkid = id;
            Packet::Unsubscribe(unsubscribe)
        }
        Request::Control(StoreRequest::Follow(filter)) => subscribe(id, vec![following(filter)]),
        Request::Control(StoreRequest::Publish { topic, payload, retain, expiry }) => {
            let properties = PublishProperties { message_expiry_interval: expiry, ..PublishProperties::default() };
            let mut publish = Publish::new(topic, QoS::AtLeastOnce, payload, Some(properties));
            (publish.pkid, publish.retain) = (id, retain);
            Packet::Publish(publish)
        }
    }
}

pub(super) fn clear(topic: String) -> Packet {
    let mut publish = Publish::new(topic, QoS::AtMostOnce, "", None);
    publish.retain = true;
    Packet::Publish(publish)
}

fn subscribe(id: u16, filters: Vec<Filter>) -> Packet {
    Packet::Subscribe(Subscribe { pkid: id, filters, properties: None })
}

/// What is retained, marked as such, and then live events without that mark, as in MQTT 3.1.1. Also if the subscription is
/// there already, in a session that was kept: this process may know nothing of it.
fn live(path: String, qos: QoS) -> Filter {
    Filter {
        retain_forward_rule: RetainForwardRule::OnEverySubscribe,
        preserve_retain: false,
        ..Filter::new(path, qos)
    }
}

/// Everything that is retained, first; then what comes, with the flag that it was published with (MQTT 5.0, 3.8.3.1).
fn following(filter: &str) -> Filter {
    Filter {
        preserve_retain: true,
        retain_forward_rule: RetainForwardRule::OnEverySubscribe,
        ..Filter::new(filter, QoS::AtLeastOnce)
    }
}
