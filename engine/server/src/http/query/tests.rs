//! Filters, mistakes and resumption in queries.

use super::*;
use floodway_core::index::Overflow;

fn query(text: &str) -> Query {
    Query::parse(&format!("/x?{text}").parse().unwrap())
}

#[test]
fn filters_are_read_from_lists_and_repeated_parameters() {
    let filter = query("device_id=A,B%20C&device_id=D&metric=t,h&group_id=").filter(10).unwrap();
    assert_eq!(filter.devices().iter().map(DeviceId::as_str).collect::<Vec<_>>(), ["A", "B C", "D"]);
    assert_eq!(filter.metrics().unwrap().names().len(), 2);
    assert!(query("").filter(10).unwrap().wants_all_devices());
    assert!(query("device_id=&token=x").filter(10).unwrap().wants_all_devices());
}

#[test]
fn lists_are_read_as_clients_in_the_field_write_them() {
    let filter = query("device_ids=+A+,,B,%20&group_ids=G&metrics=t,&_=17&cb=x").filter(10).unwrap();
    let devices = filter.devices().iter().map(DeviceId::as_str);
    assert_eq!(devices.collect::<Vec<_>>(), ["A", "B"]);
    assert_eq!(filter.groups().len(), 1);
    assert_eq!(filter.metrics().unwrap().names().len(), 1);
    let nothing = query("device_id=,+,&group_id=").filter(10).unwrap();
    assert!(nothing.wants_all_devices());
}

#[test]
fn what_would_widen_the_stream_is_refused_with_the_right_name() {
    for (text, mistake) in [
        ("device=A", r#"Unknown parameter "device": use device_id"#),
        ("device_id[]=A", r#"Unknown parameter "device_id[]": use device_id"#),
        ("device_id%5B%5D=A", r#"Unknown parameter "device_id[]": use device_id"#),
        ("deviceId", r#"Unknown parameter "deviceId": use device_id"#),
        ("_=1&Metric=t", r#"Unknown parameter "Metric": use metric"#),
        ("device_id=%FC", "device_id is not UTF-8; percent-encode its UTF-8 bytes"),
        ("group_id=a%2Fb", "group_id holds '/', '+', '#' or a control character"),
    ] {
        assert_eq!(query(text).filter(10).unwrap_err(), mistake, "{text}");
    }
    assert!(query("device_id=A,B,C").filter(2).is_err());
}

#[test]
fn any_id_may_be_resumed_from_and_the_header_wins() {
    let mut headers = HeaderMap::new();
    assert_eq!(query("").resume(&headers), Resume::No);
    assert_eq!(query("last_event_id=").resume(&headers), Resume::FromNow);
    let after = |text: &str| query(text).resume(&HeaderMap::new());
    assert_eq!(after("lastEventId=12"), Resume::After(Some(12)));
    for odd in ["-1", "abc", "%FC", "99999999999999999999999", "1.5"] {
        assert_eq!(after(&format!("last_event_id={odd}")), Resume::After(None), "{odd}");
    }
    headers.insert("last-event-id", "7".parse().unwrap());
    assert_eq!(query("last_event_id=12").resume(&headers), Resume::After(Some(7)));
}

#[test]
fn options_are_read_and_the_last_one_given_holds() {
    let options = |text: &str| query(text).options(&Limits::default()).unwrap();
    assert_eq!(options("overflow=&max_rate=&snapshot"), Options::default());
    let all = Options {
        overflow: Some(Overflow::CatchUp),
        max_rate: Some("0.2".parse().unwrap()),
        snapshot: Some(true),
    };
    assert_eq!(options("overflow=catch_up&max_rate=0.2&snapshot=true"), all);
    let last = options("overflow=none&max_rate=x&snapshot=maybe&snapshot=false&overflow=latest&max_rate=5&cb=1");
    assert_eq!((last.overflow, last.snapshot), (Some(Overflow::Latest), Some(false)));
    assert_eq!(last.max_rate, Some("5".parse().unwrap()));
}

#[test]
fn an_option_that_makes_no_sense_is_named_with_what_it_may_be() {
    let rate = "max_rate must be a number of events a second from 0.001 to 1000000";
    let all = "overflow must be one of drop_newest, drop_oldest, latest, disconnect, catch_up for this tenant";
    for (text, mistake) in [
        ("overflow=Latest", all),
        ("overflow=drop", all),
        ("overflow=%FC", all),
        ("max_rate=0", rate),
        ("max_rate=-1", rate),
        ("max_rate=fast", rate),
        ("max_rate=1e3", rate),
        ("snapshot=1", "snapshot must be true or false"),
        ("snapshot=TRUE", "snapshot must be true or false"),
    ] {
        assert_eq!(query(text).options(&Limits::default()).unwrap_err(), mistake, "{text}");
    }
    for (text, mistake) in [
        ("max-rate=1", r#"Unknown parameter "max-rate": use max_rate"#),
        ("overflow_policy=latest", r#"Unknown parameter "overflow_policy": use overflow"#),
        ("snapshots=true", r#"Unknown parameter "snapshots": use snapshot"#),
    ] {
        assert_eq!(query(text).filter(10).unwrap_err(), mistake, "{text}");
    }
}

#[test]
fn a_policy_must_be_allowed_or_hold_anyway() {
    let limits = Limits {
        overflow: Overflow::Disconnect,
        overflow_allowed: [Overflow::Latest].into_iter().collect(),
        ..Limits::default()
    };
    for allowed in ["latest", "disconnect"] {
        assert!(query(&format!("overflow={allowed}")).options(&limits).is_ok(), "{allowed}");
    }
    let refused = query("overflow=catch_up").options(&limits).unwrap_err();
    assert_eq!(refused, "overflow must be one of latest, disconnect for this tenant");
}
