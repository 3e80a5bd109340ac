//! Tests of `messages::answer`.

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
        (Names::Devices(vec![device("A"), device("B")]), r#""device_ids":["A","B"]"#),
        (Names::Devices(vec![device("A")]), r#""device_ids":["A"]"#),
        (Names::Devices(Vec::new()), r#""device_ids":[]"#),
        (Names::Group(group("G")), r#""group_id":"G""#),
        (Names::Groups(vec![group("G\"")]), r#""group_ids":["G\""]"#),
    ];
    for (names, json) in rows {
        assert_eq!(subscribed(&names), format!(r#"{{"type":"subscribed",{json}}}"#));
        assert_eq!(unsubscribed(&names), format!(r#"{{"type":"unsubscribed",{json}}}"#));
    }
}

#[test]
fn answers_are_those_of_the_contract() {
    assert_eq!(metrics_updated(&["temperature".into()]), r#"{"type":"metrics_updated","metrics":["temperature"]}"#);
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
    assert_eq!(refreshed(at), r#"{"type":"refreshed","expires_at":"2026-02-16T13:00:00Z"}"#);
}

#[test]
fn an_error_repeats_hostile_text_as_text() {
    let mistake = Mistake::UnknownAction("\"}\n\u{0}".to_owned());
    assert_eq!(error(&mistake), r#"{"type":"error","message":"Unknown action: \"}\n\u0000"}"#);
    assert_eq!(error(&Mistake::NotJson), r#"{"type":"error","message":"Invalid JSON"}"#);
}
