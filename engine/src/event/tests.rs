//! What an event is, example by example.

use std::sync::{Arc, Barrier};
use std::thread;

use super::*;

fn parsed(payload: impl AsRef<[u8]>) -> Result<Event, Rejection> {
    parsed_within(&Config::default(), payload)
}

fn parsed_within(config: &Config, payload: impl AsRef<[u8]>) -> Result<Event, Rejection> {
    let tenant = TenantId::parse("T").unwrap();
    Parser::new(config).parse(
        EventId::new(7),
        &tenant,
        "D",
        "tenant/T/device/D/telemetry",
        payload.as_ref(),
    )
}

fn event(payload: impl AsRef<[u8]>) -> Event {
    parsed(payload).unwrap()
}

fn rejection(payload: impl AsRef<[u8]>) -> Rejection {
    parsed(payload).expect_err("must be refused")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// What stands between the braces of `metrics`, and after `"timestamp":`.
fn metrics_and_ts(payload: impl AsRef<[u8]>) -> (String, String) {
    let event = event(payload);
    let inner = text(event.json())
        .strip_prefix(r#"{"type":"telemetry","device_id":"D","tenant_id":"T","metrics":{"#)
        .and_then(|rest| rest.strip_suffix(r#","topic":"tenant/T/device/D/telemetry"}"#))
        .unwrap_or_else(|| panic!("{}", text(event.json())));
    let (metrics, ts) = inner.rsplit_once(r#"},"timestamp":"#).unwrap();
    (metrics.to_owned(), ts.to_owned())
}

fn metrics(payload: impl AsRef<[u8]>) -> String {
    metrics_and_ts(payload).0
}

fn set(names: &[&str]) -> Arc<MetricSet> {
    Arc::new(MetricSet::new(names.iter().map(|&name| name.to_owned())))
}

fn view(names: Option<&[&str]>, encoding: Encoding) -> View {
    View {
        metrics: names.map(set),
        encoding,
    }
}

/// The metrics of the projection, or `None` if it is not sent. The frame's header is two to four bytes here.
fn projected(event: &Event, names: &[&str]) -> Option<String> {
    let frame = event.frame(&view(Some(names), Encoding::Ws))?;
    let json = &frame[if frame[1] < 126 { 2 } else { 4 }..];
    let inner = text(json).split_once(r#""metrics":{"#).unwrap().1;
    Some(inner.rsplit_once(r#"},"timestamp""#).unwrap().0.to_owned())
}

#[test]
fn an_event_has_its_keys_in_the_order_of_the_contract_and_nothing_else_of_the_payload() {
    let tenant = TenantId::parse("TENANT1").unwrap();
    let payload = br#"{"ts":"2026-02-16T12:00:00Z","site_id":"SITE-1","provision_token":"secret","metrics":{"temperature":72,"humidity":45}}"#;
    let topic = "tenant/TENANT1/device/DEV-001/telemetry";
    let mut parser = Parser::new(&Config::default());
    let event = parser
        .parse(EventId::new(9), &tenant, "DEV-001", topic, payload)
        .unwrap();
    assert_eq!(
        text(event.json()),
        r#"{"type":"telemetry","device_id":"DEV-001","tenant_id":"TENANT1","metrics":{"temperature":72,"humidity":45},"timestamp":"2026-02-16T12:00:00Z","topic":"tenant/TENANT1/device/DEV-001/telemetry"}"#
    );
    assert_eq!(
        (event.id(), event.tenant(), event.device()),
        (EventId::new(9), &tenant, "DEV-001")
    );
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
        let payload = format!(
            r#"{{"metrics": {{ "before" : 1 , "m" :{value} , "after":2}} , "ts" :{value} }}"#
        );
        let expected = format!(r#""before":1,"m":{value},"after":2"#);
        assert_eq!(
            metrics_and_ts(&payload),
            (expected, value.to_owned()),
            "{payload}"
        );
    }
}

#[test]
fn half_a_surrogate_pair_is_passed_on_as_sent() {
    assert_eq!(
        metrics(r#"{"metrics":{"\ud800":"\udc00"}}"#),
        r#""\ud800":"\udc00""#
    );
}

#[test]
fn what_is_absent_is_empty_or_null() {
    assert_eq!(metrics_and_ts("{}"), (String::new(), "null".into()));
    assert_eq!(metrics_and_ts(" {\t} \n"), (String::new(), "null".into()));
    assert_eq!(
        metrics_and_ts(r#"{"metrics":{}}"#),
        (String::new(), "null".into())
    );
    assert_eq!(
        metrics_and_ts(r#"{"x":{"metrics":{"a":1},"ts":2}}"#),
        (String::new(), "null".into())
    );
}

#[test]
fn line_breaks_within_a_value_become_spaces() {
    let payload = "{\r\n\"metrics\":\r\n{\r\n\"a\"\r\n:\r\n[1,\r\n2\n]\r\n,\n\"b\":\n{\t\"x\":\r1}\n}\n,\"ts\":[\n]}";
    assert_eq!(
        metrics_and_ts(payload),
        (r#""a":[1,  2 ],"b":{	"x": 1}"#.into(), "[ ]".into())
    );
}

#[test]
fn of_names_given_twice_the_last_value_stands_at_the_first_place() {
    assert_eq!(
        metrics(r#"{"metrics":{"a":1,"b":2,"a":3}}"#),
        r#""a":3,"b":2"#
    );
    assert_eq!(
        metrics(r#"{"metrics":{"a":1,"b":2,"\u0061":3}}"#),
        r#""a":3,"b":2"#
    );
    assert_eq!(
        metrics(r#"{"metrics":{"\u0061":1,"a":2}}"#),
        r#""\u0061":2"#
    );
    assert_eq!(
        metrics_and_ts(r#"{"ts":1,"metrics":{"a":1},"t\u0073":2,"metrics":{"b":2}}"#).0,
        r#""b":2"#
    );
    assert_eq!(
        metrics_and_ts(r#"{"ts":1,"t\u0073":2,"\u006detrics":{"b":2}}"#),
        (r#""b":2"#.into(), "2".into())
    );
    assert_eq!(metrics(r#"{"metrics":null,"metrics":{}}"#), "");
    assert_eq!(
        rejection(r#"{"metrics":{},"metrics":null}"#),
        Rejection::MetricsNotAnObject
    );
}

#[test]
fn names_given_twice_are_found_among_many_too() {
    let keys = |count: u32| {
        (0..count)
            .map(|n| format!(r#""m{n}":0"#))
            .collect::<Vec<_>>()
            .join(",")
    };
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
    let event = parser
        .parse(EventId::new(1), &tenant, r#"D"é"#, r#"t/T\/D"é"#, b"{}")
        .unwrap();
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
        b"\xef\xbb\xbf{}",
        b"{}\0",
        b"{\"a\":\"",
        b"{\"a\":\"\\",
    ] {
        assert_eq!(
            rejection(payload),
            Rejection::NotJson,
            "{:?}",
            String::from_utf8_lossy(payload)
        );
    }
}

#[test]
fn what_is_not_of_the_form_is_refused() {
    for payload in ["[]", "1", "1e400", r#""{}""#, "null", " true ", "[{}]"] {
        assert_eq!(rejection(payload), Rejection::NotAnObject, "{payload}");
    }
    for value in ["null", "1", "1e400", "[]", r#""{}""#, r#"[{"a":1}]"#] {
        assert_eq!(
            rejection(format!(r#"{{"metrics":{value}}}"#)),
            Rejection::MetricsNotAnObject,
            "{value}"
        );
    }
}

#[test]
fn each_bound_holds_exactly() {
    let config = Config {
        payload_bytes: 40,
        depth: 3,
        metrics: 2,
    };
    let refused = |payload: &str| parsed_within(&config, payload).err();

    assert_eq!(refused(&format!("{:<40}", "{}")), None);
    assert_eq!(refused(&format!("{:<41}", "{}")), Some(Rejection::TooLarge));

    assert_eq!(refused(r#"{"metrics":{"a":[]},"x":[[]]}"#), None);
    assert_eq!(
        refused(r#"{"metrics":{"a":[[]]}}"#),
        Some(Rejection::TooDeep)
    );
    assert_eq!(refused(r#"{"x":[[{}]]}"#), Some(Rejection::TooDeep));
    assert_eq!(refused(r#"{"n":1e400,"x":[[]]}"#), None);
    assert_eq!(
        refused(r#"{"n":1e400,"x":[[{}]]}"#),
        Some(Rejection::TooDeep)
    );
    assert_eq!(refused(r#"{"x":"[[[[{{{{"}"#), None);

    assert_eq!(refused(r#"{"metrics":{"a":1,"b":2,"a":3}}"#), None);
    assert_eq!(
        refused(r#"{"metrics":{"a":1,"b":2,"c":3}}"#),
        Some(Rejection::TooManyMetrics)
    );
}

#[test]
fn a_hostile_payload_is_refused_and_the_parser_goes_on() {
    let tenant = TenantId::parse("T").unwrap();
    let mut parser = Parser::new(&Config::default());
    let mut parse = |payload: &[u8]| {
        parser
            .parse(EventId::new(1), &tenant, "D", "t", payload)
            .map(|_| ())
    };
    let size = Config::default().payload_bytes;
    assert_eq!(parse(&vec![b'['; size]), Err(Rejection::TooDeep));
    assert_eq!(
        parse(&br#"{"a":"#.repeat(size / 5)),
        Err(Rejection::TooDeep)
    );
    assert_eq!(parse(&vec![b'"'; size - 1]), Err(Rejection::NotJson));
    assert_eq!(parse(&vec![b'\\'; size]), Err(Rejection::NotJson));
    assert_eq!(parse(&vec![b','; size]), Err(Rejection::NotJson));
    assert_eq!(parse(&vec![b'7'; size]), Err(Rejection::NotAnObject));
    assert_eq!(parse(br#"{"metrics":{"a":1}}"#), Ok(()));
}

#[test]
fn a_hundred_thousand_members_are_within_reach() {
    let config = Config {
        payload_bytes: 1 << 22,
        metrics: 1 << 20,
        ..Config::default()
    };
    let members: Vec<String> = (0..100_000)
        .map(|n| format!(r#""{}":{n}"#, n % 50_000))
        .collect();
    let event = parsed_within(
        &config,
        format!(r#"{{"metrics":{{{}}}}}"#, members.join(",")),
    )
    .unwrap();
    assert_eq!(projected(&event, &["0"]).unwrap(), r#""0":50000"#);
}

#[test]
fn a_projection_has_the_metrics_asked_for_in_the_devices_order() {
    let event = event(r#"{"metrics":{"a":1.0,"b\u0062":[2],"c":"x","d":{}}}"#);
    let both = Some(r#""a":1.0,"c":"x""#.to_owned());
    assert_eq!(projected(&event, &["a", "c"]), both);
    assert_eq!(projected(&event, &["c", "other", "a"]), both);
    assert_eq!(projected(&event, &["bb"]).unwrap(), r#""b\u0062":[2]"#);
    assert_eq!(projected(&event, &["d"]).unwrap(), r#""d":{}"#);
    assert_eq!(projected(&event, &["A", r"b\u0062", ""]), None);
}

#[test]
fn an_event_matches_where_it_has_a_frame() {
    let some = event(r#"{"metrics":{"a":1}}"#);
    let none = event("{}");
    for (event, names, expected) in [
        (&some, None, true),
        (&some, Some(&["x", "a"][..]), true),
        (&some, Some(&["x"]), false),
        (&some, Some(&[]), false),
        (&none, None, true),
        (&none, Some(&["a"]), false),
    ] {
        let view = view(names, Encoding::Sse);
        assert_eq!(event.matches(view.metrics.as_ref()), expected, "{names:?}");
        assert_eq!(event.frame(&view).is_some(), expected, "{names:?}");
    }
}

#[test]
fn each_encoding_frames_the_same_json() {
    let event = event(r#"{"metrics":{"a":1,"b":2},"ts":5}"#);
    for (names, metrics) in [(None, r#""a":1,"b":2"#), (Some(&["b"][..]), r#""b":2"#)] {
        let open = format!(
            r#"{{"type":"telemetry","device_id":"D","tenant_id":"T","metrics":{{{metrics}}},"timestamp":5,"topic":"tenant/T/device/D/telemetry""#
        );
        let ws = |json: String| {
            let mut out = Vec::new();
            wire::ws_frame(wire::OPCODE_TEXT, json.as_bytes(), &mut out);
            out
        };
        let sse = format!("id: 7\ndata: {open}}}\n\n");
        let frame = |encoding| event.frame(&view(names, encoding)).unwrap();
        assert_eq!(frame(Encoding::Ws), ws(format!("{open}}}")));
        assert_eq!(
            frame(Encoding::WsWithId),
            ws(format!(r#"{open},"id":"7"}}"#))
        );
        assert_eq!(text(frame(Encoding::Sse)), sse);
        assert_eq!(
            text(frame(Encoding::SseChunked)),
            format!("{:x}\r\n{sse}\r\n", sse.len())
        );
    }
}

#[test]
fn an_sse_message_is_a_part_of_its_chunk() {
    let event = event(r#"{"metrics":{"a":1}}"#);
    let chunk = event
        .frame(&view(None, Encoding::SseChunked))
        .unwrap()
        .as_ptr_range();
    let message = event
        .frame(&view(None, Encoding::Sse))
        .unwrap()
        .as_ptr_range();
    assert!(chunk.start < message.start && message.end < chunk.end);
}

#[test]
fn a_frame_is_right_at_each_length_of_its_header() {
    let overhead = event(r#"{"metrics":{"a":""}}"#).json().len();
    for (length, header) in [(125, 2), (126, 4), (65_535, 4), (65_536, 10)] {
        let Some(fill) = usize::checked_sub(length, overhead) else {
            assert!(
                overhead <= 126,
                "the shortest event is longer than the short header allows"
            );
            continue;
        };
        let event = event(format!(r#"{{"metrics":{{"a":"{}"}}}}"#, "x".repeat(fill)));
        let mut expected = Vec::new();
        wire::ws_frame(wire::OPCODE_TEXT, event.json(), &mut expected);
        assert_eq!(event.json().len(), length);
        assert_eq!(event.frame(&view(None, Encoding::Ws)).unwrap(), expected);
        assert_eq!(expected.len(), length + header);
    }
}

#[test]
fn equal_views_share_one_encoding_and_a_projection_to_everything_shares_the_whole() {
    let event = event(r#"{"metrics":{"a":1,"b":2,"c":3}}"#);
    let at = |names: Option<&[&str]>| event.frame(&view(names, Encoding::Ws)).unwrap().as_ptr();
    assert_eq!(at(Some(&["a", "b"])), at(Some(&["b", "a"])));
    assert_ne!(at(Some(&["a"])), at(Some(&["b"])));
    assert_eq!(at(Some(&["c", "b", "a", "x"])), at(None));
}

#[test]
fn every_projection_of_many_is_found_again() {
    let members: Vec<String> = (0..300).map(|n| format!(r#""m{n}":{n}"#)).collect();
    let event = event(format!(r#"{{"metrics":{{{}}}}}"#, members.join(",")));
    let views: Vec<View> = (0..300)
        .map(|n| view(Some(&[&format!("m{n}")]), Encoding::Ws))
        .collect();
    let first: Vec<*const u8> = views
        .iter()
        .map(|view| event.frame(view).unwrap().as_ptr())
        .collect();
    for (n, view) in views.iter().enumerate() {
        let names: Vec<&str> = view
            .metrics
            .as_ref()
            .unwrap()
            .names()
            .iter()
            .map(|name| &**name)
            .collect();
        assert_eq!(projected(&event, &names).unwrap(), members[n]);
        assert_eq!(event.frame(view).unwrap().as_ptr(), first[n]);
    }
}

#[test]
fn threads_that_ask_at_the_same_time_get_the_same_bytes() {
    const THREADS: usize = 4;
    let encodings = [
        Encoding::Ws,
        Encoding::WsWithId,
        Encoding::Sse,
        Encoding::SseChunked,
    ];
    let subsets: [Option<&[&str]>; 6] = [
        None,
        Some(&["a"]),
        Some(&["b"]),
        Some(&["a", "b"]),
        Some(&["b", "c"]),
        Some(&["x"]),
    ];
    for _ in 0..100 {
        let event = event(r#"{"metrics":{"a":1,"b":2,"c":3}}"#);
        let start = Barrier::new(THREADS);
        let ask = || {
            // Each thread has sets of its own, as two shards would.
            let views = subsets
                .iter()
                .flat_map(|names| encodings.map(|encoding| view(*names, encoding)));
            let views: Vec<View> = views.collect();
            start.wait();
            views
                .iter()
                .map(|view| event.frame(view).map(|bytes| bytes.as_ptr() as usize))
                .collect::<Vec<_>>()
        };
        let answers: Vec<_> = thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(ask)).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect()
        });
        assert!(answers.iter().all(|answer| *answer == answers[0]));
        assert_eq!(
            answers[0].iter().filter(|bytes| bytes.is_none()).count(),
            encodings.len()
        );
    }
}

#[test]
fn every_reason_has_a_name_of_its_own() {
    let names: std::collections::HashSet<_> = Rejection::ALL
        .iter()
        .map(|rejection| rejection.reason())
        .collect();
    assert_eq!(names.len(), Rejection::ALL.len());
    assert!(names.contains("too_large") && names.contains("not_json"));
}
