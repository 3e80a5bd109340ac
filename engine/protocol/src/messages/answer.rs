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
pub const KEY_AWAITED: &str = r#"{"type":"error","message":"Key of the token is not known yet, send it again in some seconds"}"#;

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
    format!(
        r#"{{"type":"metrics_updated","metrics":{}}}"#,
        List(metrics)
    )
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
    format!(
        r#"{{"type":"error","message":{}}}"#,
        Text(&message.to_string())
    )
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
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::messages::client::Mistake;
    use crate::names::{DeviceId, GroupId};

    fn device(id: &str) -> DeviceId {
        DeviceId::parse(id).expect("a name")
    }

    fn group(id: &str) -> GroupId {
        GroupId::parse(id).expect("a name")
    }

    #[test]
    fn names_are_answered_in_the_form_they_came_in() {
        let rows = [
            (Names::Device(device("A")), r#""device_id":"A""#),
            (
                Names::Devices(vec![device("A"), device("B")]),
                r#""device_ids":["A","B"]"#,
            ),
            (Names::Devices(vec![device("A")]), r#""device_ids":["A"]"#),
            (Names::Devices(Vec::new()), r#""device_ids":[]"#),
            (Names::Group(group("G")), r#""group_id":"G""#),
            (Names::Groups(vec![group("G\"")]), r#""group_ids":["G\""]"#),
        ];
        for (names, json) in rows {
            assert_eq!(
                subscribed(&names),
                format!(r#"{{"type":"subscribed",{json}}}"#)
            );
            assert_eq!(
                unsubscribed(&names),
                format!(r#"{{"type":"unsubscribed",{json}}}"#)
            );
        }
    }

    #[test]
    fn answers_are_those_of_the_contract() {
        assert_eq!(
            metrics_updated(&["temperature".into()]),
            r#"{"type":"metrics_updated","metrics":["temperature"]}"#
        );
        assert_eq!(
            filters(&Filters {
                device_ids: &[],
                group_ids: &[group("G")],
                metric_names: &["t".into()],
                all_devices: false
            }),
            r#"{"type":"filters","filters":{"device_ids":[],"group_ids":["G"],"metric_names":["t"],"all_devices":false}}"#
        );
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_771_246_800);
        assert_eq!(
            refreshed(at),
            r#"{"type":"refreshed","expires_at":"2026-02-16T13:00:00Z"}"#
        );
    }

    #[test]
    fn an_error_repeats_hostile_text_as_text() {
        let mistake = Mistake::UnknownAction("\"}\n\u{0}".to_owned());
        assert_eq!(
            error(&mistake),
            r#"{"type":"error","message":"Unknown action: \"}\n\u0000"}"#
        );
        assert_eq!(
            error(&Mistake::NotJson),
            r#"{"type":"error","message":"Invalid JSON"}"#
        );
    }
}
