//! From a device's payload to an event.
//!
//! Invariant: a payload becomes an event, or is refused for one reason. Whatever its bytes are, it costs time and memory
//! in proportion to its length, and no stack.

use std::ops::Range;
use std::time::Instant;

use super::encoded::Draft;
use super::members::Members;
use super::projections::Projections;
use super::tokens::{Object, Text, Tokenizer};
use super::{Event, Metric, Metrics};
use floodway_protocol::EventId;
use floodway_protocol::names::TenantId;

/// Offsets into a text have 32 bits; half of their range leaves room for what the event adds to the payload.
const PAYLOAD_BYTES_MAX: usize = 1 << 31;

/// The bounds of a device's message. A message beyond one is dropped, and counted by its reason.
#[derive(Clone, Debug)]
pub struct Config {
    /// `event.payload_bytes`: Default 128 KiB. Each held event costs about three times its size.
    pub payload_bytes: usize,
    /// `event.depth`: objects and arrays inside one another, the payload's own braces included. Default 32.
    pub depth: usize,
    /// `event.metrics`: metrics of one event. Default 1,024.
    pub metrics: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self { payload_bytes: 128 * 1024, depth: 32, metrics: 1024 }
    }
}

/// Why a payload is not an event: the first reason in this order that holds. Only a payload that is nested too deep may be
/// no JSON beyond that depth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Rejection {
    /// More bytes than [`Config::payload_bytes`].
    #[error("the payload is too large")]
    TooLarge,
    /// Not JSON (RFC 8259), or not UTF-8.
    #[error("the payload is not JSON")]
    NotJson,
    /// More objects and arrays inside one another than [`Config::depth`].
    #[error("the payload is nested too deep")]
    TooDeep,
    /// JSON, but not an object.
    #[error("the payload is not an object")]
    NotAnObject,
    /// `metrics` is there and is not an object.
    #[error("`metrics` is not an object")]
    MetricsNotAnObject,
    /// More metrics than [`Config::metrics`].
    #[error("the payload has too many metrics")]
    TooManyMetrics,
}

impl Rejection {
    /// Every reason.
    pub const ALL: [Self; 6] = [
        Self::TooLarge,
        Self::NotJson,
        Self::TooDeep,
        Self::NotAnObject,
        Self::MetricsNotAnObject,
        Self::TooManyMetrics,
    ];

    /// The reason as a label of metrics and logs.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::TooLarge => "too_large",
            Self::NotJson => "not_json",
            Self::TooDeep => "too_deep",
            Self::NotAnObject => "not_an_object",
            Self::MetricsNotAnObject => "metrics_not_an_object",
            Self::TooManyMetrics => "too_many_metrics",
        }
    }
}

/// Makes events of payloads. It keeps its buffers from one payload to the next, so each thread that parses has its own
/// parser. They grow to 30 to 40 times the largest payload so far, if that one is all brackets and commas.
pub struct Parser {
    payload_bytes_max: usize,
    metrics_max: usize,
    received: Instant,
    tokenizer: Tokenizer,
    members: Members,
    draft: Draft,
    metrics: Vec<Metric>,
    /// The last payload has no member `metrics`.
    lacked_metrics: bool,
}

impl Parser {
    /// A parser with these bounds.
    pub fn new(config: &Config) -> Self {
        Self {
            payload_bytes_max: config.payload_bytes.min(PAYLOAD_BYTES_MAX),
            metrics_max: config.metrics,
            received: Instant::now(),
            tokenizer: Tokenizer::new(config.depth),
            members: Members::default(),
            draft: Draft::with_capacity(1024),
            metrics: Vec::new(),
            lacked_metrics: false,
        }
    }

    /// Whether the payload of the last event has no member `metrics`: its values may stand elsewhere.
    pub fn lacked_metrics(&self) -> bool {
        self.lacked_metrics
    }

    /// Sets when the payloads that follow were received. At first it is the time at which the parser was made.
    pub fn received_at(&mut self, at: Instant) {
        self.received = at;
    }

    /// Makes an event of a payload that `device` of `tenant` published on `topic`. The caller has checked all three.
    ///
    /// # Errors
    /// Why the payload is no event. The parser can be used again.
    pub fn parse(
        &mut self,
        id: EventId,
        tenant: &TenantId,
        device: &str,
        topic: &str,
        payload: &[u8],
    ) -> Result<Event, Rejection> {
        if payload.len() > self.payload_bytes_max {
            return Err(Rejection::TooLarge);
        }
        let payload = trimmed(payload);
        let ts = self.read(payload)?;
        let (from, to) = self.write(payload, ts, tenant, device, topic);
        Ok(Event {
            id,
            received: self.received,
            tenant: tenant.clone(),
            device: Box::from(device),
            metrics: Metrics { from, to, each: Box::from(&*self.metrics), unescaped: self.members.take_names() },
            whole: self.draft.encoded(),
            projections: Projections::default(),
        })
    }

    /// Reads the metrics into [`Members`], and returns the value of `ts`.
    fn read<'a>(&mut self, payload: &'a [u8]) -> Result<&'a [u8], Rejection> {
        let text = Text::new(payload, self.tokenizer.tokens(payload)?);
        let (mut ts, mut metrics) = (&b"null"[..], None);
        for entry in Object::at(text, 0).ok_or(Rejection::NotAnObject)? {
            match entry.name(payload) {
                b"metrics" => metrics = Some(entry.value_token),
                b"ts" => ts = &payload[entry.value],
                _ => {}
            }
        }
        self.members.clear();
        self.lacked_metrics = metrics.is_none();
        if let Some(token) = metrics {
            let object = Object::at(text, token).ok_or(Rejection::MetricsNotAnObject)?;
            self.members.read(payload, object, self.metrics_max)?;
        }
        Ok(ts)
    }

    /// Writes the event's JSON, and returns where in it the metrics begin and end.
    fn write(&mut self, payload: &[u8], ts: &[u8], tenant: &TenantId, device: &str, topic: &str) -> (u32, u32) {
        // The topic contains both names.
        let is_plain = memchr::memchr2(b'"', b'\\', topic.as_bytes()).is_none();
        self.draft.clear();
        self.draft.append(br#"{"type":"telemetry","device_id":"#);
        self.draft.append_string(device, is_plain);
        self.draft.append(br#","tenant_id":"#);
        self.draft.append_string(tenant.as_str(), is_plain);
        self.draft.append(br#","metrics":{"#);
        let from = self.draft.offset();
        self.write_metrics(payload);
        let to = self.draft.offset();
        self.draft.append(br#"},"timestamp":"#);
        self.draft.append_value(ts);
        self.draft.append(br#","topic":"#);
        self.draft.append_string(topic, is_plain);
        self.draft.push(b'}');
        (from, to)
    }

    fn write_metrics(&mut self, payload: &[u8]) {
        self.metrics.clear();
        match self.members.span(payload) {
            Some(span) => self.copy_metrics(payload, span),
            None => self.join_metrics(payload),
        }
    }

    /// Copies all metrics at once, as the payload has them.
    fn copy_metrics(&mut self, payload: &[u8], span: Range<usize>) {
        let (at, from) = (span.start, self.draft.offset());
        self.draft.append(&payload[span]);
        let moved = |offset: usize| from + (offset - at) as u32;
        self.metrics.extend(self.members.list().iter().map(|metric| Metric {
            from: moved(metric.key.start),
            key_end: moved(metric.key.end),
            to: moved(metric.value.end),
        }));
    }

    /// Copies one metric after the other, without what the payload has between them.
    fn join_metrics(&mut self, payload: &[u8]) {
        for member in self.members.list() {
            if !self.metrics.is_empty() {
                self.draft.push(b',');
            }
            let from = self.draft.offset();
            self.draft.append(&payload[member.key.clone()]);
            let key_end = self.draft.offset();
            self.draft.push(b':');
            self.draft.append_value(&payload[member.value.clone()]);
            self.metrics.push(Metric { from, key_end, to: self.draft.offset() });
        }
    }
}

/// The payload without a byte order mark before it, which RFC 8259, 8.1, lets a parser ignore, and without NUL bytes behind
/// it: some devices send the whole buffer of their text.
fn trimmed(payload: &[u8]) -> &[u8] {
    const MARK: &[u8] = "\u{feff}".as_bytes();
    let mut payload = payload.strip_prefix(MARK).unwrap_or(payload);
    while let Some(shorter) = payload.strip_suffix(b"\0") {
        payload = shorter;
    }
    payload
}
