//! What goes out for an event, and what comes back for it.

use super::*;
use crate::cuts::pieces;

fn wire(target: &str, qos: u8) -> Wire {
    Wire::new(target.parse().unwrap(), "T", qos)
}

/// Has the wire hear these bytes in pieces of one length; gives what it answers.
fn hear(wire: &mut Wire, bytes: &[u8], length: usize) -> Result<Vec<u8>, Fault> {
    let mut out = BytesMut::new();
    pieces(bytes, &[length]).try_for_each(|piece| wire.hear(piece, &mut out))?;
    Ok(out.to_vec())
}

#[test]
fn a_target_names_protocol_and_port() {
    let target: Target = "http://127.0.0.1:80/pub?id={device}".parse().unwrap();
    assert_eq!(
        (target.scheme, &target.address[..], &target.path[..]),
        (Scheme::Http, "127.0.0.1:80", "/pub?id={device}")
    );
    for wrong in ["127.0.0.1:1883", "mqtt://localhost", "amqp://localhost:1", "nats://localhost:1/x"] {
        assert!(wrong.parse::<Target>().is_err(), "{wrong}");
    }
}

#[test]
fn an_mqtt_event_of_qos_1_takes_room_until_it_is_acknowledged() {
    for length in 1..=8 {
        let mut wire = wire("mqtt://localhost:1883", 1);
        assert!(!wire.is_ready());
        hear(&mut wire, b"\x20\x02\x00\x00", length).unwrap();
        assert!(wire.is_ready());
        let mut out = BytesMut::new();
        (0..UNACKNOWLEDGED_MAX).for_each(|_| wire.event(3, b"{}", &mut out));
        assert_eq!(wire.room(), 0);
        let Ok(Packet::Publish(first)) = Packet::read(&mut out, 1_000) else {
            panic!("no PUBLISH");
        };
        assert_eq!((&first.topic[..], &first.payload[..], first.pkid), ("tenant/T/device/d3/telemetry", &b"{}"[..], 1));
        hear(&mut wire, b"\x40\x02\x00\x01\x40\x02\x00\x02", length).unwrap();
        assert_eq!(wire.room(), 2);
    }
    assert!(hear(&mut wire("mqtt://localhost:1883", 0), b"\x20\x02\x00\x05", 4).is_err());
}

#[test]
fn nats_is_answered_and_published_to() {
    let mut wire = wire("nats://localhost:4222", 0);
    let answers = hear(&mut wire, b"INFO {}\r\nPING\r\nPONG\r\n", 3).unwrap();
    assert_eq!((&answers[..], wire.is_ready()), (&b"PONG\r\n"[..], true));
    let mut out = BytesMut::new();
    wire.event(3, b"{}", &mut out);
    assert_eq!(&out[..], b"PUB telemetry.d3 2\r\n{}\r\n");
    assert!(hear(&mut wire, b"-ERR 'no'\r\n", 20).is_err());
}

#[test]
fn a_post_takes_room_until_its_answer_is_whole() {
    let answers = b"HTTP/1.1 202 Accepted\r\nContent-Length: 6\r\n\r\nqueued\
        HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n\
        HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n";
    for length in 1..=answers.len() {
        let mut wire = wire("http://localhost:80/pub?id={device}", 0);
        let mut out = BytesMut::new();
        (0..4).for_each(|device| wire.event(device, b"{}", &mut out));
        let text = String::from_utf8(out.to_vec()).unwrap();
        assert!(text.starts_with("POST /pub?id=d0 HTTP/1.1\r\nHost: localhost:80\r\n"), "{text}");
        assert!(text.ends_with("Content-Length: 2\r\n\r\n{}"), "{text}");
        hear(&mut wire, answers, length).unwrap();
        assert_eq!(wire.room(), UNANSWERED_MAX - 1, "{length}");
    }
    let mut wire = wire("http://localhost:80/", 0);
    assert!(hear(&mut wire, b"HTTP/1.1 404 Not Found\r\n\r\n", 40).is_err());
}
