//! Limits and groups while the broker is away: what is known, with its age.

use floodway_tests::{Broker, wait_until};
use serde_json::json;

use super::{ask, refused};
use crate::control::quick;
use crate::shell;

#[tokio::test]
async fn limits_and_groups_are_read_with_their_age_while_the_broker_is_away() {
    let mut broker = Broker::start().await;
    let gateway = quick(&broker).await;
    let of_tenant = json!({"tenant_id": "T1"});
    let of_group = json!({"tenant_id": "T1", "group_id": "G"});
    let reads = [("GetLimits", &of_tenant), ("ListGroups", &of_tenant), ("GetGroup", &of_group)];
    let group = json!({"tenant_id": "T1", "group_id": "G", "device_ids": ["A"]});
    ask(&gateway, "PutGroup", json!({"group": group})).await;
    for (call, request) in reads {
        let now = ask(&gateway, call, request.clone()).await;
        assert_eq!(now.get("known_at"), None, "{call} is what the broker has");
    }
    broker.stop();
    wait_until("it is noticed", async || gateway.get("/readyz").await.0 == 503).await;
    for (call, request) in reads {
        let then = ask(&gateway, call, request.clone()).await;
        assert!(then["known_at"].is_string(), "{call} tells its age: {then}");
    }
    let found = ask(&gateway, "GetGroup", of_group.clone()).await;
    assert_eq!(found["group"]["device_ids"], json!(["A"]));
    let set = json!({"tenant_id": "T1", "limits": {"queue_size": 7}});
    assert_eq!(refused(&gateway, "SetLimits", set, "").await, "UNAVAILABLE");
    let text = shell::text(&gateway, &["limits", "get", "--tenant", "T1"]).await;
    assert!(text.starts_with("as of ") && text.contains("limits of T1"), "{text}");
    // What was set before can't be kept by somebody who does not know it.
    let set = ["limits", "set", "--tenant", "T1", "--queue-size", "7"];
    let failed = shell::shell(&gateway, &set).await;
    assert_eq!(failed.code, Some(1));
    assert!(failed.stderr.contains("out of date"), "{}", failed.stderr);
}

#[tokio::test]
async fn a_gateway_for_which_nothing_was_set_tells_its_limits_while_the_broker_is_away() {
    let mut broker = Broker::start().await;
    let gateway = quick(&broker).await;
    broker.stop();
    wait_until("it is noticed", async || gateway.get("/readyz").await.0 == 503).await;
    let then = ask(&gateway, "GetLimits", json!({})).await;
    assert_eq!(then["effective"]["queue_size"], 100);
    assert!(then["known_at"].is_string(), "{then}");
    let groups = ask(&gateway, "ListGroups", json!({"tenant_id": "T1"})).await;
    assert_eq!(groups["groups"], json!([]));
    // One that never read them can't tell what was set.
    let blank = quick(&broker).unready().await;
    let unread = refused(&blank, "GetLimits", json!({}), "").await;
    assert_eq!(unread, "UNAVAILABLE");
}
