//! Live streams, ended and watched.

use floodway_tests::{Broker, Gateway};
use serde_json::json;

use super::{answers, ask, number, refused};

#[tokio::test]
async fn who_is_disconnected_is_told_4010_and_the_reason() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let (mut first, mut second) = (gateway.ws("T1", "device_id=A").await, gateway.ws("T1", "").await);
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
    assert_eq!(refused(&gateway, "Disconnect", ended, "").await, "NOT_FOUND");

    let mut body = gateway.sse("T1", "").await;
    let all = json!({"tenant_id": "T1", "reason": "moved"});
    assert_eq!(number(&ask(&gateway, "Disconnect", all).await["ended"]), 2);
    assert_eq!(second.message().await, Err((4010, "moved".to_owned())));
    body.ended().await;
    other.send(r#"{"action":"ping"}"#).await;
    assert_eq!(other.next().await, json!({"type": "pong"}), "T2 is not concerned");
}

#[tokio::test]
async fn what_happens_is_told_to_who_watches() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let watch = answers(&gateway, "WatchEvents", json!({"tenant_id": "T1"}), &["", "3"]);
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
        let stream = one.pointer("/opened/stream").or(one.pointer("/closed/stream"));
        assert_eq!(stream.expect("a stream")["tenant_id"], "T1", "{one}");
    }
}
