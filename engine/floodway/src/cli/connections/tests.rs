//! Tests of `cli::connections`.

use super::*;

fn all() -> Filters {
    Filters { all_devices: true, ..Filters::default() }
}

#[test]
fn what_a_stream_wants_fits_a_few_words() {
    assert_eq!(wants(Some(&all())), "all devices");
    assert_eq!(wants(Some(&Filters::default())), "nothing");
    let named = Filters {
        device_ids: vec!["A".into(), "B".into()],
        group_ids: vec!["G".into()],
        metric_names: vec!["t".into()],
        all_devices: false,
    };
    assert_eq!(wants(Some(&named)), "2 devices, group G, metric t");
    assert_eq!(filters(Some(&named)), "devices A, B, group G, metric t");
}

#[test]
fn a_stream_stands_in_its_columns() {
    let mut stream = Connection {
        connection_id: "c1".into(),
        tenant_id: "acme".into(),
        peer: "[::1]:5".into(),
        user_agent: "x\u{1b}[31m".into(),
        http2: true,
        queue_depth: 7,
        queue_capacity: 100,
        dropped: 3,
        conflated: 5,
        filters: Some(all()),
        slow_for: Some(prost_types::Duration { seconds: 72, nanos: 0 }),
        ..Connection::default()
    };
    stream.set_transport(Transport::Sse);
    let whole = one(&stream, SystemTime::now());
    assert!(whole.contains("queue      7 of 100 events, slow for 1m12s\n"), "{whole}");
    assert!(!whole.contains('\u{1b}'), "{whole}");
    let answer = ListConnectionsResponse { connections: vec![stream], next_page_token: String::new() };
    let text = list(&answer, SystemTime::now());
    let row: Vec<&str> = text.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!(
        row,
        [
            "c1", "acme", "-", "sse+h2", "[::1]:5", "-", "7/100", "1m12s", "0", "3", "5", "0", "B", "all", "devices"
        ]
    );
}
