//! From a device's payload to an event.
//!
//! Invariant: each sample of a payload becomes an event, or is refused for one reason. Whatever its bytes are, a payload costs
//! time and memory in proportion to its length and the number of its samples, and no stack. It is parsed once.

use std::ops::Range;
use std::time::Instant;

use super::encoded::Draft;
use super::members::Members;
use super::places::{METRICS, Path, Places, TIMESTAMP};
use super::projections::Projections;
use super::tokens::{Object, Text, Tokenizer, has_escapes};
use super::{Event, Metric, Metrics, Rejection};
use floodway_protocol::EventId;
use floodway_protocol::names::TenantId;

/// Offsets into a text have 32 bits; half of their range leaves room for what the event adds to the payload.
const PAYLOAD_BYTES_MAX: usize = 1 << 31;

/// The bounds of a device's message, and where its metrics and its timestamp stand. A message beyond a bound is dropped, and
/// counted by its reason.
#[derive(Clone, Debug)]
pub struct Config {
    /// `event.payload_bytes`: Default 128 KiB. Each held event costs about three times its size.
    pub payload_bytes: usize,
    /// `event.depth`: objects and arrays inside one another, the payload's own braces included. Default 32.
    pub depth: usize,
    /// `event.samples`: samples of a payload that is an array, an event each. Default 1,000.
    pub samples: usize,
    /// `event.metrics`: metrics of one event. Default 1,024.
    pub metrics: usize,
    /// `payload.metrics`: the object whose members are the metrics. Default `metrics`. If it is `.`, all members of a sample
    /// are metrics but that of the timestamp and `provision_token`.
    pub metrics_at: Path,
    /// `payload.timestamp`: the timestamp, any JSON value. Default `ts`.
    pub timestamp_at: Path,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            payload_bytes: 128 * 1024,
            depth: 32,
            samples: 1000,
            metrics: 1024,
            metrics_at: Path::of(METRICS),
            timestamp_at: Path::of(TIMESTAMP),
        }
    }
}

impl Config {
    /// The same, for payloads of the default form.
    #[must_use]
    pub fn with_usual_places(self) -> Self {
        let Self { metrics_at, timestamp_at, .. } = Self::default();
        Self { metrics_at, timestamp_at, ..self }
    }
}

/// Whose a message is. The caller has checked it.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    /// The tenant of the device.
    pub tenant: &'a TenantId,
    /// The device. A part of the topic.
    pub device: &'a str,
    /// The topic.
    pub topic: &'a str,
    /// The metric that the topic names, if it does: a sample may be its value alone. A part of the topic.
    pub metric: Option<&'a str>,
}

/// The samples of a payload, of each of which [`Parser::event`] makes an event: the items of an array, or the payload itself.
#[derive(Clone, Debug)]
pub struct Samples<'p> {
    payload: &'p [u8],
    has_escapes: bool,
    numbers: Range<usize>,
}

/// One of a payload's samples.
#[derive(Clone, Copy, Debug)]
pub struct Sample<'p> {
    payload: &'p [u8],
    has_escapes: bool,
    number: usize,
}

impl<'p> Iterator for Samples<'p> {
    type Item = Sample<'p>;

    fn next(&mut self) -> Option<Sample<'p>> {
        let Self { payload, has_escapes, .. } = *self;
        self.numbers.next().map(|number| Sample { payload, has_escapes, number })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.numbers.size_hint()
    }
}

impl ExactSizeIterator for Samples<'_> {}

impl DoubleEndedIterator for Samples<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        let Self { payload, has_escapes, .. } = *self;
        self.numbers.next_back().map(|number| Sample { payload, has_escapes, number })
    }
}

/// Makes events of payloads. It keeps its buffers from one payload to the next, so each thread that parses has its own
/// parser. They grow to 30 to 40 times the largest payload so far, if that one is all brackets and commas.
pub struct Parser {
    payload_bytes_max: usize,
    samples_max: usize,
    metrics_max: usize,
    places: Places,
    received: Instant,
    tokenizer: Tokenizer,
    /// The first token of each sample of the last payload.
    samples: Vec<u32>,
    members: Members,
    draft: Draft,
    metrics: Vec<Metric>,
    /// The last event's sample has nothing where its metrics belong.
    lacked_metrics: bool,
}

/// What of a sample is passed on.
struct Contents<'a> {
    /// The value of the metric that the topic names. Without it the metrics are in [`Members`].
    value: Option<(&'a str, &'a [u8])>,
    timestamp: &'a [u8],
}

impl Parser {
    /// A parser with these bounds.
    pub fn new(config: &Config) -> Self {
        Self {
            payload_bytes_max: config.payload_bytes.min(PAYLOAD_BYTES_MAX),
            samples_max: config.samples,
            metrics_max: config.metrics,
            places: Places::new(&config.metrics_at, &config.timestamp_at),
            received: Instant::now(),
            tokenizer: Tokenizer::new(config.depth),
            samples: Vec::new(),
            members: Members::default(),
            draft: Draft::with_capacity(1024),
            metrics: Vec::new(),
            lacked_metrics: false,
        }
    }

    /// Whether the sample of the last event has nothing where its metrics belong: its values may stand elsewhere.
    pub fn lacked_metrics(&self) -> bool {
        self.lacked_metrics
    }

    /// Sets when the payloads that follow were received. At first it is the time at which the parser was made.
    pub fn received_at(&mut self, at: Instant) {
        self.received = at;
    }

    /// Reads a payload. There is one sample at least, each of which is an event or not.
    ///
    /// # Errors
    /// Why nothing of the payload is an event. The parser can be used again.
    pub fn read<'p>(&mut self, payload: &'p [u8]) -> Result<Samples<'p>, Rejection> {
        if payload.len() > self.payload_bytes_max {
            return Err(Rejection::TooLarge);
        }
        let payload = trimmed(payload);
        self.tokenizer.read(payload)?;
        let has_escapes = has_escapes(payload);
        self.samples.clear();
        match Text::new(payload, self.tokenizer.tokens(), has_escapes).items(0) {
            None => self.samples.push(0),
            Some(items) => {
                self.samples.extend(items.take(self.samples_max.saturating_add(1)));
                if self.samples.len() > self.samples_max {
                    return Err(Rejection::TooManySamples);
                }
            }
        }
        if self.samples.is_empty() {
            return Err(Rejection::NotAnObject);
        }
        Ok(Samples { payload, has_escapes, numbers: 0..self.samples.len() })
    }

    /// Makes an event of a sample of the payload that was read last.
    ///
    /// Where the topic names a metric, its value may stand alone, as the sample or where the metrics belong.
    ///
    /// # Errors
    /// Why the sample is no event. The parser can be used again, also for the other samples.
    pub fn event(&mut self, sample: Sample<'_>, id: EventId, origin: &Origin<'_>) -> Result<Event, Rejection> {
        let contents = self.look_into(sample, origin.metric)?;
        let metrics = self.write(sample.payload, &contents, origin);
        Ok(Event {
            id,
            received: self.received,
            tenant: origin.tenant.clone(),
            device: Box::from(origin.device),
            metrics,
            whole: self.draft.encoded(),
            projections: Projections::default(),
        })
    }

    /// Of the samples of the payload that was read last, how many there are up to the last one that is an event.
    pub fn count_to_last_event(&mut self, samples: &Samples<'_>, metric: Option<&str>) -> usize {
        let mut samples = samples.clone();
        while let Some(sample) = samples.next_back() {
            if self.look_into(sample, metric).is_ok() {
                return samples.len() + 1;
            }
        }
        0
    }

    /// Makes an event of a payload that is one object, and which `device` of `tenant` published on `topic`. The caller has
    /// checked all three.
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
        let sample = Samples { numbers: 0..1, ..self.read(payload)? }.next();
        // An array's first sample does not begin where the payload does.
        let is_whole = self.samples == [0];
        let sample = sample.filter(|_| is_whole).ok_or(Rejection::NotAnObject)?;
        self.event(sample, id, &Origin { tenant, device, topic, metric: None })
    }

    /// Finds what is passed on, and reads the metrics into [`Members`] unless it is the value of one.
    fn look_into<'a>(&mut self, sample: Sample<'a>, metric: Option<&'a str>) -> Result<Contents<'a>, Rejection> {
        self.members.clear();
        self.lacked_metrics = false;
        let payload = sample.payload;
        let text = Text::new(payload, self.tokenizer.tokens(), sample.has_escapes);
        let token = self.samples[sample.number] as usize;
        let alone = |token: usize| {
            let is_scalar = !matches!(text.byte(token), b'{' | b'[' | b'n');
            metric.filter(|_| is_scalar).map(|metric| (metric, &payload[text.value(token)]))
        };
        if let Some(value) = alone(token) {
            return Ok(Contents { value: Some(value), timestamp: b"null" });
        }
        let found = self.places.find(text, token)?;
        let timestamp = found.timestamp.map_or(&b"null"[..], |value| &payload[value]);
        let Some(token) = found.metrics else {
            self.lacked_metrics = true;
            return Ok(Contents { value: None, timestamp });
        };
        if let Some(value) = alone(token) {
            return Ok(Contents { value: Some(value), timestamp });
        }
        let object = Object::at(text, token).ok_or(Rejection::MetricsNotAnObject)?;
        self.members.read(payload, object, self.places.left_out(), self.metrics_max)?;
        Ok(Contents { value: None, timestamp })
    }

    /// Writes the event's JSON, and returns its metrics.
    fn write(&mut self, payload: &[u8], contents: &Contents<'_>, origin: &Origin<'_>) -> Metrics {
        let &Origin { tenant, device, topic, .. } = origin;
        // It contains the device and the metric.
        let is_plain = is_plain(topic);
        self.draft.clear();
        self.draft.append(br#"{"type":"telemetry","device_id":"#);
        self.draft.append_string(device, is_plain);
        self.draft.append(br#","tenant_id":"#);
        self.draft.append_string(tenant.as_str(), self::is_plain(tenant.as_str()));
        self.draft.append(br#","metrics":{"#);
        let from = self.draft.offset();
        let unescaped = match contents.value {
            Some(value) => self.write_metric(value, is_plain),
            None => self.write_metrics(payload),
        };
        let to = self.draft.offset();
        self.draft.append(br#"},"timestamp":"#);
        self.draft.append_value(contents.timestamp);
        self.draft.append(br#","topic":"#);
        self.draft.append_string(topic, is_plain);
        self.draft.push(b'}');
        Metrics { from, to, each: Box::from(&*self.metrics), unescaped }
    }

    /// Writes the metrics of [`Members`], and returns the names that are not the raw text of their key, by index.
    fn write_metrics(&mut self, payload: &[u8]) -> Box<[(u32, Box<str>)]> {
        self.metrics.clear();
        match self.members.span(payload) {
            Some(span) => self.copy_metrics(payload, span),
            None => self.join_metrics(payload),
        }
        self.members.take_names()
    }

    /// Writes the metric that the topic names, as [`Parser::write_metrics`] does.
    fn write_metric(&mut self, (name, value): (&str, &[u8]), is_plain: bool) -> Box<[(u32, Box<str>)]> {
        self.metrics.clear();
        let from = self.draft.offset();
        self.draft.append_string(name, is_plain);
        let key_end = self.draft.offset();
        self.draft.push(b':');
        self.draft.append_value(value);
        self.metrics.push(Metric { from, key_end, to: self.draft.offset() });
        let is_escaped = (key_end - from) as usize != name.len() + 2;
        is_escaped.then(|| (0, Box::from(name))).into_iter().collect()
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

/// Whether `text` is a JSON string as it is, but for the quotes. It holds no control character: it is a name, or made of names.
fn is_plain(text: &str) -> bool {
    memchr::memchr2(b'"', b'\\', text.as_bytes()).is_none()
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
