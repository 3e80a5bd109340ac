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
        Ok(Control { kind: "telemetry", .. }) => sink(Heard::Event(message)),
        Ok(Control { kind: "connected", .. }) => sink(Heard::Ready),
        Ok(Control { kind: "gap", dropped }) => sink(Heard::Gap(dropped)),
        _ => {}
    }
}

#[cfg(test)]
mod tests;
