//! Notices: what a client is sent without having asked, besides events.
//!
//! Invariant: an instant that RFC 3339 can't write (after the year 9999, before 1970) is shown as the nearest one that it
//! can write. Nothing panics.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::json::{List, Text};
use super::max_rate::MaxRate;
use crate::EventId;
use crate::encoding::{Encoding, Frames};
use crate::names::{DeviceId, GroupId, TenantId};

/// 9999-12-31T23:59:59Z, in seconds since 1970: the last second that RFC 3339 can write.
pub const LAST_SECOND: u64 = 253_402_300_799;

/// A subscriber's filters, to be shown. Written as a JSON object.
#[derive(Clone, Copy, Debug)]
pub struct Filters<'a> {
    /// Devices named one by one.
    pub device_ids: &'a [DeviceId],
    /// Groups, whose members are meant.
    pub group_ids: &'a [GroupId],
    /// Metrics that events are narrowed to; none for all.
    pub metric_names: &'a [Box<str>],
    /// True if every device of the tenant is meant. Distinguishes "everything" from "nothing", where no id is named.
    pub all_devices: bool,
}

impl fmt::Display for Filters<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            r#"{{"device_ids":{},"group_ids":{},"metric_names":{},"all_devices":{}}}"#,
            List(self.device_ids),
            List(self.group_ids),
            List(self.metric_names),
            self.all_devices
        )
    }
}

/// The stream is live: whatever is published after its client has read this reaches it.
#[derive(Clone, Copy, Debug)]
pub struct Connected<'a> {
    /// Whose stream it is.
    pub tenant: &'a TenantId,
    /// What it is to receive.
    pub filters: Filters<'a>,
    /// When its token expires.
    pub expires_at: SystemTime,
    /// What holds of the options that its client gave; `None` if it gave none.
    pub options: Option<ShownOptions>,
    /// Where to resume if nothing else arrives.
    pub last_event_id: EventId,
}

impl Connected<'_> {
    /// Appends it as `encoding` sends it. Over SSE the id is its `id:` line too, so that a browser that is cut off before
    /// its first event resumes exactly.
    pub fn encode(&self, encoding: Encoding, out: &mut Vec<u8>) {
        encoding.message_with_id("connected", self.last_event_id, &self.to_string(), out);
    }
}

impl fmt::Display for Connected<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tenant, filters, expires_at, options, last_event_id } = self;
        write!(f, r#"{{"type":"connected","tenant_id":{},"filters":{filters}"#, Text(tenant.as_str()))?;
        write!(f, r#","expires_at":"{}""#, seconds(*expires_at))?;
        if let Some(options) = options {
            write!(f, r#","options":{options}"#)?;
        }
        write!(f, r#","last_event_id":"{last_event_id}"}}"#)
    }
}

/// What holds of the options that a client gave, to be shown. Written as a JSON object of those that it gave.
#[derive(Clone, Copy, Debug, Default)]
pub struct ShownOptions {
    /// The overflow policy of this stream.
    pub overflow: Option<&'static str>,
    /// Events a second that it gets of each device at most.
    pub max_rate: Option<MaxRate>,
    /// It begins with a snapshot.
    pub snapshot: Option<bool>,
}

impl fmt::Display for ShownOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let overflow = self.overflow.map(|policy| format!(r#""overflow":"{policy}""#));
        let max_rate = self.max_rate.map(|rate| format!(r#""max_rate":{rate}"#));
        let snapshot = self.snapshot.map(|snapshot| format!(r#""snapshot":{snapshot}"#));
        let given: Vec<String> = [overflow, max_rate, snapshot].into_iter().flatten().collect();
        write!(f, "{{{}}}", given.join(","))
    }
}

/// The gateway drains: come back after this time, in whole milliseconds.
pub fn reconnect(after: Duration) -> String {
    let after_ms = after.as_millis();
    format!(r#"{{"type":"reconnect","after_ms":{after_ms}}}"#)
}

/// The token of an event stream has expired; a WebSocket reads it from its close code.
pub const EXPIRED: &str = r#"{"type":"expired","detail":"Invalid or expired token"}"#;

/// Why events are missing at this point of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gap {
    /// This subscriber lagged; so many events that matched were dropped.
    Overflow(u64),
    /// This subscriber lagged and turned to the last event of each device, or back to all events; so many were passed over.
    Conflated(u64),
    /// They are older than what is kept, or the client's id is not one of ours; how many, where that is known.
    Replay(Option<u64>),
    /// The source was away.
    Upstream,
}

impl Gap {
    /// The gap as JSON.
    pub fn json(self) -> String {
        let (reason, dropped) = match self {
            Self::Overflow(dropped) => ("overflow", Some(dropped)),
            Self::Conflated(passed) => ("conflated", Some(passed)),
            Self::Replay(dropped) => ("replay", dropped),
            Self::Upstream => ("upstream", None),
        };
        let dropped = dropped.map_or_else(|| "null".to_owned(), |dropped| dropped.to_string());
        format!(r#"{{"type":"gap","reason":"{reason}","dropped":{dropped}}}"#)
    }

    /// Appends the gap as `encoding` sends it.
    pub fn encode(self, encoding: Encoding, out: &mut Vec<u8>) {
        encoding.message("gap", &self.json(), out);
    }
}

/// The state of a tenant's source, as its subscribers see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceState {
    /// The source is lost.
    Down,
    /// The source refuses to send the tenant's events.
    Refused,
    /// It sends them again.
    Up,
}

impl SourceState {
    /// The state, in which the source is `since` this time, as JSON.
    fn json(self, since: SystemTime) -> String {
        let state = match self {
            Self::Down => "down",
            Self::Refused => "refused",
            Self::Up => "up",
        };
        format!(r#"{{"type":"upstream","state":"{state}","since":"{}"}}"#, millis(since))
    }
}

/// A notice that many subscribers get.
#[derive(Debug)]
pub struct Notice {
    frames: Frames,
    gaps: u64,
}

impl Notice {
    /// A gap.
    pub fn gap(gap: Gap) -> Self {
        Self { frames: Frames::message("gap", &gap.json()), gaps: 1 }
    }

    /// The state of a tenant's source, and since when it is in that state.
    pub fn source(state: SourceState, since: SystemTime) -> Self {
        Self { frames: Frames::message("upstream", &state.json(since)), gaps: 0 }
    }

    /// Gaps that it reports: one or none.
    pub fn gaps(&self) -> u64 {
        self.gaps
    }

    /// Its bytes in this encoding.
    pub fn frame(&self, encoding: Encoding) -> &[u8] {
        self.frames.get(encoding)
    }
}

/// An instant in whole seconds, rounded down, as RFC 3339 in UTC: `2026-02-16T13:00:00Z`.
pub fn seconds(at: SystemTime) -> impl fmt::Display {
    humantime::format_rfc3339_seconds(writable(at))
}

/// An instant in whole milliseconds, rounded down, as RFC 3339 in UTC: `2026-02-16T13:00:00.000Z`.
pub(crate) fn millis(at: SystemTime) -> impl fmt::Display {
    humantime::format_rfc3339_millis(writable(at))
}

/// A token's `exp` may be any number, and humantime panics outside the years that it knows.
fn writable(at: SystemTime) -> SystemTime {
    at.clamp(UNIX_EPOCH, UNIX_EPOCH + Duration::from_secs(LAST_SECOND))
}

#[cfg(test)]
mod tests;
