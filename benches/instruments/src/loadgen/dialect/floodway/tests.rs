//! Tests of `instruments::loadgen::dialect::floodway`.

use super::*;

fn heard(message: &str) -> String {
    let mut heard = String::from("nothing");
    hear(message.as_bytes(), |what| heard = format!("{what:?}"));
    heard
}

#[test]
fn control_messages_are_no_events() {
    assert_eq!(heard(r#"{"type":"connected","tenant_id":"T","filters":{"a":[]}}"#), "Ready");
    assert_eq!(heard(r#"{"type":"gap","reason":"overflow","dropped":7}"#), "Gap(Some(7))");
    assert_eq!(heard(r#"{"type":"gap","reason":"upstream","dropped":null}"#), "Gap(None)");
    assert_eq!(heard(r#"{"type":"ping","ts":"2026-02-16T12:00:00.000Z"}"#), "nothing");
    assert_eq!(heard("hello"), "nothing");
    for event in [r#"{"type":"telemetry","device_id":"A"}"#, r#"{ "type": "telemetry", "device_id": "A"}"#] {
        assert!(heard(event).starts_with("Event"), "{event}");
    }
}
