//! Tests of `messages::notice`.

use super::*;

fn device(id: &str) -> DeviceId {
    DeviceId::parse(id).expect("a name")
}

fn noon() -> SystemTime {
    humantime::parse_rfc3339("2026-02-16T12:00:00Z").expect("a time")
}

#[test]
fn connected_shows_tenant_filters_expiry_and_where_to_resume() {
    let filters = Filters {
        device_ids: &[device("A")],
        group_ids: &[],
        metric_names: &[],
        all_devices: false,
    };
    let tenant = TenantId::parse("TENANT1").expect("a name");
    let connected = Connected {
        tenant: &tenant,
        filters,
        expires_at: noon() + Duration::from_millis(3_600_999),
        options: None,
        last_event_id: EventId::new(17),
    };
    let start = r#"{"type":"connected","tenant_id":"TENANT1","filters":{"device_ids":["A"],"group_ids":[],"metric_names":[],"all_devices":false},"expires_at":"2026-02-16T13:00:00Z""#;
    assert_eq!(connected.to_string(), format!(r#"{start},"last_event_id":"17"}}"#));

    let options = ShownOptions { overflow: Some("latest"), max_rate: "0.2".parse().ok(), snapshot: Some(true) };
    let connected = Connected { options: Some(options), ..connected };
    let options = r#""options":{"overflow":"latest","max_rate":0.2,"snapshot":true}"#;
    assert_eq!(connected.to_string(), format!(r#"{start},{options},"last_event_id":"17"}}"#));

    let mut sse = Vec::new();
    connected.encode(Encoding::Sse, &mut sse);
    assert_eq!(String::from_utf8(sse).unwrap(), format!("id: 17\nevent: connected\ndata: {connected}\n\n"));
}

#[test]
fn filters_name_all_three_kinds() {
    let filters = Filters {
        device_ids: &[device("A"), device("B")],
        group_ids: &[GroupId::parse("G").expect("a name")],
        metric_names: &["a \"b\"".into()],
        all_devices: true,
    };
    assert_eq!(
        filters.to_string(),
        r#"{"device_ids":["A","B"],"group_ids":["G"],"metric_names":["a \"b\""],"all_devices":true}"#
    );
}

#[test]
fn reconnect_names_whole_milliseconds() {
    assert_eq!(reconnect(Duration::from_micros(1_234_567)), r#"{"type":"reconnect","after_ms":1234}"#);
}

#[test]
fn a_time_beyond_the_calendar_is_the_last_one() {
    let never = UNIX_EPOCH + Duration::from_secs(1 << 40);
    assert_eq!(seconds(never).to_string(), "9999-12-31T23:59:59Z");
    let before = UNIX_EPOCH - Duration::from_secs(1);
    assert_eq!(seconds(before).to_string(), "1970-01-01T00:00:00Z");
}

#[test]
fn a_source_is_in_a_state_since_a_millisecond() {
    let since = noon() + Duration::from_micros(1_999);
    for (state, name) in [(SourceState::Down, "down"), (SourceState::Refused, "refused"), (SourceState::Up, "up")] {
        let json = format!(r#"{{"type":"upstream","state":"{name}","since":"2026-02-16T12:00:00.001Z"}}"#);
        let notice = Notice::source(state, since);
        let sse = format!("event: upstream\ndata: {json}\n\n");
        assert_eq!(notice.frame(Encoding::Sse), sse.as_bytes());
        assert!(notice.frame(Encoding::Ws).ends_with(json.as_bytes()));
        assert_eq!(notice.gaps(), 0);
    }
}

#[test]
fn a_gap_counts_what_was_dropped_where_that_is_known() {
    assert_eq!(Gap::Overflow(3).json(), r#"{"type":"gap","reason":"overflow","dropped":3}"#);
    assert_eq!(Gap::Conflated(0).json(), r#"{"type":"gap","reason":"conflated","dropped":0}"#);
    assert_eq!(Gap::Replay(Some(2)).json(), r#"{"type":"gap","reason":"replay","dropped":2}"#);
    for (gap, reason) in [(Gap::Replay(None), "replay"), (Gap::Upstream, "upstream")] {
        let json = format!(r#"{{"type":"gap","reason":"{reason}","dropped":null}}"#);
        assert_eq!(gap.json(), json);
    }
}
