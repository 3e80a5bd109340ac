//! What is said in MQTT 3.1.1, as bytes. MQTT 5 is tested where it is used.

use std::time::Duration;

use super::*;
use crate::control::StoreRequest;

fn bytes_of(packet: &Packet) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    assert!(packet.write(&mut bytes));
    assert_eq!(bytes.len(), packet.size());
    bytes.to_vec()
}

fn welcomed(bytes: &[u8]) -> Result<Option<Welcome>, String> {
    let welcome = Version::V4.connack(&mut BytesMut::from(bytes));
    welcome.map_err(|error| error.to_string())
}

fn received(bytes: &[u8]) -> Result<Received, LinkError> {
    let header = check(bytes.iter(), None).unwrap();
    Version::V4.received(bytes[0], header, Bytes::copy_from_slice(bytes))
}

#[test]
fn a_connect_of_3_1_1_has_the_level_4_and_no_properties() {
    let client = Client { id: "me", will: Some("w".to_owned()), session_expiry: None };
    let hello = Hello { client: &client, login: Some(("U", "P")), keep_alive: 15, packet_bytes: 1024 };
    let flags = 0b1110_0110;
    let expected =
        [&[0x10, 25, 0, 4][..], b"MQTT", &[4, flags, 0, 15], b"\x00\x02me\x00\x01w\x00\x00\x00\x01U\x00\x01P"];
    assert_eq!(bytes_of(&Version::V4.connect(&hello)), expected.concat());
    // A session that stays is one that is not clean; for how long can't be said.
    let client = Client { id: "me", will: None, session_expiry: Some(Duration::from_secs(7)) };
    let hello = Hello { client: &client, login: None, ..hello };
    let expected = [&[0x10, 14, 0, 4][..], b"MQTT", &[4, 0, 0, 15], b"\x00\x02me"];
    assert_eq!(bytes_of(&Version::V4.connect(&hello)), expected.concat());
}

#[test]
fn a_connack_of_3_1_1_welcomes_without_bounds_or_refuses_in_words() {
    assert_eq!(welcomed(b"\x20"), Ok(None));
    assert_eq!(welcomed(b"\x20\x02\x00"), Ok(None));
    assert_eq!(welcomed(b"\x20\x02\x00\x00"), Ok(Some(Welcome::default())));
    let again = Welcome { session_present: true, ..Welcome::default() };
    assert_eq!(welcomed(b"\x20\x02\x01\x00\x30"), Ok(Some(again)));
    for (bytes, words) in [
        (&b"\x20\x02\x00\x01"[..], "does not speak MQTT 3.1.1"),
        (b"\x20\x03\x00\x84\x00", "does not speak MQTT 3.1.1"),
        (b"\x20\x02\x00\x02", "client id not valid (0x02); check mqtt.client_id"),
        (b"\x20\x02\x00\x03", "server unavailable (0x03)"),
        (b"\x20\x02\x00\x04", "bad user name or password (0x04); check mqtt.username and mqtt.password"),
        (b"\x20\x02\x00\x05", "not authorized (0x05); check mqtt.username and mqtt.password"),
        (b"\x20\x02\x00\x87", "not authorized (0x87)"),
        (b"\x20\x02\x00\x77", "does not know (0x77)"),
        (b"\x20\x03\x00\x00\x00", "malformed"),
        (b"\x20\x00", "malformed"),
        (b"\x15\x03\x01", "TLS"),
    ] {
        let why = welcomed(bytes).unwrap_err();
        assert!(why.contains(words), "{bytes:x?}: {why}");
    }
}

#[test]
fn requests_of_3_1_1_leave_out_what_it_can_not_say() {
    let request = |request| bytes_of(&Version::V4.request(7, request, 1));
    assert_eq!(
        request(Request::Subscribe(vec!["a".to_owned(), "b/+".to_owned()])),
        b"\x82\x0c\x00\x07\x00\x01a\x01\x00\x03b/+\x01"
    );
    assert_eq!(request(Request::Unsubscribe("a".to_owned())), b"\xa2\x05\x00\x07\x00\x01a");
    assert_eq!(request(Request::Control(StoreRequest::Follow("c/#"))), b"\x82\x08\x00\x07\x00\x03c/#\x01");
    let (topic, payload) = ("s".to_owned(), b"x".to_vec());
    let publish = StoreRequest::Publish { topic, payload, retain: true, expiry: Some(15) };
    assert_eq!(request(Request::Control(publish)), b"\x33\x06\x00\x01s\x00\x07x");
    assert_eq!(bytes_of(&Version::V4.clear("s".to_owned())), b"\x31\x03\x00\x01s");
    assert_eq!(Version::V4.disconnect(DisconnectReasonCode::NormalDisconnection), b"\xe0\x00");
    assert_eq!(
        Version::V4.disconnect(DisconnectReasonCode::MalformedPacket),
        b"",
        "it would be an end like any other"
    );
}

#[test]
fn answers_of_3_1_1_have_no_reasons_but_in_a_suback() {
    let done = |id, kind| Received::Answer(id, kind, vec![Ok(())]);
    assert_eq!(received(b"\x40\x02\x00\x05").unwrap(), done(5, RequestKind::Publish));
    assert_eq!(received(b"\xb0\x02\x01\x00").unwrap(), done(256, RequestKind::Unsubscribe));
    assert_eq!(received(b"\xd0\x00").unwrap(), Received::Pong);
    let Received::Answer(7, RequestKind::Subscribe, answers) = received(b"\x90\x06\x00\x07\x01\x80\x87\x00").unwrap()
    else {
        panic!("it is a SUBACK");
    };
    assert_eq!((&answers[0], &answers[3]), (&Ok(()), &Ok(())));
    assert_eq!(answers[1], Err("the broker refuses it; MQTT 3.1.1 names no reason".to_owned()));
    assert!(answers[2].as_ref().unwrap_err().starts_with("not authorized (0x87)"));
}

#[test]
fn messages_of_3_1_1_are_read_where_they_are() {
    let message = |id, retain, dup, payload: &'static str| {
        Received::Message(Message { topic: "t".into(), payload: payload.into(), retain, dup, id })
    };
    for (bytes, meant) in [
        (&b"\x30\x05\x00\x01t\x00A"[..], message(0, false, false, "\0A")),
        (b"\x31\x03\x00\x01t", message(0, true, false, "")),
        (b"\x32\x06\x00\x01t\x00\x05A", message(5, false, false, "A")),
        (b"\x3b\x05\x00\x01t\x01\x00", message(256, true, true, "")),
    ] {
        assert_eq!(received(bytes).unwrap(), meant);
    }
    for (bytes, words) in [
        (&b"\x30\x00"[..], "malformed"),
        (b"\x30\x01\x00", "malformed"),
        (b"\x30\x03\x00\x02t", "malformed"),
        (b"\x32\x04\x00\x01t\x00", "malformed"),
        (b"\x32\x05\x00\x01t\x00\x00", "malformed"),
        (b"\x34\x05\x00\x01t\x00\x01", "QoS 2"),
        (b"\x36\x05\x00\x01t\x00\x01", "malformed"),
        (b"\x40\x01\x00", "malformed"),
        (b"\x90\x03\x00\x01\x03", "malformed"),
        (b"\xb0\x00", "malformed"),
        (b"\xe0\x00", "never get"),
        (b"\x10\x00", "never get"),
        (b"\x20\x02\x00\x00", "never get"),
    ] {
        let why = received(bytes).unwrap_err().to_string();
        assert!(why.contains(words), "{bytes:x?}: {why}");
    }
}
