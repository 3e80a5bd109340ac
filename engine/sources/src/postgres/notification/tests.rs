//! Notifications as they should be, and as anybody may send them.

use super::*;

fn of(tenant: &str, device: &str) -> Result<(Box<str>, Box<str>), &'static str> {
    Ok((tenant.into(), device.into()))
}

#[test]
fn without_a_table_a_notification_carries_an_event() {
    assert_eq!(event(r#"{"tenant_id":"T","device_id":"D","ts":1e400,"metrics":{"a":1}}"#), of("T", "D"));
    assert_eq!(event(r#" {"device_id":"\u0044","x":[[]],"tenant_id":"T/+"} "#), of("T/+", "D"));
    assert_eq!(event(r#"{"tenant_id":"T","device_id":"D","id":"mine","metrics":{}}"#), of("T", "D"));
    let names_a_row = event(r#"{"tenant_id":"T","device_id":"D","id":7}"#).expect_err("refused");
    assert!(names_a_row.contains("postgres.table is not set"), "{names_a_row}");
}

#[test]
fn with_a_table_a_notification_names_a_row() {
    assert_eq!(row(r#"{"tenant_id":"T","device_id":"D","id":7}"#), Ok(7));
    assert_eq!(row(r#"{"id":9223372036854775807}"#), Ok(i64::MAX as u64));
    for id in ["0", "-1", "1.5", "\"7\"", "9223372036854775808", "[]", "18446744073709551616"] {
        let refused = row(&format!(r#"{{"tenant_id":"T","device_id":"D","id":{id}}}"#)).expect_err("refused");
        assert!(refused.contains("positive bigint"), "{id}: {refused}");
    }
    let carries_one = row(r#"{"tenant_id":"T","device_id":"D","metrics":{}}"#).expect_err("refused");
    assert!(carries_one.contains("names no row"), "{carries_one}");
}

#[test]
fn what_is_no_notification_is_refused_whatever_it_is() {
    let deep = "[".repeat(7_999);
    for text in [
        "",
        "x",
        "7",
        "[]",
        "null",
        "{}",
        r#"{"tenant_id":"T"}"#,
        r#"{"tenant_id":7,"device_id":"D"}"#,
        r#"{"tenant_id":"T","tenant_id":"U","device_id":"D","id":1}"#,
        r#"{"tenant_id":"T","device_id":"D","id":1"#,
        &deep,
    ] {
        assert!(event(text).is_err(), "{text}");
        assert!(row(text).is_err(), "{text}");
    }
}
