//! Limits, groups, drains and the fleet, and who may steer.

use std::time::Duration;

use floodway_tests::wait::wait_until_by;
use floodway_tests::{Broker, Gateway, token, wait_until};
use serde_json::{Value, json};

use super::{answers, ask, number, refused};
use crate::control::{is_on_disk, persistence, quick};

/// Waits until `gateway` answers `call` so.
async fn becomes(gateway: &Gateway, call: &str, request: Value, pointer: &str, expected: Value) {
    wait_until(&format!("{call} tells {expected}"), async || {
        let answer = answers(gateway, call, request.clone(), &[]).await;
        answer.is_ok_and(|answer| answer[0].pointer(pointer) == Some(&expected))
    })
    .await;
}

#[tokio::test]
async fn a_limit_and_a_group_hold_on_every_gateway_and_survive_their_restart() {
    let broker = Broker::start().await;
    let (first, second) = (Gateway::start(&broker).await, Gateway::start(&broker).await);
    let limits = json!({"connections_per_tenant": 1, "overflow": "OVERFLOW_POLICY_LATEST"});
    let set = json!({"tenant_id": "T1", "limits": limits});
    let answer = ask(&first, "SetLimits", set).await;
    assert_eq!(answer["effective"]["connections_per_tenant"], 1);
    assert_eq!(answer["effective"]["queue_size"], 100, "as configured");
    let group = json!({"tenant_id": "T1", "group_id": "G", "device_ids": ["B", "A", "A"]});
    let put = ask(&first, "PutGroup", json!({"group": group})).await;
    assert_eq!((&put["created"], number(&put["group"]["devices"])), (&json!(true), 2));
    let (limit, member) = ("/effective/connections_per_tenant", "/group/device_ids");
    let (of_tenant, of_group) = (json!({"tenant_id": "T1"}), json!({"tenant_id": "T1", "group_id": "G"}));
    becomes(&second, "GetLimits", of_tenant.clone(), limit, json!(1)).await;
    becomes(&second, "GetGroup", of_group.clone(), member, json!(["A", "B"])).await;
    drop((first, second));

    let (first, second) = (Gateway::start(&broker).await, Gateway::start(&broker).await);
    for gateway in [&first, &second] {
        both_hold(&broker, gateway).await;
    }
    let cleared = ask(&second, "ClearLimits", of_tenant.clone()).await;
    assert_eq!((&cleared["cleared"], &cleared["effective"]["connections_per_tenant"]), (&json!(true), &json!(10)));
    becomes(&first, "GetLimits", of_tenant, limit, json!(10)).await;
    ask(&second, "DeleteGroup", of_group.clone()).await;
    assert_eq!(refused(&second, "GetGroup", of_group.clone(), "").await, "NOT_FOUND");
    assert_eq!(refused(&second, "DeleteGroup", of_group, "").await, "NOT_FOUND");
}

/// What the API promises for its changes; in truth it is about a millisecond.
const SOON: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_change_on_one_gateway_holds_on_the_other_within_a_second() {
    let broker = Broker::start().await;
    let (first, second) = (Gateway::start(&broker).await, Gateway::start(&broker).await);
    let mut ws = second.ws("T1", "group_id=G").await;
    let mut publisher = broker.publisher().await;
    let limits = json!({"connections_per_tenant": 1});
    let set = json!({"tenant_id": "T1", "limits": limits});
    ask(&first, "SetLimits", set).await;
    let signed = token("T1").sign();
    wait_until_by("the limit holds", SOON, async || {
        let mut another = second.ws_unread(Some(&signed), "").await;
        matches!(another.message().await, Err((4029, _)))
    })
    .await;
    let group = json!({"tenant_id": "T1", "group_id": "G", "device_ids": ["A"]});
    ask(&first, "PutGroup", json!({"group": group})).await;
    wait_until_by("its device is in the group", SOON, async || {
        publisher.count("T1", "A", 0..1).await;
        ws.send(r#"{"action":"ping"}"#).await;
        ws.next().await["type"] == "telemetry"
    })
    .await;
}

/// Of T1, one stream is the limit, and A is in the group G.
async fn both_hold(broker: &Broker, gateway: &Gateway) {
    let mut ws = gateway.ws("T1", "group_id=G").await;
    let signed = token("T1").sign();
    let (code, _) = gateway.ws_refused(Some(&signed), "").await;
    assert_eq!(code, 4029, "one stream is the limit");
    let mut publisher = broker.publisher().await;
    publisher.count("T1", "C", 0..1).await;
    publisher.count("T1", "A", 1..2).await;
    ws.expect_numbers(1..2).await;
    ws.close().await;
    gateway.has_connections(0).await;
}

#[tokio::test]
async fn a_limit_and_a_group_survive_the_restart_of_the_broker_and_of_both_gateways() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut broker = Broker::start_with(&persistence(folder.path())).await;
    let (first, second) = (quick(&broker).await, quick(&broker).await);
    let limits = json!({"connections_per_tenant": 1});
    let set = json!({"tenant_id": "T1", "limits": limits});
    ask(&first, "SetLimits", set).await;
    let group = json!({"tenant_id": "T1", "group_id": "G", "device_ids": ["A", "B"]});
    ask(&second, "PutGroup", json!({"group": group})).await;
    is_on_disk(folder.path(), &["limits/tenant/T1", "groups/T1/G"]).await;

    broker.stop();
    broker.start_again().await;
    for gateway in [&first, &second] {
        let status = json!({});
        let (reconnects, synced) = ("/status/broker/reconnects", "/status/control/synced");
        becomes(gateway, "GetStatus", status.clone(), reconnects, json!("1")).await;
        becomes(gateway, "GetStatus", status, synced, json!(true)).await;
        both_hold(&broker, gateway).await;
    }
    drop((first, second));
    broker.stop();
    broker.start_again().await;
    for gateway in [&quick(&broker).await, &quick(&broker).await] {
        both_hold(&broker, gateway).await;
        let got = ask(gateway, "GetLimits", json!({"tenant_id": "T1"})).await;
        assert_eq!(got["own"]["connections_per_tenant"], 1, "{got}");
        let which = json!({"tenant_id": "T1", "group_id": "G"});
        assert_eq!(ask(gateway, "GetGroup", which).await["group"], group);
    }
}

#[tokio::test]
async fn the_status_shows_the_limits_that_hold_by_default() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).env("STREAM_QUEUE_SIZE", "50").await;
    let shown = async || {
        let status = ask(&gateway, "GetStatus", json!({})).await;
        let limits = &status["status"]["limits"];
        let queue_size = number(&limits["queue_size"]);
        (number(&limits["connections_per_tenant"]), queue_size)
    };
    assert_eq!(shown().await, (10, 50), "as configured");
    let of_tenant = json!({"tenant_id": "T1", "limits": {"queue_size": 3}});
    ask(&gateway, "SetLimits", of_tenant).await;
    assert_eq!(shown().await, (10, 50), "a tenant's own is not the default");
    let default = json!({"limits": {"queue_size": 7, "connections_per_tenant": 2}});
    ask(&gateway, "SetLimits", default).await;
    assert_eq!(shown().await, (2, 7));
    ask(&gateway, "ClearLimits", json!({})).await;
    assert_eq!(shown().await, (10, 50), "as configured, again");
}

#[tokio::test]
async fn a_drain_tells_the_streams_and_is_called_off() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let mut told = gateway.ws("T1", "").await;
    let begun = ask(&gateway, "Drain", json!({"spread": "0s"})).await;
    assert_eq!(number(&begun["drain"]["connections"]), 1);
    assert_eq!(told.next().await["type"], "reconnect");
    assert_eq!(told.message().await.expect_err("closed").0, 1012);
    let signed = token("T1").sign();
    assert_eq!(gateway.ws_refused(Some(&signed), "").await.0, 1012);
    let cancelled = ask(&gateway, "CancelDrain", json!({})).await;
    assert_eq!(number(&cancelled["drain"]["untold"]), 0);
    let mut stays = gateway.ws("T1", "").await;
    ask(&gateway, "Drain", json!({"spread": "3600s"})).await;
    ask(&gateway, "CancelDrain", json!({})).await;
    stays.send(r#"{"action":"ping"}"#).await;
    assert_eq!(stays.next().await, json!({"type": "pong"}));
}

#[tokio::test]
async fn the_fleet_is_seen_from_any_of_its_gateways() {
    let broker = Broker::start().await;
    let start = || Gateway::start(&broker).env("FLOODWAY_CONTROL_FLEET_SECONDS", "1");
    let (first, second) = (start().await, start().await);
    let _ws = first.ws("T1", "").await;
    let _sse = second.sse("T1", "").await;
    for gateway in [&first, &second] {
        wait_until("both are seen, and their sum", async || {
            let fleet = ask(gateway, "GetStatus", json!({"fleet": true})).await["fleet"].clone();
            let gateways = fleet["gateways"].as_array().map_or(0, Vec::len);
            let total = &fleet["total"];
            gateways == 2 && number(&total["websocket"]) == 1 && number(&total["sse"]) == 1
        })
        .await;
    }
}

#[tokio::test]
async fn a_token_for_reading_only_reads() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker)
        .env("FLOODWAY_ADMIN_TOKEN", "s3cret")
        .env("FLOODWAY_ADMIN_READ_TOKEN", "looker")
        .await;
    let all = || json!({"tenant_id": "T1"});
    assert_eq!(refused(&gateway, "ListTenants", json!({}), "").await, "UNAUTHENTICATED");
    assert_eq!(refused(&gateway, "Disconnect", all(), "looker").await, "PERMISSION_DENIED");
    for reason in ["unauthenticated", "read_only"] {
        let told = format!(r#"request refused","reason":"{reason}","path":"/"#);
        wait_until("the log tells of it", async || gateway.log().join("\n").contains(&told)).await;
    }
    let log = gateway.log().join("\n");
    assert!(!log.contains("looker"), "{log}");
    for (call, request, token) in [("ListTenants", json!({}), "looker"), ("Disconnect", all(), "s3cret")] {
        let answer = answers(&gateway, call, request, &[token]).await;
        assert_eq!(answer.expect(call).len(), 1);
    }
}
