//! What goes out of an event: projections, frames, and who shares them.

use floodway_protocol::ws;
use std::sync::Barrier;
use std::thread;

use super::*;

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
        assert_eq!(event.matches(names.map(set).as_ref()), expected, "{names:?}");
        assert_eq!(frame(event, names, Encoding::Sse).is_some(), expected, "{names:?}");
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
            ws::frame::write(ws::frame::TEXT, json.as_bytes(), &mut out);
            out
        };
        let sse = format!("id: 7\ndata: {open}}}\n\n");
        let frame = |encoding| frame(&event, names, encoding).unwrap();
        assert_eq!(frame(Encoding::Ws), ws(format!("{open}}}")));
        assert_eq!(frame(Encoding::WsWithId), ws(format!(r#"{open},"id":"7"}}"#)));
        assert_eq!(text(frame(Encoding::Sse)), sse);
        assert_eq!(text(frame(Encoding::SseChunked)), format!("{:x}\r\n{sse}\r\n", sse.len()));
    }
}

#[test]
fn an_sse_message_is_a_part_of_its_chunk() {
    let event = event(r#"{"metrics":{"a":1}}"#);
    let chunk = frame(&event, None, Encoding::SseChunked).unwrap().as_ptr_range();
    let message = frame(&event, None, Encoding::Sse).unwrap().as_ptr_range();
    assert!(chunk.start < message.start && message.end < chunk.end);
}

#[test]
fn a_frame_is_right_at_each_length_of_its_header() {
    let tenant = TenantId::parse("T").unwrap();
    let mut parser = Parser::new(&Config::default());
    let mut filled = |fill: usize| {
        let payload = format!(r#"{{"ts":"{}"}}"#, "x".repeat(fill));
        parser.parse(EventId::new(1), &tenant, "D", "t", payload.as_bytes()).unwrap()
    };
    let overhead = filled(0).json().len();
    for (length, header) in [(125, 2), (126, 4), (65_535, 4), (65_536, 10)] {
        let event = filled(length - overhead);
        let mut expected = Vec::new();
        ws::frame::write(ws::frame::TEXT, event.json(), &mut expected);
        assert_eq!(event.json().len(), length);
        assert_eq!(frame(&event, None, Encoding::Ws).unwrap(), expected);
        assert_eq!(expected.len(), length + header);
    }
}

#[test]
fn equal_views_share_one_encoding_and_a_projection_to_everything_shares_the_whole() {
    let event = event(r#"{"metrics":{"a":1,"b":2,"c":3}}"#);
    let at = |names: Option<&[&str]>| frame(&event, names, Encoding::Ws).unwrap().as_ptr();
    assert_eq!(at(Some(&["a", "b"])), at(Some(&["b", "a"])));
    assert_ne!(at(Some(&["a"])), at(Some(&["b"])));
    assert_eq!(at(Some(&["c", "b", "a", "x"])), at(None));
}

#[test]
fn every_projection_of_many_is_found_again() {
    let members: Vec<String> = (0..300).map(|n| format!(r#""m{n}":{n}"#)).collect();
    let event = event(format!(r#"{{"metrics":{{{}}}}}"#, members.join(",")));
    let names: Vec<String> = (0..300).map(|n| format!("m{n}")).collect();
    let at = |name: &str| frame(&event, Some(&[name]), Encoding::Ws).unwrap().as_ptr();
    let first: Vec<*const u8> = names.iter().map(|name| at(name)).collect();
    for (n, name) in names.iter().enumerate() {
        assert_eq!(projected(&event, &[name]).unwrap(), members[n]);
        assert_eq!(at(name), first[n]);
    }
}

#[test]
fn threads_that_ask_at_the_same_time_get_the_same_bytes() {
    const THREADS: usize = 4;
    let encodings = [Encoding::Ws, Encoding::WsWithId, Encoding::Sse, Encoding::SseChunked];
    let subsets: [Option<&[&str]>; 6] =
        [None, Some(&["a"]), Some(&["b"]), Some(&["a", "b"]), Some(&["b", "c"]), Some(&["x"])];
    for _ in 0..100 {
        let event = event(r#"{"metrics":{"a":1,"b":2,"c":3}}"#);
        let start = Barrier::new(THREADS);
        let ask = || {
            // Each thread has sets of its own, as two shards would.
            let sets = subsets.map(|names| names.map(set));
            start.wait();
            let frames = sets.iter().flat_map(|set| encodings.map(|encoding| event.frame(set.as_ref(), encoding)));
            frames.map(|bytes| bytes.map(|bytes| bytes.as_ptr() as usize)).collect::<Vec<_>>()
        };
        let answers: Vec<_> = thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(ask)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(answers.iter().all(|answer| *answer == answers[0]));
        assert_eq!(answers[0].iter().filter(|bytes| bytes.is_none()).count(), encodings.len());
    }
}
