//! Tests of `instruments::floor::frames`.

use super::*;

const TOPIC: &str = "tenant/T/device/d0/telemetry";
const PAYLOAD: &[u8] = br#"{"ts":"2026-02-16T12:00:00Z","site_id":"SITE-1","metrics":{"temperature":72.5,"humidity":45,"d":0,"n":1,"at":123456789012}}"#;
const JSON: &str = r#"{"type":"telemetry","device_id":"d0","tenant_id":"T","metrics":{"temperature":72.5,"humidity":45,"d":0,"n":1,"at":123456789012},"timestamp":"2026-02-16T12:00:00Z","topic":"tenant/T/device/d0/telemetry"}"#;

#[test]
fn a_websocket_gets_a_text_frame() {
    let mut out = b"before".to_vec();
    assert!(Frames::new(Transport::Ws, "T").append(TOPIC, PAYLOAD, &mut out));
    let length = u8::try_from(JSON.len()).unwrap();
    let expected = [b"before\x81\x7e\x00".as_slice(), &[length], JSON.as_bytes()].concat();
    assert_eq!(out, expected);
}

#[test]
fn an_event_stream_gets_chunks_with_ids_one_after_the_other() {
    let mut frames = Frames::new(Transport::Sse, "T");
    frames.id = 1_795_450_823_113_406;
    let mut out = Vec::new();
    assert!(frames.append(TOPIC, PAYLOAD, &mut out));
    assert!(frames.append(TOPIC, PAYLOAD, &mut out));
    let chunk = |id: u64| {
        let message = format!("id: {id}\ndata: {JSON}\n\n");
        format!("{:x}\r\n{message}\r\n", message.len())
    };
    let expected = chunk(1_795_450_823_113_406) + &chunk(1_795_450_823_113_407);
    assert_eq!(String::from_utf8(out).unwrap(), expected);
}

#[test]
fn a_header_says_the_length_in_its_shortest_form() {
    for (length, expected) in [
        (125, &[0x81, 125][..]),
        (126, &[0x81, 126, 0, 126]),
        (65_535, &[0x81, 126, 0xFF, 0xFF]),
        (65_536, &[0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
    ] {
        let mut out = Vec::new();
        ws_header(length, &mut out);
        assert_eq!(out, expected, "{length}");
    }
}

#[test]
fn another_topic_or_payload_leaves_nothing_behind() {
    let mut frames = Frames::new(Transport::Ws, "T");
    let mut out = Vec::new();
    for (topic, payload) in [
        ("tenant/U/device/d0/telemetry", PAYLOAD),
        ("tenant/T/device/d0/state", PAYLOAD),
        (TOPIC, b"".as_slice()),
        (TOPIC, br#"{"metrics":{}}"#),
        (TOPIC, br#"{"ts":1,"metrics":{}}"#),
        (TOPIC, br#"{"ts":1,"site_id":"S","metrics":[]}"#),
    ] {
        assert!(!frames.append(topic, payload, &mut out));
        assert!(out.is_empty());
    }
}
