//! Filters, mistakes and resumption in queries.

use super::*;

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
