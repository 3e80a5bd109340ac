//! MQTT 3.1.1. What it can't say is left out: how long a session or a message is kept, how much may come ahead, and which
//! messages of a subscription are wanted.
//!
//! What a broker sends is read by hand. The codec makes a text of each topic, an allocation for each message, and ends
//! the connection for a code of a SUBACK that it does not know.

use bytes::{Buf, Bytes};
use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v4::{Connect, LastWill, Login, Packet, Publish, Subscribe, SubscribeFilter, Unsubscribe};

use super::{Hello, Message, Received, RequestKind, Welcome, body, malformed, qos, unexpected};
use crate::control::StoreRequest;
use crate::mqtt::link::error::{LinkError, Reason};
use crate::mqtt::link::version::Version;
use crate::mqtt::request::{Answer, Request};

/// A SUBACK of 3.1.1 has one code for all reasons (3.9.3).
const UNNAMED: &str = "the broker refuses it; MQTT 3.1.1 names no reason";

pub(super) fn connect(hello: &Hello<'_>) -> Packet {
    let client = hello.client;
    let will = client.will.as_deref();
    Packet::Connect(Connect {
        keep_alive: hello.keep_alive,
        clean_session: client.session_expiry.is_none(),
        last_will: will.map(|topic| LastWill::new(topic, "", QoS::AtMostOnce, true)),
        login: hello.login.map(|(user, password)| Login::new(user, password)),
        ..Connect::new(client.id)
    })
}

pub(super) fn connack(frame: &[u8]) -> Result<Welcome, LinkError> {
    match *body(frame) {
        [flags, 0] => Ok(Welcome { session_present: flags & 1 != 0, ..Welcome::default() }),
        // The second and third, a broker that speaks MQTT 5 only.
        [_, 1] | [_, 0x84, ..] => Err(LinkError::Version(Version::V4)),
        [_, code @ 2..=5] => Err(LinkError::Refused(Reason::of_old(code))),
        [_, code @ 6..=u8::MAX, ..] => Err(LinkError::Refused(Reason::new(code, None))),
        _ => Err(malformed()),
    }
}

#[inline]
pub(super) fn received(first: u8, mut frame: Bytes) -> Result<Received, LinkError> {
    frame.advance(frame.len() - body(&frame).len());
    match first {
        0x30..=0x3f => message(first, frame),
        // A message that is not taken is not answered, or ends the connection.
        0x40 => done(&frame, RequestKind::Publish),
        0x90 => suback(&frame).ok_or_else(malformed),
        0xb0 => done(&frame, RequestKind::Unsubscribe),
        0xd0 => Ok(Received::Pong),
        _ => Err(unexpected("a packet that we never get")),
    }
}

/// PUBLISH (3.3).
fn message(first: u8, mut body: Bytes) -> Result<Received, LinkError> {
    let is_numbered = qos(first)? == 1;
    let bytes = usize::from(number(&mut body).ok_or_else(malformed)?);
    if bytes > body.len() {
        return Err(malformed());
    }
    let topic = body.split_to(bytes);
    let id = if is_numbered {
        number(&mut body).filter(|&id| id != 0).ok_or_else(malformed)?
    } else {
        0
    };
    let (dup, retain) = (first & 0b1000 != 0, first & 1 != 0);
    Ok(Received::Message(Message { topic, payload: body, retain, dup, id }))
}

fn number(body: &mut Bytes) -> Option<u16> {
    (body.len() >= 2).then(|| body.get_u16())
}

/// PUBACK and UNSUBACK, which hold nothing but a packet id (3.4, 3.11).
fn done(body: &[u8], kind: RequestKind) -> Result<Received, LinkError> {
    let id = body.first_chunk().copied().map(u16::from_be_bytes);
    Ok(Received::Answer(id.ok_or_else(malformed)?, kind, vec![Ok(())]))
}

fn suback(body: &[u8]) -> Option<Received> {
    let (id, codes) = body.split_first_chunk()?;
    let answers = codes.iter().map(|&code| granted(code)).collect::<Option<Vec<_>>>()?;
    Some(Received::Answer(u16::from_be_bytes(*id), RequestKind::Subscribe, answers))
}

fn granted(code: u8) -> Option<Answer> {
    match code {
        0..=2 => Some(Ok(())),
        3..0x80 => None,
        0x80 => Some(Err(UNNAMED.to_owned())),
        // Some use the codes of MQTT 5.
        refused => Some(Err(Reason::new(refused, None).to_string())),
    }
}

pub(super) fn request(id: u16, request: Request, qos: u8) -> Packet {
    match request {
        Request::Subscribe(filters) => {
            let qos = if qos == 0 { QoS::AtMostOnce } else { QoS::AtLeastOnce };
            subscribe(id, filters, qos)
        }
        Request::Unsubscribe(filter) => {
            let mut unsubscribe = Unsubscribe::new(filter);
            unsubscribe.pkid = id;
            Packet::Unsubscribe(unsubscribe)
        }
        Request::Control(StoreRequest::Follow(filter)) => subscribe(id, vec![filter.to_owned()], QoS::AtLeastOnce),
        Request::Control(StoreRequest::Publish { topic, payload, retain, expiry: _ }) => {
            let mut publish = Publish::new(topic, QoS::AtLeastOnce, payload);
            (publish.pkid, publish.retain) = (id, retain);
            Packet::Publish(publish)
        }
    }
}

pub(super) fn clear(topic: String) -> Packet {
    let mut publish = Publish::new(topic, QoS::AtMostOnce, "");
    publish.retain = true;
    Packet::Publish(publish)
}

fn subscribe(id: u16, filters: Vec<String>, qos: QoS) -> Packet {
    let filters = filters.into_iter().map(|filter| SubscribeFilter::new(filter, qos));
    Packet::Subscribe(Subscribe { pkid: id, filters: filters.collect() })
}
