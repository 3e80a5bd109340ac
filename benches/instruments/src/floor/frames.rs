//! The bytes of an event, of the same form and length as the engine's, byte for byte but for the id.
//!
//! Invariant: [`Frames::append`] appends one whole frame or chunk, or nothing.

use std::io::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use memchr::memmem;

use crate::Transport;

/// A final text frame (RFC 6455, 5.2).
const FINAL_TEXT: u8 = 0x81;

/// Makes the bytes of events.
pub(crate) struct Frames {
    transport: Transport,
    tenant: String,
    /// Of the next event. Begins with the time in microseconds, so that it is as long as an id of the engine's.
    id: u64,
    /// The unit that is being made: its length stands before it, and is known last.
    draft: Vec<u8>,
}

impl Frames {
    /// For the events of `tenant`, as subscribers over `transport` are sent them.
    pub(crate) fn new(transport: Transport, tenant: &str) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            transport,
            tenant: tenant.to_owned(),
            id: u64::try_from(now.as_micros()).unwrap_or(u64::MAX / 2),
            draft: Vec::new(),
        }
    }

    /// Appends the event that was published to `topic`. Returns whether topic and payload are of the form that the
    /// load generator publishes; if not, nothing is appended.
    pub(crate) fn append(&mut self, topic: &str, payload: &[u8], out: &mut Vec<u8>) -> bool {
        let Some(event) = Event::cut(&self.tenant, topic, payload) else {
            return false;
        };
        self.draft.clear();
        match self.transport {
            Transport::Ws => {
                event.json(&mut self.draft);
                ws_header(self.draft.len(), out);
                out.extend_from_slice(&self.draft);
            }
            Transport::Sse => {
                write(&mut self.draft, format_args!("id: {}\ndata: ", self.id));
                event.json(&mut self.draft);
                self.draft.extend_from_slice(b"\n\n");
                write(out, format_args!("{:x}\r\n", self.draft.len()));
                out.extend_from_slice(&self.draft);
                out.extend_from_slice(b"\r\n");
                self.id += 1;
            }
        }
        true
    }
}

/// What subscribers see of an event.
struct Event<'a> {
    tenant: &'a str,
    device: &'a str,
    topic: &'a str,
    /// The object, as it was sent.
    metrics: &'a [u8],
    /// The value of `ts`, as it was sent.
    ts: &'a [u8],
}

impl<'a> Event<'a> {
    /// Searches for the parts of `{"ts":…,"site_id":…,"metrics":{…}}`. Their values are not looked into.
    fn cut(tenant: &'a str, topic: &'a str, payload: &'a [u8]) -> Option<Self> {
        const METRICS: &[u8] = br#","metrics":"#;
        let rest = topic.strip_prefix("tenant/")?.strip_prefix(tenant)?;
        let device = rest.strip_prefix("/device/")?.strip_suffix("/telemetry")?;
        let rest = payload.strip_prefix(br#"{"ts":"#)?.strip_suffix(b"}")?;
        let ts = &rest[..memmem::find(rest, br#","site_id":"#)?];
        let metrics = &rest[memmem::find(rest, METRICS)? + METRICS.len()..];
        (metrics.starts_with(b"{") && metrics.ends_with(b"}")).then_some(Self { tenant, device, topic, metrics, ts })
    }

    fn json(&self, out: &mut Vec<u8>) {
        let Self { tenant, device, topic, .. } = self;
        write(
            out,
            format_args!(r#"{{"type":"telemetry","device_id":"{device}","tenant_id":"{tenant}","metrics":"#),
        );
        out.extend_from_slice(self.metrics);
        out.extend_from_slice(br#","timestamp":"#);
        out.extend_from_slice(self.ts);
        write(out, format_args!(r#","topic":"{topic}"}}"#));
    }
}

fn write(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("a Vec takes every write");
}

/// The header of a frame that is not masked, with its length in the shortest form (RFC 6455, 5.2).
fn ws_header(payload_bytes: usize, out: &mut Vec<u8>) {
    out.push(FINAL_TEXT);
    match payload_bytes {
        0..126 => out.push(payload_bytes as u8),
        126..0x1_0000 => {
            out.push(126);
            out.extend_from_slice(&(payload_bytes as u16).to_be_bytes());
        }
        _ => {
            out.push(127);
            out.extend_from_slice(&(payload_bytes as u64).to_be_bytes());
        }
    }
}

#[cfg(test)]
mod tests;
