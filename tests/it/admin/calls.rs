//! Every call of the admin API, driven by Python's grpcio and the server's reflection.
//!
//! Invariant: a call that reflection tells of and that is not driven here fails the test.

use std::collections::BTreeSet;

use floodway_tests::{Broker, Gateway, Ws};
use serde_json::{Value, json};

use super::{answers, ask, number};

/// Remembers which calls were driven.
struct Driver<'a> {
    gateway: &'a Gateway,
    broker: &'a Broker,
    driven: BTreeSet<String>,
}

impl Driver<'_> {
    /// The answer to a call that gives one.
    async fn ask(&mut self, call: &str, request: Value) -> Value {
        self.driven.insert(call.to_owned());
        ask(self.gateway, call, request).await
    }

    /// The first answers of a call that streams them.
    async fn watch(&mut self, call: &str, request: Value, count: usize) -> Vec<Value> {
        self.driven.insert(call.to_owned());
        let told = answers(self.gateway, call, request, &["", &count.to_string()]).await;
        told.unwrap_or_else(|refused| panic!("{call}: {refused:?}"))
    }
}

#[tokio::test]
async fn every_call_is_driven_by_reflection_alone() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let mut driver = Driver { gateway: &gateway, broker: &broker, driven: BTreeSet::new() };
    let mut ws = gateway.ws("T1", "device_id=A").await;
    gateway.sse("T2", "").await;
    gateway.has_connections(1).await;
    watching(&mut driver).await;
    tenants(&mut driver).await;
    limits(&mut driver).await;
    groups(&mut driver).await;
    explaining(&mut driver).await;
    tailing(&mut driver, &mut ws).await;
    happenings(&mut driver).await;
    connections(&mut driver, &mut ws).await;
    drains(&mut driver).await;

    let known = answers(&gateway, "list", Value::from("floodway.admin.v1.Admin"), &[]);
    let known: Vec<String> = serde_json::from_value(known.await.expect("a list").remove(0)).expect("names of calls");
    assert_eq!(known.len(), 19, "{known:?}");
    assert_eq!(driver.driven, known.into_iter().collect());
}

#[tokio::test]
async fn health_is_told_by_reflection_too_and_ends_with_a_drain() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let check = "grpc.health.v1.Health/Check";
    let whole = json!({"service": ""});
    assert_eq!(ask(&gateway, check, whole.clone()).await["status"], "SERVING");
    ask(&gateway, "Drain", json!({})).await;
    assert_eq!(ask(&gateway, check, whole).await["status"], "NOT_SERVING");
}

async fn watching(driver: &mut Driver<'_>) {
    let one = driver.ask("GetStatus", json!({"fleet": true})).await;
    assert_eq!(one["status"]["broker"]["connected"], true, "{one}");
    assert_eq!(one["status"]["control"]["synced"], true, "{one}");
    assert_eq!(number(&one["status"]["connections"]["opened"]), 2, "{one}");
    assert_eq!(one["fleet"]["gateways"][0]["answering"], true, "{one}");
    let asked = json!({"interval": "0.1s", "busiest_tenants": 1});
    let two = driver.watch("WatchStatus", asked, 2).await;
    assert_eq!(two[0]["status"]["node"]["id"], one["status"]["node"]["id"]);
    assert_eq!(two[1]["busiest_tenants"].as_array().map(Vec::len), Some(1));
}

async fn tenants(driver: &mut Driver<'_>) {
    let listed = driver.ask("ListTenants", json!({"page_size": 1})).await;
    assert_eq!(listed["tenants"][0]["tenant_id"], "T1", "{listed}");
    let next = json!({"page_size": 1, "page_token": listed["next_page_token"]});
    let listed = driver.ask("ListTenants", next).await;
    assert_eq!(listed["tenants"][0]["tenant_id"], "T2", "{listed}");
    assert_eq!(listed["next_page_token"], "", "{listed}");
    let shown = driver.ask("GetTenant", json!({"tenant_id": "T1"})).await;
    let tenant = &shown["tenant"];
    assert_eq!(number(&tenant["websocket"]), 1, "{shown}");
    assert_eq!(tenant["limits"]["connections_per_tenant"], 10, "{shown}");
}

async fn limits(driver: &mut Driver<'_>) {
    let allowed = ["OVERFLOW_POLICY_LATEST"];
    let limits = json!({"queue_size": 7, "overflow": "OVERFLOW_POLICY_DROP_OLDEST", "overflow_allowed": allowed});
    let set = json!({"tenant_id": "T1", "limits": limits});
    let set = driver.ask("SetLimits", set).await;
    assert_eq!(set["effective"]["queue_size"], 7, "{set}");
    let whose = json!({"tenant_id": "T1"});
    let got = driver.ask("GetLimits", whose.clone()).await;
    assert_eq!(got["own"], limits, "{got}");
    let cleared = driver.ask("ClearLimits", whose.clone()).await;
    assert_eq!(cleared["cleared"], true, "{cleared}");
    let got = driver.ask("GetLimits", whose).await;
    assert_eq!((&got["own"], &got["effective"]["queue_size"]), (&Value::Null, &json!(100)));
}

async fn groups(driver: &mut Driver<'_>) {
    let group = json!({"tenant_id": "T1", "group_id": "G", "device_ids": ["A", "B"]});
    let put = driver.ask("PutGroup", json!({"group": group})).await;
    assert_eq!(put["created"], true, "{put}");
    let which = json!({"tenant_id": "T1", "group_id": "G"});
    let got = driver.ask("GetGroup", which.clone()).await;
    assert_eq!(got["group"], group, "{got}");
    let whose = json!({"tenant_id": "T1"});
    let listed = driver.ask("ListGroups", whose.clone()).await;
    let summary = json!({"tenant_id": "T1", "group_id": "G", "devices": "2"});
    assert_eq!(listed["groups"], json!([summary]), "{listed}");
    driver.ask("DeleteGroup", which).await;
    let listed = driver.ask("ListGroups", whose).await;
    assert_eq!(listed["groups"], json!([]), "{listed}");
}

async fn explaining(driver: &mut Driver<'_>) {
    let listed = driver.ask("ListConnections", json!({})).await;
    let id = listed["connections"][0]["connection_id"].clone();
    for (device, delivered) in [("A", true), ("B", false)] {
        let sample = json!({"tenant_id": "T1", "device_id": device});
        let asked = json!({"connection_id": id, "sample": sample});
        let told = driver.ask("Explain", asked).await;
        assert_eq!(told["delivered"], delivered, "{told}");
    }
}

/// Devices publish until the tail has told of one.
async fn tailing(driver: &mut Driver<'_>, ws: &mut Ws) {
    let mut publisher = driver.broker.publisher().await;
    let tail = driver.watch("Tail", json!({"tenant_id": "T1"}), 2);
    tokio::pin!(tail);
    let told = loop {
        let publish = async {
            publisher.count("T1", "A", 4..5).await;
            ws.expect_numbers(4..5).await;
        };
        tokio::select! {
            told = &mut tail => break told,
            () = publish => {}
        }
    };
    assert_eq!(told[0]["live"]["filters"]["all_devices"], true, "{told:?}");
    let event: Value = serde_json::from_str(told[1]["event"]["json"].as_str().expect("an event")).expect("JSON");
    assert_eq!(event["metrics"], json!({"n": 4}), "{event}");
}

/// Streams come until the watch has told of one.
async fn happenings(driver: &mut Driver<'_>) {
    let gateway = driver.gateway;
    let asked = json!({"tenant_id": "T3", "kinds": ["EVENT_KIND_OPENED"]});
    let watch = driver.watch("WatchEvents", asked, 2);
    tokio::pin!(watch);
    let told = loop {
        let come = async { drop(gateway.ws("T3", "").await) };
        tokio::select! {
            told = &mut watch => break told,
            () = come => {}
        }
    };
    assert!(told[0]["live"].is_object(), "{told:?}");
    assert_eq!(told[1]["opened"]["stream"]["tenant_id"], "T3", "{told:?}");
}

async fn connections(driver: &mut Driver<'_>, ws: &mut Ws) {
    let of_t1 = json!({"tenant_id": "T1", "transport": "TRANSPORT_WEBSOCKET"});
    let listed = driver.ask("ListConnections", of_t1).await;
    let one = &listed["connections"][0];
    let which = json!({"connection_id": one["connection_id"]});
    let shown = driver.ask("GetConnection", which.clone()).await;
    assert_eq!(shown["connection"]["peer"], one["peer"], "{shown}");
    assert_eq!(shown["connection"]["subject"], "tester", "{shown}");
    let ended = driver.ask("Disconnect", which).await;
    assert_eq!(number(&ended["ended"]), 1, "{ended}");
    assert_eq!(ws.close_code().await.0, 4010);
}

async fn drains(driver: &mut Driver<'_>) {
    let begun = driver.ask("Drain", json!({"spread": "60s"})).await;
    assert_eq!(begun["drain"]["spread"], "60s", "{begun}");
    let off = driver.ask("CancelDrain", json!({})).await;
    assert_eq!(off["drain"]["spread"], "60s", "{off}");
    let off = driver.ask("CancelDrain", json!({})).await;
    assert_eq!(off["drain"], Value::Null, "no drain was under way: {off}");
}
