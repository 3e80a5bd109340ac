//! Limits and groups that are kept beside the sources: in a file, in a table, in a bucket of JetStream.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use floodway_tests::gateway::{Launch, floodway_run};
use floodway_tests::nats::NatsCluster;
use floodway_tests::postgres::Shutdown;
use floodway_tests::token::SECRET;
use floodway_tests::wait::wait_until_by;
use floodway_tests::{Broker, Gateway, Postgres, wait_until};
use serde_json::json;

use crate::admin::{answers, ask};
use crate::control::retained;
use crate::shell;

fn beside(broker: &Broker, file: &Path) -> Launch {
    Gateway::start(broker).env("FLOODWAY_CONTROL_STORE", format!("file:{}", file.display()))
}

#[tokio::test]
async fn limits_and_groups_in_a_file_outlive_the_gateway_and_no_broker_hears_of_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let (broker, file) = (Broker::start().await, folder.path().join("control.json"));
    let mut gateway = beside(&broker, &file).await;
    let group = json!({"tenant_id": "T1", "group_id": "G", "device_ids": ["A"]});
    ask(&gateway, "PutGroup", json!({"group": group})).await;
    shell::text(&gateway, &["limits", "set", "--tenant", "T1", "--connections-per-tenant", "1"]).await;
    let mode = std::fs::metadata(&file).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    gateway.terminate();
    assert_eq!(gateway.exit_code().await, Some(0));

    let gateway = beside(&broker, &file).await;
    let mut ws = gateway.ws("T1", "group_id=G").await;
    let mut publisher = broker.publisher().await;
    publisher.telemetry("T1", "STRANGER", r#"{"metrics":{"n":1}}"#).await;
    publisher.telemetry("T1", "A", r#"{"metrics":{"n":2}}"#).await;
    assert_eq!(ws.next_event().await["device_id"], "A");
    let token = floodway_tests::token::token("T1").sign();
    assert_eq!(gateway.ws_refused(Some(&token), "").await.0, 4029, "its own limit holds");
    let status = ask(&gateway, "GetStatus", json!({"fleet": true})).await;
    assert_eq!(status["status"]["control"]["synced"], json!(true), "{status}");
    assert_eq!(retained(&broker, "#").await, [json!(null); 0]);
}

#[tokio::test]
async fn a_broken_file_stops_the_start_is_named_and_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("control.json");
    let text = r#"{"version": 1, "documents": {"groups/T1/G": {"devices": ["A", "a/b"]}}}"#;
    std::fs::write(&file, text).expect("it is written");
    let store = format!("file:{}", file.display());
    let settings = [
        ("FLOODWAY_JWT_SECRET", SECRET),
        ("FLOODWAY_LISTEN", "127.0.0.1:0"),
        ("FLOODWAY_ADMIN_LISTEN", "127.0.0.1:0"),
        ("FLOODWAY_CONTROL_STORE", store.as_str()),
    ];
    let refused = floodway_run(&["serve"], &settings).await;
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    for part in ["control.store", file.to_str().expect("UTF-8"), "groups/T1/G", "devices[1]"] {
        assert!(refused.stderr.contains(part), "{part} is not named: {}", refused.stderr);
    }
    assert_eq!(std::fs::read_to_string(&file).expect("it is there"), text);

    let settings = [settings[0], ("FLOODWAY_CONTROL_STORE", "/var/control.json")];
    let refused = floodway_run(&["check"], &settings).await;
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("control.store") && refused.stderr.contains("file:"), "{}", refused.stderr);
}

/// A gateway whose only source is JetStream.
fn on(cluster: &NatsCluster) -> Launch {
    let launch = Gateway::start_at("").without("MQTT_URL").env("FLOODWAY_NATS_URL", cluster.urls());
    launch.env("FLOODWAY_CONTROL_FLEET_SECONDS", "1")
}

/// Waits until that gateway knows the group as one of this device.
async fn knows(gateway: &Gateway, device: &str) {
    let get = json!({"tenant_id": "T1", "group_id": "G"});
    wait_until(&format!("the group is of {device}"), async || {
        let found = answers(gateway, "GetGroup", get.clone(), &[]).await;
        found.is_ok_and(|found| found[0]["group"]["device_ids"] == json!([device]))
    })
    .await;
}

/// Puts a group of this device, again until it is done.
async fn puts(gateway: &Gateway, device: &str) {
    let put = ["groups", "put", "--tenant", "T1", "G", "--device", device];
    wait_until_by(&format!("{device} is put"), Duration::from_secs(60), async || {
        shell::shell(gateway, &put).await.code == Some(0)
    })
    .await;
}

#[tokio::test]
async fn limits_and_groups_in_a_table_are_those_of_all_gateways_and_outlive_its_server() {
    let mut server = Postgres::start().await;
    let beside = || {
        let launch = Gateway::start_at("").without("MQTT_URL").env("FLOODWAY_POSTGRES_URL", server.url());
        launch.env("FLOODWAY_CONTROL_FLEET_SECONDS", "1")
    };
    let (first, second) = (beside().await, beside().await);
    puts(&first, "A").await;
    knows(&second, "A").await;
    shell::text(&second, &["limits", "set", "--tenant", "T1", "--connections-per-tenant", "1"]).await;
    let kept = server
        .client()
        .await
        .query("select key from floodway_control", &[])
        .await
        .expect("the gateway's table");
    assert!(kept.len() >= 2, "a group and a limit, not {kept:?}");
    server.stop(Shutdown::Immediate).await;
    server.start_again().await;
    puts(&second, "B").await;
    knows(&first, "B").await;
    drop((first, second));
    let third = Gateway::start_at("").without("MQTT_URL").env("FLOODWAY_POSTGRES_URL", server.url()).await;
    knows(&third, "B").await;
    let _only = third.ws("T1", "").await;
    let token = floodway_tests::token::token("T1").sign();
    assert_eq!(third.ws_refused(Some(&token), "").await.0, 4029, "its own limit holds");
}

#[tokio::test]
async fn limits_and_groups_in_a_bucket_are_those_of_all_gateways_and_outlive_the_node_that_leads_it() {
    let mut cluster = NatsCluster::start(3).await;
    let (first, mut second) = (on(&cluster).await, on(&cluster).await);
    puts(&first, "A").await;
    knows(&second, "A").await;
    wait_until("they know each other", async || {
        let status = ask(&first, "GetStatus", json!({"fleet": true})).await;
        status["fleet"]["gateways"].as_array().is_some_and(|gateways| gateways.len() == 2)
    })
    .await;
    let leader = cluster.leader_of(0, "KV_floodway_control").await.expect("it has three replicas");
    cluster.kill(leader);
    puts(&second, "B").await;
    knows(&first, "B").await;
    second.terminate();
    assert_eq!(second.exit_code().await, Some(0));
    drop(first);
    let third = on(&cluster).await;
    knows(&third, "B").await;
}
