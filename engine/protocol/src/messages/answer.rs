//! Answers to an [`Action`](super::client::Action).
//!
//! Invariant: every action has exactly one answer, or one for each form in which it named something.

use std::fmt;
use std::time::SystemTime;

use super::client::Names;
use super::json::{List, Text};
use super::notice::{self, Filters};

/// Answers `clear_filters`.
pub const FILTERS_CLEARED: &str = r#"{"type":"filters_cleared"}"#;

/// Answers `ping`.
pub const PONG: &str = r#"{"type":"pong"}"#;

/// Answers `refresh` while the token can't be checked: a shard does not wait for keys, so the client sends it again.
pub const KEY_AWAITED: &str =
    r#"{"type":"error","message":"Key of the token is not known yet, send it again in some seconds"}"#;

/// These were added to the filters.
pub fn subscribed(names: &Names) -> String {
    named("subscribed", names)
}

/// These were taken out of the filters.
pub fn unsubscribed(names: &Names) -> String {
    named("unsubscribed", names)
}

/// Events are narrowed to these metrics from here on; to none means to all.
pub fn metrics_updated(metrics: &[Box<str>]) -> String {
    format!(r#"{{"type":"metrics_updated","metrics":{}}}"#, List(metrics))
}

/// Answers `get_filters`.
pub fn filters(filters: &Filters<'_>) -> String {
    format!(r#"{{"type":"filters","filters":{filters}}}"#)
}

/// The stream lives on until then.
pub fn refreshed(expires_at: SystemTime) -> String {
    let expires_at = notice::seconds(expires_at);
    format!(r#"{{"type":"refreshed","expires_at":"{expires_at}"}}"#)
}

/// The message had no effect; the stream goes on. Most often of a [`Mistake`](super::client::Mistake).
pub fn error(message: &impl fmt::Display) -> String {
    format!(r#"{{"type":"error","message":{}}}"#, Text(&message.to_string()))
}

fn named(what: &str, names: &Names) -> String {
    match names {
        Names::Device(id) => {
            format!(r#"{{"type":"{what}","device_id":{}}}"#, Text(id.as_str()))
        }
        Names::Devices(ids) => format!(r#"{{"type":"{what}","device_ids":{}}}"#, List(ids)),
        Names::Group(id) => format!(r#"{{"type":"{what}","group_id":{}}}"#, Text(id.as_str())),
        Names::Groups(ids) => format!(r#"{{"type":"{what}","group_ids":{}}}"#, List(ids)),
    }
}

#[cfg(test)]
mod tests;
