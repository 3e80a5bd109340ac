//! What becomes of a payload: the event's JSON, or a rejection.

use super::*;

#[test]
fn an_event_has_its_keys_in_the_order_of_the_contract_and_nothing_else_of_the_payload() {
    let tenant = TenantId::parse("TENANT1").unwrap();
    let payload = br#"{"ts":"2026-02-16T12:00:00Z","site_id":"SITE-1","provision_token":"secret","metrics":{"temperature":72,"humidity":45}}"#;
    let topic = "tenant/TENANT1/device/DEV-001/telemetry";
    let mut parser = Parser::new(&Config::default());
    let event = parser.parse(EventId::new(9), &tenant, "DEV-001", topic, payload).unwrap();
    assert_eq!(
        text(event.json()),
        r#"{"type":"telemetry","device_id":"DEV-001","tenant_id":"TENANT1","metrics":{"temperature":72,"humidity":45},"timestamp":"2026-02-16T12:00:00Z","topic":"tenant/TENANT1/device/DEV-001/telemetry"}"#
    );
    assert_eq!((event.id(), event.tenant(), event.device()), (EventId::new(9), &tenant, "DEV-001"));
}

#[test]
fn a_value_stays_the_text_that_was_sent() {
    for value in [
        "72.10",
        "-0",
        "1e400",
        "1E-400",
        "123456789012345678901234567890",
        "-99999999999999999999",
        r#""a\u00e9\n\"\/\\ é 🌡""#,
        r#""\ud83c\udf21""#,
        "true",
        "false",
        "null",
        r#"{"x":[1.0,{"y":  2 }],"x":[]}"#,
        "[ ]",
        r#""},\"metrics\":{\"""#,
    ] {
        let payload = format!(r#"{{"metrics": {{ "before" : 1 , "m" :{value} , "after":2}} , "ts" :{value} }}"#);
        let expected = format!(r#""before":1,"m":{value},"after":2"#);
        assert_eq!(metrics_and_ts(&payload), (expected, value.to_owned()), "{payload}");
    }
}

#[test]
fn half_a_surrogate_pair_is_passed_on_as_sent() {
    assert_eq!(metrics(r#"{"metrics":{"\ud800":"\udc00"}}"#), r#""\ud800":"\udc00""#);
}

#[test]
fn what_is_absent_is_empty_or_null() {
    assert_eq!(metrics_and_ts("{}"), (String::new(), "null".into()));
    assert_eq!(metrics_and_ts(" {\t} \n"), (String::new(), "null".into()));
    assert_eq!(metrics_and_ts(r#"{"metrics":{}}"#), (String::new(), "null".into()));
    assert_eq!(metrics_and_ts(r#"{"x":{"metrics":{"a":1},"ts":2}}"#), (String::new(), "null".into()));
}

#[test]
fn line_breaks_within_a_value_become_spaces() {
    let payload = "{\r\n\"metrics\":\r\n{\r\n\"a\"\r\n:\r\n[1,\r\n2\n]\r\n,\n\"b\":\n{\t\"x\":\r1}\n}\n,\"ts\":[\n]}";
    assert_eq!(metrics_and_ts(payload), (r#""a":[1,  2 ],"b":{	"x": 1}"#.into(), "[ ]".into()));
}

#[test]
fn of_names_given_twice_the_last_value_stands_at_the_first_place() {
    assert_eq!(metrics(r#"{"metrics":{"a":1,"b":2,"a":3}}"#), r#""a":3,"b":2"#);
    assert_eq!(metrics(r#"{"metrics":{"a":1,"b":2,"\u0061":3}}"#), r#""a":3,"b":2"#);
    assert_eq!(metrics(r#"{"metrics":{"\u0061":1,"a":2}}"#), r#""\u0061":2"#);
    assert_eq!(metrics_and_ts(r#"{"ts":1,"metrics":{"a":1},"t\u0073":2,"metrics":{"b":2}}"#).0, r#""b":2"#);
    assert_eq!(metrics_and_ts(r#"{"ts":1,"t\u0073":2,"\u006detrics":{"b":2}}"#), (r#""b":2"#.into(), "2".into()));
    assert_eq!(metrics(r#"{"metrics":null,"metrics":{}}"#), "");
    assert_eq!(rejection(r#"{"metrics":{},"metrics":null}"#), Rejection::MetricsNotAnObject);
}

#[test]
fn names_given_twice_are_found_among_many_too() {
    let keys = |count: u32| (0..count).map(|n| format!(r#""m{n}":0"#)).collect::<Vec<_>>().join(",");
    for count in [15, 16, 17, 18, 1000] {
        let again = format!(r#"{{"metrics":{{{},"m0":1,"m\u0031":2}}}}"#, keys(count));
        let expected = keys(count).replacen(r#""m0":0,"m1":0"#, r#""m0":1,"m1":2"#, 1);
        assert_eq!(metrics(again), expected, "{count}");
    }
}

#[test]
fn names_are_escaped_where_they_need_it() {
    let tenant = TenantId::parse(r"T\").unwrap();
    let mut parser = Parser::new(&Config::default());
    let event = parser.parse(EventId::new(1), &tenant, r#"D"é"#, r#"t/T\/D"é"#, b"{}").unwrap();
    assert_eq!(
        text(event.json()),
        r#"{"type":"telemetry","device_id":"D\"é","tenant_id":"T\\","metrics":{},"timestamp":null,"topic":"t/T\\/D\"é"}"#
    );
    assert_eq!(event.device(), r#"D"é"#);
}

#[test]
fn what_is_not_json_is_refused() {
    for payload in [
        &b""[..],
        b" ",
        b"{",
        b"}",
        b"{}}",
        b"{} {}",
        b"{}x",
        b"{\"a\":}",
        b"{\"a\":01}",
        b"{\"a\":1.}",
        b"{\"a\":NaN}",
        b"{\"a\":1,}",
        b"{a:1}",
        b"{'a':1}",
        b"{\"a\":tru}",
        b"{\"a\":\"\n\"}",
        b"{\"a\":\"\\x\"}",
        b"{\"a\":\"\\u12\"}",
        b"{\"a\":\"\xff\"}",
        b"{\"a\":1e400,\"b\":\"\xff\"}",
        b"{\"a\":1e400,}",
        b"{\"a\":\"",
        b"{\"a\":\"\\",
    ] {
        assert_eq!(rejection(payload), Rejection::NotJson, "{:?}", String::from_utf8_lossy(payload));
    }
}

#[test]
fn what_is_not_of_the_form_is_refused() {
    for payload in ["[]", "1", "1e400", r#""{}""#, "null", " true ", "[{}]"] {
        assert_eq!(rejection(payload), Rejection::NotAnObject, "{payload}");
    }
    for value in ["null", "1", "1e400", "[]", r#""{}""#, r#"[{"a":1}]"#] {
        assert_eq!(rejection(format!(r#"{{"metrics":{value}}}"#)), Rejection::MetricsNotAnObject, "{value}");
    }
}

#[test]
fn each_bound_holds_exactly() {
    let config = Config { payload_bytes: 40, depth: 3, metrics: 2, ..Config::default() };
    let refused = |payload: &str| parsed_within(&config, payload).err();

    assert_eq!(refused(&format!("{:<40}", "{}")), None);
    assert_eq!(refused(&format!("{:<41}", "{}")), Some(Rejection::TooLarge));

    assert_eq!(refused(r#"{"metrics":{"a":[]},"x":[[]]}"#), None);
    assert_eq!(refused(r#"{"metrics":{"a":[[]]}}"#), Some(Rejection::TooDeep));
    assert_eq!(refused(r#"{"x":[[{}]]}"#), Some(Rejection::TooDeep));
    assert_eq!(refused(r#"{"n":1e400,"x":[[]]}"#), None);
    assert_eq!(refused(r#"{"n":1e400,"x":[[{}]]}"#), Some(Rejection::TooDeep));
    assert_eq!(refused(r#"{"x":"[[[[{{{{"}"#), None);

    assert_eq!(refused(r#"{"metrics":{"a":1,"b":2,"a":3}}"#), None);
    assert_eq!(refused(r#"{"metrics":{"a":1,"b":2,"c":3}}"#), Some(Rejection::TooManyMetrics));
}

#[test]
fn a_hostile_payload_is_refused_and_the_parser_goes_on() {
    let tenant = TenantId::parse("T").unwrap();
    let mut parser = Parser::new(&Config::default());
    let mut parse = |payload: &[u8]| parser.parse(EventId::new(1), &tenant, "D", "t", payload).map(|_| ());
    let size = Config::default().payload_bytes;
    assert_eq!(parse(&vec![b'['; size]), Err(Rejection::TooDeep));
    assert_eq!(parse(&br#"{"a":"#.repeat(size / 5)), Err(Rejection::TooDeep));
    assert_eq!(parse(&vec![b'"'; size - 1]), Err(Rejection::NotJson));
    assert_eq!(parse(&vec![b'\\'; size]), Err(Rejection::NotJson));
    assert_eq!(parse(&vec![b','; size]), Err(Rejection::NotJson));
    assert_eq!(parse(&vec![b'7'; size]), Err(Rejection::NotAnObject));
    assert_eq!(parse(br#"{"metrics":{"a":1}}"#), Ok(()));
}

#[test]
fn a_hundred_thousand_members_are_within_reach() {
    let config = Config { payload_bytes: 1 << 22, metrics: 1 << 20, ..Config::default() };
    let members: Vec<String> = (0..100_000).map(|n| format!(r#""{}":{n}"#, n % 50_000)).collect();
    let event = parsed_within(&config, format!(r#"{{"metrics":{{{}}}}}"#, members.join(","))).unwrap();
    assert_eq!(projected(&event, &["0"]).unwrap(), r#""0":50000"#);
}

#[test]
fn every_reason_has_a_name_of_its_own() {
    let names: std::collections::HashSet<_> = Rejection::ALL.iter().map(|rejection| rejection.reason()).collect();
    assert_eq!(names.len(), Rejection::ALL.len());
    assert!(names.contains("too_large") && names.contains("not_json"));
}

#[test]
fn a_byte_order_mark_before_and_nul_bytes_behind_are_forgiven() {
    let plain = r#"{"metrics":{"t":1}}"#;
    for payload in [
        format!("\u{feff}{plain}"),
        format!("{plain}\0"),
        format!("\u{feff}{plain}\0\0\0"),
        format!("{plain}\n\0"),
    ] {
        assert_eq!(metrics(&payload), r#""t":1"#, "{payload:?}");
    }
    for payload in [
        format!("\u{feff}\u{feff}{plain}"),
        format!("\0{plain}"),
        format!("{plain}\0x"),
        "\u{feff}\0".to_owned(),
        "\0".repeat(100_000),
    ] {
        assert_eq!(rejection(&payload), Rejection::NotJson, "{payload:.50?}");
    }
}

#[test]
fn a_payload_without_metrics_is_told_from_one_with_none() {
    let tenant = TenantId::parse("T").unwrap();
    let mut parser = Parser::new(&Config::default());
    for (payload, lacks) in [
        (r#"{"metrics":{"t":1}}"#, false),
        (r#"{"t":1,"ts":2}"#, true),
        (r#"{"metrics":{}}"#, false),
        ("{}", true),
    ] {
        let event = parser.parse(EventId::new(1), &tenant, "A", "t", payload.as_bytes());
        assert!(event.is_ok(), "{payload}");
        assert_eq!(parser.lacked_metrics(), lacks, "{payload}");
    }
}
