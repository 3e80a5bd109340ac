//! Bytes, whole and in pieces, good and bad.

use std::slice;

use proptest::prelude::*;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Packet, PubAck, Publish, PublishProperties, SubAck, SubscribeReasonCode};

use super::*;
use crate::mqtt::link::codec::{Message, RequestKind};
use crate::mqtt::link::error::Reason;

const LIMIT: u32 = 2000;

/// What may be gathered: the largest packet or the longest topic, a fixed header and a packet id.
const MOST: usize = 65_535 + 2 + 2 + 5;

/// What was said in these pieces, and why it ended, if it did.
fn heard(pieces: &[&[u8]]) -> (Vec<Received>, Option<String>) {
    let mut incoming = Incoming::new(BytesMut::new(), Version::V5, LIMIT);
    let mut all = Vec::new();
    for piece in pieces {
        incoming.read.extend_from_slice(piece);
        loop {
            match incoming.next() {
                Ok(Some(said)) => all.push(said),
                Ok(None) => break,
                Err(error) => return (all, Some(error.to_string())),
            }
        }
        assert!(incoming.read.len() <= MOST, "{}", incoming.read.len());
    }
    (all, None)
}

fn pieces<'a>(bytes: &'a [u8], cuts: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    at.extend([0, bytes.len()]);
    at.sort_unstable();
    at.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect()
}

fn bytes_of(packets: &[Packet]) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    for packet in packets {
        packet.write(&mut bytes, None).unwrap();
    }
    bytes.to_vec()
}

fn publish(topic: &str, id: u16, payload: Vec<u8>, user: Option<(String, String)>) -> Packet {
    let qos = if id == 0 { QoS::AtMostOnce } else { QoS::AtLeastOnce };
    let properties = user.map(|pair| PublishProperties {
        message_expiry_interval: Some(7),
        user_properties: vec![pair],
        ..PublishProperties::default()
    });
    let mut publish = Publish::new(topic, qos, payload, properties);
    publish.pkid = id;
    Packet::Publish(publish)
}

fn packet() -> impl Strategy<Value = Packet> {
    let payload = prop_oneof![
        4 => prop::collection::vec(any::<u8>(), 0..50),
        1 => (1900_usize..5000).prop_map(|n| vec![b'x'; n]),
    ];
    let user = prop::option::of(("[a-z]{0,9}", "\\PC{0,9}"));
    let topic = prop_oneof![20 => "[a-z/]{0,20}", 1 => Just("t".repeat(60_000))];
    prop_oneof![
        8 => (topic, any::<u16>(), payload, user)
            .prop_map(|(topic, id, payload, user)| publish(&topic, id, payload, user)),
        1 => any::<u16>().prop_map(|id| Packet::PubAck(PubAck::new(id, None))),
        1 => (any::<u16>(), 1_usize..5).prop_map(|(pkid, filters)| Packet::SubAck(SubAck {
            pkid,
            return_codes: vec![SubscribeReasonCode::NotAuthorized; filters],
            properties: None,
        })),
        1 => Just(Packet::PingResp(rumqttc::v5::mqttbytes::v5::PingResp)),
    ]
}

/// What a good packet is to be taken for.
fn meant(packet: &Packet) -> Received {
    match packet {
        Packet::Publish(publish) => {
            let (whole, topic) = (bytes_of(slice::from_ref(packet)), publish.topic.clone());
            if body(&whole).len() > LIMIT as usize {
                let bytes = whole.len();
                return Received::TooLarge(Oversized { topic, bytes }, publish.pkid);
            }
            let Publish { dup, retain, payload, pkid: id, .. } = publish.clone();
            Received::Message(Message { topic, payload, retain, dup, id })
        }
        Packet::PubAck(ack) => Received::Answer(ack.pkid, RequestKind::Publish, vec![Ok(())]),
        Packet::SubAck(ack) => {
            let answer = Err(Reason::new(0x87, None).to_string());
            Received::Answer(ack.pkid, RequestKind::Subscribe, vec![answer; ack.return_codes.len()])
        }
        _ => Received::Pong,
    }
}

proptest! {
    #[test]
    fn packets_are_understood_however_they_are_split(
        packets in prop::collection::vec(packet(), 0..12),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..30),
    ) {
        let bytes = bytes_of(&packets);
        let meant: Vec<Received> = packets.iter().map(meant).collect();
        prop_assert_eq!(heard(&pieces(&bytes, &cuts)), (meant, None));
    }

    #[test]
    fn damaged_packets_end_alike_however_they_are_split(
        packets in prop::collection::vec(packet(), 1..6),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..30),
    ) {
        let mut bytes = bytes_of(&packets);
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        prop_assert_eq!(heard(&pieces(&bytes, &cuts)), heard(&[&bytes]));
    }

    #[test]
    fn no_bytes_make_it_panic_or_gather(
        bytes in prop::collection::vec(any::<u8>(), 0..500),
        first in prop::sample::select(vec![0x30, 0x32, 0x34, 0x36, 0x40, 0x90, 0xb0, 0xd0, 0xe0, 0x20, 0x00, 0xf0]),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..30),
    ) {
        let bytes = [&[first][..], &bytes].concat();
        prop_assert_eq!(heard(&pieces(&bytes, &cuts)), heard(&[&bytes]));
    }
}

#[test]
fn what_a_client_never_gets_ends_the_link_with_the_reason_that_the_broker_is_told() {
    let alias = b"\x30\x08\x00\x01t\x03\x23\x00\x01x";
    for (bytes, words, code) in [
        (&b"\x34\x06\x00\x01t\x00\x01\x00"[..], "QoS 2", 0x82),
        (b"\x36\x06\x00\x01t\x00\x01\x00", "malformed", 0x81),
        (alias, "topic alias", 0x94),
        (b"\x10\x00", "never get", 0x82),
        (b"\x20\x03\x00\x00\x00", "never get", 0x82),
        (b"\x50\x02\x00\x01", "never get", 0x82),
        (b"\x91\x04\x00\x01\x00\x00", "never get", 0x82),
        (b"\xf0\x00", "never get", 0x82),
        (b"\x40\x00", "malformed", 0x81),
        (b"\x30\x03\x00\x09t", "malformed", 0x81),
        (b"\x90\x04\x00\x01\x00\x77", "malformed", 0x81),
        (b"\x30\xff\xff\xff\xff\x01", "malformed", 0x81),
        // Inside, it says that more follows than there is.
        (b"\x30\x04\x00\x01t\xff", "malformed", 0x81),
        (b"\x90\xff\xff\x03", "larger than we take", 0x95),
        (b"\x34\xff\xff\x03\x00\x01t\x00\x01", "QoS 2", 0x82),
        // A topic that is longer than its packet, which is too large.
        (b"\x32\xd1\x0f\x0f\xff", "malformed", 0x81),
    ] {
        let mut incoming = Incoming::new(BytesMut::from(bytes), Version::V5, LIMIT);
        let error = incoming.next().unwrap_err();
        assert!(error.to_string().contains(words), "{bytes:x?}: {error}");
        let sent = error.reason().map(|reason| reason as u8);
        assert_eq!(sent, Some(code), "{bytes:x?}: {error}");
    }
}

#[test]
fn a_disconnect_tells_why() {
    for (bytes, words) in [
        (&b"\xe0\x00"[..], "a normal end (0x00)"),
        (b"\xe0\x01\x97", "quota exceeded (0x97)"),
        (b"\xe0\x02\x95\x00", "packet too large (0x95)"),
        (b"\xe0\x02\x8e\x00", "session taken over"),
        (b"\xe0\x02\x87\x00", "not authorized (0x87)"),
        (b"\xe0\x07\x98\x05\x1f\x00\x02by", "administrative action (0x98), \"by\""),
        (b"\xe0\x02\x77\x00", "does not know (0x77)"),
        (b"\xe0\x03\x87\xff\xff", "not authorized (0x87)"),
    ] {
        let (_, end) = heard(&[bytes]);
        let end = end.unwrap();
        assert!(end.contains(words), "{bytes:x?}: {end}");
    }
}

#[test]
fn a_code_of_a_suback_that_nobody_knows_refuses_and_its_explanation_is_told() {
    let packet = b"\x90\x0b\x00\x07\x06\x1f\x00\x03why\x01\x87";
    let mut incoming = Incoming::new(BytesMut::from(&packet[..]), Version::V5, 100);
    let Ok(Some(Received::Answer(7, RequestKind::Subscribe, answers))) = incoming.next() else {
        panic!("it is a SUBACK");
    };
    assert_eq!(answers[0], Ok(()));
    let why = answers[1].clone().unwrap_err();
    assert!(why.starts_with("not authorized (0x87), \"why\""), "{why}");
    for (packet, answers) in [(&b"\x90\x04\x00\x07\x00\xc3"[..], 1), (b"\x90\x03\x00\x07\x00", 0)] {
        let mut incoming = Incoming::new(BytesMut::from(packet), Version::V5, 100);
        let said = incoming.next();
        assert!(matches!(&said, Ok(Some(Received::Answer(7, _, found))) if found.len() == answers), "{said:?}");
    }
    for packet in [&b"\x90\x02\x00\x07"[..], b"\x90\x03\x00\x07\x05"] {
        let mut incoming = Incoming::new(BytesMut::from(packet), Version::V5, 100);
        assert!(matches!(incoming.next(), Err(LinkError::Malformed(_))));
    }
}
