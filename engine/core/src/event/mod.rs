//! One accepted message of a device: parsed once, encoded at most once per form, shared by all its subscribers.
//!
//! Invariant: an event never changes. It makes each projection in each encoding at most once, when a subscriber first needs
//! it, and gives every thread the same bytes from then on. Of the payload it holds its metrics and its timestamp alone, as the
//! text that the device sent; of the topic, the tenant, the device and the topic itself.
//!
//! From a payload to its events: [`parse`] decides, `tokens` finds the JSON tokens, `places` what stands where metrics and
//! timestamp belong, `members` the metrics, each name once, and `id` gives the event its id. From an event to bytes: a
//! subscriber wants some metrics (`metric_set`) in one encoding; `projections` keeps the texts with some metrics only, and
//! `encoded` each text in each encoding, framed by `floodway_protocol`. No part of it knows sources, subscribers or sockets.

mod encoded;
mod id;
mod members;
mod metric_set;
pub mod parse;
mod places;
mod projections;
#[cfg(test)]
mod properties;
mod rejection;
#[cfg(test)]
mod tests;
mod tokens;

use std::sync::Arc;
use std::time::Instant;

use floodway_protocol::names::TenantId;
use floodway_protocol::{Encoding, EventId};

pub use id::{IdSource, Ids, MARK_BITS, now_micros};
pub use metric_set::MetricSet;
pub use parse::{Config, Origin, Parser, Sample, Samples};
pub use places::{BadPath, Path};
pub use rejection::Rejection;

use encoded::{Draft, Encoded};
use projections::{Projected, Projections};

/// An event. Only a [`Parser`] makes one.
///
/// Memory: its JSON text, 12 bytes per metric, and about 200 bytes; one more text for each other encoding and each
/// projection that a subscriber needed.
#[derive(Debug)]
pub struct Event {
    id: EventId,
    received: Instant,
    tenant: TenantId,
    device: Box<str>,
    metrics: Metrics,
    whole: Encoded,
    projections: Projections,
}

/// Where an event's metrics are in its JSON text.
#[derive(Debug)]
struct Metrics {
    /// Where the first begins, or would begin.
    from: u32,
    /// Where the last ends.
    to: u32,
    each: Box<[Metric]>,
    /// Names that are not the raw text of their key, by index, growing.
    unescaped: Box<[(u32, Box<str>)]>,
}

/// One `"name":value` in the text.
#[derive(Clone, Copy, Debug)]
struct Metric {
    from: u32,
    key_end: u32,
    to: u32,
}

impl Event {
    /// Its id, which grows with each event of this gateway.
    pub fn id(&self) -> EventId {
        self.id
    }

    /// When its message was received: see [`Parser::received_at`].
    pub fn received(&self) -> Instant {
        self.received
    }

    /// The tenant of its device.
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// The device that sent it.
    pub fn device(&self) -> &str {
        &self.device
    }

    /// About how much memory it takes, in bytes. Its text counts twice: most events are sent in another encoding too.
    pub fn memory(&self) -> usize {
        let metrics = self.metrics.each.len() * size_of::<Metric>();
        size_of::<Self>() + self.device.len() + metrics + 2 * self.json().len()
    }

    /// The event as JSON, without its id and unframed.
    pub fn json(&self) -> &[u8] {
        self.whole.json()
    }

    /// Whether a subscriber to these metrics is sent this event: it has one of them, or the subscriber wants all.
    pub fn matches(&self, metrics: Option<&Arc<MetricSet>>) -> bool {
        metrics.is_none() || self.text(metrics).is_some()
    }

    /// The names of the metrics that a subscriber to these is sent, in the order of the text; with `None`, of all.
    pub fn metric_names(&self, metrics: Option<&MetricSet>) -> Vec<String> {
        let named = self.metrics.named(self.json());
        let sent = named.filter(|(name, _)| metrics.is_none_or(|all| all.contains(name)));
        sent.map(|(name, _)| String::from_utf8_lossy(name).into_owned()).collect()
    }

    /// The bytes of the event with these metrics (`None`: all), ready for the socket; `None` if it has none of them.
    ///
    /// The first call for the same metrics and encoding makes the bytes. Later ones, on any thread, get the same.
    #[inline]
    pub fn frame(&self, metrics: Option<&Arc<MetricSet>>, encoding: Encoding) -> Option<&[u8]> {
        Some(self.text(metrics)?.bytes(encoding, self.id))
    }

    /// The event as a snapshot has it: marked, and without an id, ready for the socket; `None` if it has none of the metrics.
    pub fn snapshot_frame(&self, metrics: Option<&Arc<MetricSet>>, encoding: Encoding) -> Option<Vec<u8>> {
        let json = self.json_with(metrics)?;
        let open = json.strip_suffix(b"}").expect("an event is an object");
        let mut out = Vec::with_capacity(json.len() + 64);
        encoding.unnamed(&[open, br#","snapshot":true}"#].concat(), &mut out);
        Some(out)
    }

    /// As [`Event::json`], with those of its metrics that are wanted; `None` if it has none of them.
    pub fn json_with(&self, metrics: Option<&Arc<MetricSet>>) -> Option<&[u8]> {
        Some(self.text(metrics)?.json())
    }

    #[inline]
    fn text(&self, metrics: Option<&Arc<MetricSet>>) -> Option<&Encoded> {
        match metrics {
            None => Some(&self.whole),
            Some(metrics) => self.narrowed(metrics),
        }
    }

    fn narrowed(&self, metrics: &Arc<MetricSet>) -> Option<&Encoded> {
        match self.projections.get(metrics, || self.project(metrics)) {
            Projected::Nothing => None,
            Projected::Whole => Some(&self.whole),
            Projected::Part(text) => Some(text),
        }
    }

    fn project(&self, wanted: &MetricSet) -> Projected {
        let json = self.json();
        let kept: Vec<Metric> = self
            .metrics
            .named(json)
            .filter(|(name, _)| wanted.contains(name))
            .map(|(_, metric)| metric)
            .collect();
        if kept.is_empty() {
            return Projected::Nothing;
        }
        if kept.len() == self.metrics.each.len() {
            return Projected::Whole;
        }
        let mut draft = Draft::with_capacity(json.len());
        draft.append(&json[..self.metrics.from as usize]);
        for (n, metric) in kept.iter().enumerate() {
            if n > 0 {
                draft.push(b',');
            }
            draft.append(&json[metric.from as usize..metric.to as usize]);
        }
        draft.append(&json[self.metrics.to as usize..]);
        Projected::Part(draft.encoded())
    }
}

impl Metrics {
    /// Each metric with its name, in the order of the text.
    fn named<'a>(&'a self, json: &'a [u8]) -> impl Iterator<Item = (&'a [u8], Metric)> {
        let mut unescaped = self.unescaped.iter().peekable();
        self.each.iter().enumerate().map(move |(n, &metric)| {
            let name = match unescaped.next_if(|(at, _)| *at as usize == n) {
                Some((_, name)) => name.as_bytes(),
                None => &json[metric.from as usize + 1..metric.key_end as usize - 1],
            };
            (name, metric)
        })
    }
}
