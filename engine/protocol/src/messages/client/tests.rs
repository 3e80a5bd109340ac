//! What clients send, what they get wrong, and any text at all.
//!
//! Laws: parsing never panics; what it accepts names between one and `ids_max` valid ids of each kind; an action
//! written as JSON is read back as itself.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::messages::answer;
use crate::names;

fn device(id: &str) -> DeviceId {
    DeviceId::parse(id).expect("a name")
}

fn group(id: &str) -> GroupId {
    GroupId::parse(id).expect("a name")
}

fn subscribe(names: Vec<Names>) -> Action {
    Action::Subscribe { names, snapshot: false }
}

#[track_caller]
fn read(text: &str, action: Action) {
    assert_eq!(parse(text, 3), Ok(action), "{text}");
}

#[track_caller]
fn refused(text: &str, message: &str) {
    let mistake = parse(text, 3).expect_err("a mistake");
    assert_eq!(mistake.to_string(), message, "{text}");
}

#[test]
fn the_contract_s_examples_are_read() {
    read(r#"{"action":"subscribe","device_id":"A"}"#, subscribe(vec![Names::Device(device("A"))]));
    read(
        r#"{"action":"subscribe","device_ids":["A","B"]}"#,
        subscribe(vec![Names::Devices(vec![device("A"), device("B")])]),
    );
    read(r#"{"action":"unsubscribe","group_id":"G"}"#, Action::Unsubscribe(vec![Names::Group(group("G"))]));
    read(
        r#"{"action":"unsubscribe","group_ids":["G"]}"#,
        Action::Unsubscribe(vec![Names::Groups(vec![group("G")])]),
    );
    read(
        r#"{"action":"set_metrics","metrics":["temperature"]}"#,
        Action::SetMetrics(vec!["temperature".to_owned()]),
    );
    read(r#"{"action":"set_metrics","metrics":[]}"#, Action::SetMetrics(Vec::new()));
    read(r#"{"action":"clear_filters"}"#, Action::ClearFilters);
    read(r#"{"action":"get_filters"}"#, Action::GetFilters);
    read(r#"{"action":"ping"}"#, Action::Ping);
    let token = Token("a.b.c".to_owned());
    read(r#"{"action":"refresh","token":"a.b.c"}"#, Action::Refresh(token));
}

#[test]
fn several_forms_at_once_keep_one_order() {
    let text = r#"{"group_ids":["H"],"group_id":"G","device_ids":["B"],"device_id":"A","action":"subscribe"}"#;
    let names = vec![
        Names::Device(device("A")),
        Names::Devices(vec![device("B")]),
        Names::Group(group("G")),
        Names::Groups(vec![group("H")]),
    ];
    read(text, subscribe(names));
}

#[test]
fn a_subscription_may_ask_for_the_last_events() {
    let a = |snapshot| Action::Subscribe { names: vec![Names::Device(device("A"))], snapshot };
    for (value, snapshot) in [("true", true), ("false", false), ("null", false)] {
        read(&format!(r#"{{"action":"subscribe","device_id":"A","snapshot":{value}}}"#), a(snapshot));
    }
    for value in [r#""true""#, "1", "[]"] {
        let text = format!(r#"{{"action":"subscribe","device_id":"A","snapshot":{value}}}"#);
        refused(&text, "snapshot must be true or false");
    }
    let ignored = r#"{"action":"unsubscribe","device_id":"A","snapshot":7}"#;
    read(ignored, Action::Unsubscribe(vec![Names::Device(device("A"))]));
}

#[test]
fn what_json_allows_is_allowed() {
    let a = || subscribe(vec![Names::Device(device("A"))]);
    read(" {\n\"action\" : \"subscribe\" ,\t\"device_id\":\"A\" } ", a());
    read(r#"{"action":"\u0073ubscribe","device\u005fid":"\u0041"}"#, a());
    read(r#"{"action":"subscribe","device_id":"A","device_ids":null}"#, a());
    read(r#"{"action":"subscribe","device_id":"A","x":{"y":[1e999]}}"#, a());
    read(r#"{"action":"ping","action":"subscribe","device_id":7,"device_id":"A"}"#, a());
    let quoted = subscribe(vec![Names::Device(device("köln \"7\""))]);
    read(r#"{"action":"subscribe","device_id":"köln \"7\""}"#, quoted);
    let none = subscribe(vec![Names::Devices(Vec::new())]);
    read(r#"{"action":"subscribe","device_ids":[]}"#, none);
}

#[test]
fn text_that_is_no_object_is_refused() {
    for text in ["", "hello", "{", r#"{"action":"ping"} x"#, r#"{"action":}"#, "{'action':1}", "\u{feff}{}"] {
        refused(text, "Invalid JSON");
    }
    for text in ["[]", r#"["ping"]"#, "null", "7", r#""ping""#, "true"] {
        refused(text, "Message must be a JSON object");
    }
}

#[test]
fn nesting_is_bounded() {
    let deep = format!(r#"{{"action":"ping","x":{}{}}}"#, "[".repeat(8000), "]".repeat(8000));
    read(&deep, Action::Ping);
    let ids = format!(r#"{{"action":"subscribe","device_ids":{}}}"#, "[".repeat(8000));
    refused(&ids, "Invalid JSON");
    let ids = format!(r#"{{"action":"subscribe","device_ids":{}{}}}"#, "[".repeat(8000), "]".repeat(8000));
    refused(&ids, "device_ids must be a list of strings");
}

#[test]
fn the_action_is_looked_at_first() {
    refused("{}", "Missing action");
    refused(r#"{"action":null,"device_id":"A"}"#, "Missing action");
    refused(r#"{"action":7}"#, "action must be a string");
    refused(r#"{"action":["ping"]}"#, "action must be a string");
    refused(r#"{"action":"\ud800"}"#, "action must be a string");
    refused(r#"{"action":"","device_id":7}"#, "Unknown action: ");
    refused(r#"{"action":"PING"}"#, "Unknown action: PING");
    refused(r#"{"action":"fly","device_id":7}"#, "Unknown action: fly");
}

#[test]
fn an_unknown_action_is_cut_at_64_characters() {
    let long = "é".repeat(65);
    refused(&format!(r#"{{"action":"{long}"}}"#), &format!("Unknown action: {}", "é".repeat(64)));
}

#[test]
fn ids_are_checked_and_pointed_at() {
    let missing = "Missing device_id, device_ids, group_id or group_ids";
    refused(r#"{"action":"subscribe"}"#, missing);
    refused(r#"{"action":"unsubscribe","device_id":null,"devices":["A"]}"#, missing);
    refused(r#"{"action":"subscribe","device_id":7}"#, "device_id must be a string");
    refused(r#"{"action":"subscribe","device_id":["A"]}"#, "device_id must be a string");
    refused(r#"{"action":"subscribe","device_ids":"A"}"#, "device_ids must be a list of strings");
    refused(r#"{"action":"subscribe","group_ids":["A",7]}"#, "group_ids must be a list of strings");
    refused(r#"{"action":"subscribe","group_ids":["A",null]}"#, "group_ids must be a list of strings");
    refused(r#"{"action":"subscribe","group_ids":{"0":"A"}}"#, "group_ids must be a list of strings");
    refused(r#"{"action":"subscribe","device_id":""}"#, "device_id is empty");
    refused(
        r#"{"action":"subscribe","device_id":"a/b"}"#,
        "device_id holds '/', '+', '#' or a control character",
    );
    refused(
        r#"{"action":"subscribe","device_id":"A","group_ids":["G","\u0000"]}"#,
        "group_ids[1] holds '/', '+', '#' or a control character",
    );
    let long = "x".repeat(names::NAME_BYTES_MAX + 1);
    refused(&format!(r#"{{"action":"unsubscribe","group_id":"{long}"}}"#), "group_id is longer than 256 bytes");
}

#[test]
fn one_message_names_no_more_than_it_may() {
    refused(
        r#"{"action":"subscribe","device_id":"A","device_ids":["B","C","D"]}"#,
        "Too many devices: at most 3",
    );
    refused(r#"{"action":"unsubscribe","group_ids":["A","A","A","A"]}"#, "Too many groups: at most 3");
    refused(r#"{"action":"set_metrics","metrics":["a","b","c","d"]}"#, "Too many metrics: at most 3");
    let devices = vec![device("A"), device("B"), device("C")];
    let groups = vec![group("A"), group("B"), group("C")];
    read(
        r#"{"action":"subscribe","device_ids":["A","B","C"],"group_ids":["A","B","C"]}"#,
        subscribe(vec![Names::Devices(devices), Names::Groups(groups)]),
    );
}

#[test]
fn metrics_and_token_are_needed() {
    refused(r#"{"action":"set_metrics","metrics":"t"}"#, "metrics must be a list of strings");
    refused(r#"{"action":"refresh"}"#, "Missing token");
    refused(r#"{"action":"refresh","token":""}"#, "Missing token");
    refused(r#"{"action":"refresh","token":7}"#, "token must be a string");
}

#[test]
fn a_token_is_not_shown() {
    let action = parse(r#"{"action":"refresh","token":"secret"}"#, 3).expect("an action");
    assert_eq!(format!("{action:?}"), "Refresh(..)");
}

/// Values near to what is right.
fn any_value() -> impl Strategy<Value = Value> {
    let word = prop_oneof![
        Just("subscribe"),
        Just("unsubscribe"),
        Just("set_metrics"),
        Just("refresh"),
        Just("A"),
        Just("a/b"),
        Just(""),
    ];
    let leaf = prop_oneof![
        4 => word.prop_map(Value::from),
        1 => any::<String>().prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => Just(Value::Null),
    ];
    leaf.prop_recursive(3, 16, 5, |inner| {
        let list = prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from);
        let object = prop::collection::vec((any::<String>(), inner), 0..3);
        prop_oneof![4 => list, 1 => object.prop_map(|of| Value::Object(of.into_iter().collect()))]
    })
}

fn any_object() -> impl Strategy<Value = Value> {
    let key = prop_oneof![
        Just("action"),
        Just("action"),
        Just("device_id"),
        Just("device_ids"),
        Just("group_id"),
        Just("group_ids"),
        Just("metrics"),
        Just("snapshot"),
        Just("token"),
    ];
    prop::collection::vec((key, any_value()), 0..6)
        .prop_map(|fields| fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

fn holds_its_bounds(action: &Action, ids_max: usize) {
    let (Action::Subscribe { names: named, .. } | Action::Unsubscribe(named)) = action else {
        return;
    };
    assert!(!named.is_empty());
    let (mut devices, mut groups) = (0, 0);
    for names in named {
        match names {
            Names::Device(_) => devices += 1,
            Names::Devices(ids) => devices += ids.len(),
            Names::Group(_) => groups += 1,
            Names::Groups(ids) => groups += ids.len(),
        }
        let json = answer::subscribed(names);
        assert!(serde_json::from_str::<Value>(&json).is_ok(), "{json}");
    }
    assert!(devices <= ids_max && groups <= ids_max);
}

#[track_caller]
fn gives_an_action_or_a_readable_mistake(text: &str) {
    match parse(text, 3) {
        Ok(action) => holds_its_bounds(&action, 3),
        Err(mistake) => {
            let json = answer::error(&mistake);
            let value: Value = serde_json::from_str(&json).expect("JSON");
            assert_eq!(value, json!({"type": "error", "message": mistake.to_string()}));
        }
    }
}

proptest! {
    #[test]
    fn any_text_gives_an_action_or_a_mistake(text: String) {
        gives_an_action_or_a_readable_mistake(&text);
    }

    #[test]
    fn any_json_gives_an_action_or_a_mistake(value in any_object()) {
        gives_an_action_or_a_readable_mistake(&value.to_string());
    }

    #[test]
    fn broken_json_gives_an_action_or_a_mistake(
        value in any_object(),
        at: prop::sample::Index,
        insert: char,
    ) {
        let mut chars: Vec<char> = value.to_string().chars().collect();
        let at = at.index(chars.len());
        chars[at] = insert;
        gives_an_action_or_a_readable_mistake(&chars.into_iter().collect::<String>());
    }

    #[test]
    fn ids_written_are_ids_read(
        devices in prop::collection::vec("[^/+#\\pC]{1,60}", 0..4),
        group in "[^/+#\\pC]{1,60}",
    ) {
        let message = json!({"action": "subscribe", "device_ids": devices, "group_id": group});
        let devices = devices.iter().map(|id| self::device(id)).collect();
        let expected = vec![Names::Devices(devices), Names::Group(self::group(&group))];
        prop_assert_eq!(parse(&message.to_string(), 3), Ok(subscribe(expected)));
    }
}
