//! Protocols inside messages, whose operations and packets need not end where messages do.

use super::*;
use crate::cuts::pieces;
use crate::ws::{self, Opcode};
use bytes::BytesMut;
use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v4::{ConnAck, ConnectReturnCode, Packet, Publish, SubAck, SubscribeReasonCode};

/// What is heard, events by their text, and what is answered, of bytes in messages of this length.
fn hear(kind: Kind, bytes: &[u8], length: usize) -> Result<(Vec<String>, Vec<u8>), Fault> {
    let (mut dialect, mut heard, mut out) = (Dialect::new(kind), Vec::new(), Vec::new());
    for message in pieces(bytes, &[length]) {
        dialect.hear(message, &mut out, |what| {
            heard.push(match what {
                Heard::Event(text) => String::from_utf8(text.to_vec()).unwrap(),
                other => format!("{other:?}"),
            });
        })?;
    }
    Ok((heard, out))
}

fn mqtt(packets: &[Packet]) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    packets.iter().for_each(|packet| super::mqtt::write(packet, &mut bytes));
    bytes.to_vec()
}

fn publish(qos: QoS, payload: &str) -> Packet {
    let mut publish = Publish::new("tenant/T/device/d0/telemetry", qos, payload);
    publish.pkid = 7;
    Packet::Publish(publish)
}

#[test]
fn nats_messages_of_any_size() {
    let bytes =
        b"INFO {\"a\":1}\r\n+OK\r\nPONG\r\nMSG telemetry.d0 1 5\r\nhello\r\nPING\r\nMSG a 1 reply 4\r\n\r\n\r\n\r\n";
    let mut pong = Vec::new();
    ws::frame(Opcode::Binary, b"PONG\r\n", &mut pong);
    for length in 1..=bytes.len() {
        let (heard, out) = hear(Kind::Nats, bytes, length).unwrap();
        assert_eq!(heard, ["Ready", "hello", "\r\n\r\n"], "{length}");
        assert_eq!(out, pong);
    }
}

#[test]
fn what_nats_refuses_is_a_fault() {
    for wrong in ["-ERR 'Authorization Violation'\r\n", "HTTP/1.1 400\r\n", "MSG a 1 x\r\n"] {
        assert!(hear(Kind::Nats, wrong.as_bytes(), 100).is_err(), "{wrong}");
    }
}

#[test]
fn mqtt_packets_span_messages() {
    let long = "x".repeat(300);
    let bytes = mqtt(&[
        Packet::ConnAck(ConnAck::new(ConnectReturnCode::Success, false)),
        Packet::SubAck(SubAck::new(1, vec![SubscribeReasonCode::Success(QoS::AtMostOnce)])),
        publish(QoS::AtMostOnce, "one"),
        Packet::PingResp,
        publish(QoS::AtLeastOnce, "two"),
        publish(QoS::AtMostOnce, &long),
        publish(QoS::AtMostOnce, ""),
    ]);
    for length in 1..=bytes.len() {
        let (heard, out) = hear(Kind::Mqtt, &bytes, length).unwrap();
        assert_eq!(heard, ["Ready", "one", "two", &long, ""], "{length}");
        assert!(out.is_empty());
    }
}

#[test]
fn what_a_broker_refuses_is_a_fault() {
    for wrong in [
        mqtt(&[Packet::ConnAck(ConnAck::new(ConnectReturnCode::NotAuthorized, false))]),
        mqtt(&[Packet::SubAck(SubAck::new(1, vec![SubscribeReasonCode::Failure]))]),
        b"\x30\x01\x00".to_vec(),
        b"\x30\x02\x00\x09".to_vec(),
        b"\xff\x00".to_vec(),
    ] {
        assert!(hear(Kind::Mqtt, &wrong, 100).is_err(), "{wrong:?}");
    }
}

#[test]
fn bare_messages_are_events() {
    assert_eq!(hear(Kind::Bare, b"hello", 5).unwrap().0, ["hello"]);
}
