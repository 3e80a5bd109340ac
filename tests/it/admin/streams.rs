//! Live streams, ended, watched and explained.

use floodway_tests::{Broker, Gateway};
use serde_json::{Value, json};

use super::{answers, ask, number, refused};

#[tokio::test]
async fn who_is_disconnected_is_told_4010_and_the_reason() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let (mut first, mut second) = (
        gateway.ws("T1", "device_id=A").await,
        gateway.ws("T1", "").await,
    );
    let mut other = gateway.ws("T2", "").await;
    let listed = ask(&gateway, "ListConnections", json!({"tenant_id": "T1"})).await;
    let mut listed = listed["connections"].as_array().expect("a list").iter();
    let found = listed.find(|one| one["filters"]["device_ids"] == json!(["A"]));
    let id = found.expect("the first one")["connection_id"].clone();
    let shown = ask(&gateway, "GetConnection", json!({"connection_id": id})).await;
    assert_eq!(shown["connection"]["connection_id"], id);
    let ended = json!({"connection_id": id, "reason": "maintenance"});
    let answer = ask(&gateway, "Disconnect", ended.clone()).await;
    assert_eq!(number(&answer["ended"]), 1);
    assert_eq!(first.message().await, Err((4010, "maintenance".to_owned())));
    assert_eq!(
        refused(&gateway, "Disconnect", ended, "").await,
        "NOT_FOUND"
    );

    let mut body = gateway.sse("T1", "").await;
    let all = json!({"tenant_id": "T1", "reason": "moved"});
    assert_eq!(number(&ask(&gateway, "Disconnect", all).await["ended"]), 2);
    assert_eq!(second.message().await, Err((4010, "moved".to_owned())));
    body.ended().await;
    other.send(r#"{"action":"ping"}"#).await;
    assert_eq!(
        other.next().await,
        json!({"type": "pong"}),
        "T2 is not concerned"
    );
}

#[tokio::test]
async fn a_tail_shows_what_a_subscriber_would_get_and_explain_says_why_not() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker)
        .env("MAX_STREAM_CONNECTIONS_PER_TENANT", "1")
        .await;
    let _ws = gateway.ws("T1", "device_id=A&metric=n").await;
    let request = json!({"tenant_id": "T1", "device_ids": ["B"]});
    let tail = answers(&gateway, "Tail", request, &["", "2"]);
    let publish = async {
        gateway.has_connections(2).await;
        let mut publisher = broker.publisher().await;
        publisher.count("T1", "A", 0..1).await;
        publisher.count("T1", "B", 1..2).await;
    };
    let (tailed, ()) = tokio::join!(tail, publish);
    let tailed = tailed.expect("a tail beyond the tenant's limit");
    assert_eq!(tailed[0]["live"]["filters"]["device_ids"], json!(["B"]));
    let event = tailed[1]["event"]["json"].as_str().expect("an event");
    let event: Value = serde_json::from_str(event).expect("JSON");
    assert_eq!(
        (&event["device_id"], &event["type"]),
        (&json!("B"), &json!("telemetry"))
    );
    gateway.has_connections(1).await;

    let listed = ask(&gateway, "ListConnections", json!({})).await;
    let id = &listed["connections"][0]["connection_id"];
    let message =
        |topic: &str| json!({"topic": topic, "payload": "eyJtZXRyaWNzIjp7Im4iOjEsIm0iOjJ9fQ=="});
    for (event, stopped_by) in [
        (
            json!({"sample": {"tenant_id": "T1", "device_id": "A", "metric_names": ["n", "m"]}}),
            "UNSPECIFIED",
        ),
        (
            json!({"message": message("tenant/T1/device/A/telemetry")}),
            "UNSPECIFIED",
        ),
        (
            json!({"message": message("tenant/T1/device/A/status")}),
            "TOPIC",
        ),
        (
            json!({"message": {"topic": "tenant/T1/device/A/telemetry"}}),
            "PAYLOAD",
        ),
        (
            json!({"sample": {"tenant_id": "T2", "device_id": "A"}}),
            "TENANT",
        ),
        (
            json!({"sample": {"tenant_id": "T1", "device_id": "B"}}),
            "DEVICE",
        ),
        (
            json!({"sample": {"tenant_id": "T1", "device_id": "A", "metric_names": ["m"]}}),
            "METRICS",
        ),
    ] {
        let mut request = event.clone();
        request["connection_id"] = id.clone();
        let answer = ask(&gateway, "Explain", request).await;
        assert_eq!(
            answer["stopped_by"],
            format!("DELIVERY_STAGE_{stopped_by}"),
            "{event}"
        );
        assert_eq!(answer["delivered"], stopped_by == "UNSPECIFIED", "{event}");
        let seen = if stopped_by == "UNSPECIFIED" {
            json!(["n"])
        } else {
            json!([])
        };
        assert_eq!(answer["metric_names"], seen, "{event}");
    }
}

#[tokio::test]
async fn what_happens_is_told_to_who_watches() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let watch = answers(
        &gateway,
        "WatchEvents",
        json!({"tenant_id": "T1"}),
        &["", "3"],
    );
    tokio::pin!(watch);
    // The watch begins some time after its program: streams come and go until it has told of one.
    let told = loop {
        let come_and_go = async {
            let mut other = gateway.ws("T2", "").await;
            let mut ws = gateway.ws("T1", "").await;
            for one in [&mut ws, &mut other] {
                one.send(r#"{"action":"ping"}"#).await;
                one.next().await;
            }
        };
        tokio::select! {
            told = &mut watch => break told.expect("a watch"),
            () = come_and_go => {}
        }
    };
    assert!(told[0]["live"].is_object(), "{}", told[0]);
    for one in &told[1..] {
        let stream = one
            .pointer("/opened/stream")
            .or(one.pointer("/closed/stream"));
        assert_eq!(stream.expect("a stream")["tenant_id"], "T1", "{one}");
    }
}
