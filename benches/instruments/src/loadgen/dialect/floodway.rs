//! The gateway's own messages: events by their first bytes, everything else through a JSON parser.

use super::Heard;
use serde::Deserialize;

/// A message that is no event; what else it says is of no interest here.
#[derive(Deserialize)]
struct Control<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    dropped: Option<u64>,
}

/// Takes one message. Pings, notices and what is no JSON are passed over.
pub(super) fn hear(message: &[u8], mut sink: impl FnMut(Heard<'_>)) {
    if message.starts_with(br#"{"type":"telemetry","#) {
        return sink(Heard::Event(message));
    }
    match serde_json::from_slice(message) {
        Ok(Control {
            kind: "telemetry", ..
        }) => sink(Heard::Event(message)),
        Ok(Control {
            kind: "connected", ..
        }) => sink(Heard::Ready),
        Ok(Control {
            kind: "gap",
            dropped,
        }) => sink(Heard::Gap(dropped)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(message: &str) -> String {
        let mut heard = String::from("nothing");
        hear(message.as_bytes(), |what| heard = format!("{what:?}"));
        heard
    }

    #[test]
    fn control_messages_are_no_events() {
        assert_eq!(
            heard(r#"{"type":"connected","tenant_id":"T","filters":{"a":[]}}"#),
            "Ready"
        );
        assert_eq!(
            heard(r#"{"type":"gap","reason":"overflow","dropped":7}"#),
            "Gap(Some(7))"
        );
        assert_eq!(
            heard(r#"{"type":"gap","reason":"upstream","dropped":null}"#),
            "Gap(None)"
        );
        assert_eq!(
            heard(r#"{"type":"ping","ts":"2026-02-16T12:00:00.000Z"}"#),
            "nothing"
        );
        assert_eq!(heard("hello"), "nothing");
        for event in [
            r#"{"type":"telemetry","device_id":"A"}"#,
            r#"{ "type": "telemetry", "device_id": "A"}"#,
        ] {
            assert!(heard(event).starts_with("Event"), "{event}");
        }
    }
}
