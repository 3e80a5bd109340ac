//! Tests of `client::json`.

use floodway_proto::admin::v1::*;

use super::*;

fn text<M: Name>(message: &M) -> String {
    serde_json::to_string(&Json(message)).unwrap()
}

#[test]
fn times_durations_and_words_are_what_scripts_can_read() {
    let mut stream = Connection { connection_id: "c-1".to_owned(), sent_bytes: u64::MAX, ..Connection::default() };
    stream.set_transport(Transport::Websocket);
    stream.connected_at = Some(prost_types::Timestamp { seconds: 0, nanos: 5_000_001 });
    stream.slow_for = Some(prost_types::Duration { seconds: 3, nanos: 250_000_000 });
    let answer = GetConnectionResponse { connection: Some(stream) };
    let json: serde_json::Value = serde_json::from_str(&text(&answer)).unwrap();
    let stream = &json["connection"];
    assert_eq!(stream["transport"], "websocket");
    assert_eq!(stream["sent_bytes"], u64::MAX);
    assert_eq!(stream["connected_at"], "1970-01-01T00:00:00.005Z");
    assert_eq!(stream["slow_for_seconds"], 3.25);
    assert_eq!(stream.get("expires_at"), None);
    assert_eq!(stream["http2"], false);
}

#[test]
fn what_was_not_set_is_not_there_and_maps_are_sorted() {
    let limits = GetLimitsResponse {
        effective: Some(TenantLimits {
            connections_per_tenant: Some(0),
            overflow: OverflowPolicy::DropOldest.into(),
            ..TenantLimits::default()
        }),
        ..GetLimitsResponse::default()
    };
    assert_eq!(
        text(&limits),
        r#"{"effective":{"connections_per_tenant":0,"overflow":"drop_oldest","overflow_allowed":[]}}"#
    );
    let ingest = Ingest {
        rejected_by_reason: [("topic".to_owned(), 1), ("not_json".to_owned(), 2)].into(),
        ..Ingest::default()
    };
    let status = Status { ingest: Some(ingest), ..Status::default() };
    let json = text(&status);
    assert!(json.contains(r#"{"not_json":2,"topic":1}"#), "{json}");
}
