//! Packets as the broker writes them.

use bytes::{BufMut, BytesMut};
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::Publish;

/// A CONNACK that lets the client in (MQTT 5, 3.2).
pub(super) const WELCOME: &[u8] = &[0x20, 3, 0, 0, 0];

/// A SUBACK or UNSUBACK (MQTT 5, 3.9 and 3.11).
pub(super) fn acknowledged(kind: u8, id: u16, codes: &[u8]) -> Vec<u8> {
    let mut body = id.to_be_bytes().to_vec();
    body.push(0);
    body.extend_from_slice(codes);
    let mut packet = BytesMut::new();
    packet.put_u8(kind);
    put_length(&mut packet, body.len());
    packet.extend_from_slice(&body);
    packet.to_vec()
}

/// A PUBLISH with QoS 0 (MQTT 5, 3.3).
pub(super) fn published(topic: &str, payload: &[u8], retain: bool) -> Vec<u8> {
    let mut publish = Publish::new(topic, QoS::AtMostOnce, payload.to_vec(), None);
    publish.retain = retain;
    bytes_of(&publish)
}

/// A PUBLISH with QoS 1 (MQTT 5, 3.3).
pub(super) fn numbered(id: u16, dup: bool, topic: &str, payload: &[u8]) -> Vec<u8> {
    let mut publish = Publish::new(topic, QoS::AtLeastOnce, payload.to_vec(), None);
    (publish.pkid, publish.dup) = (id, dup);
    bytes_of(&publish)
}

fn bytes_of(publish: &Publish) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    publish.write(&mut bytes).expect("a topic and a payload");
    bytes.to_vec()
}

/// A variable byte integer (MQTT 5, 1.5.5).
fn put_length(packet: &mut BytesMut, mut length: usize) {
    loop {
        let digit = (length % 128) as u8;
        length /= 128;
        packet.put_u8(if length > 0 { digit | 0x80 } else { digit });
        if length == 0 {
            return;
        }
    }
}
