//! MQTT 3.1.1 beside 5: what holds over the one holds over the other, as far as it can be said there.

use floodway_tests::gateway::Launch;
use floodway_tests::nats::NatsCluster;
use floodway_tests::{Broker, Gateway, Publisher, Transport, Ws, token, topic, upstream_gap, wait_until};
use serde_json::{Value, json};

use crate::admin::{ask, refusal};
use crate::control::quick;

/// A gateway that speaks 3.1.1 only.
fn old(broker: &Broker) -> Launch {
    quick(broker).env("FLOODWAY_MQTT_PROTOCOL", "3.1.1")
}

async fn broker_of(gateway: &Gateway) -> Value {
    ask(gateway, "GetStatus", json!({})).await["status"]["broker"].take()
}

#[tokio::test]
async fn over_3_1_1_live_means_live_in_order_and_an_outage_is_told() {
    let mut broker = Broker::start().await;
    for qos in [0, 1] {
        let gateway = old(&broker).env("FLOODWAY_MQTT_QOS", qos).await;
        assert_eq!(broker_of(&gateway).await["protocol"], "MQTT 3.1.1");
        let mut publisher = broker.publisher().await;
        let mut streams = Vec::new();
        for n in 0..20 {
            let tenant = format!("T{n}");
            let mut ws = gateway.ws(&tenant, "").await;
            publisher.count(&tenant, "A", 0..50).await;
            ws.expect_numbers(0..50).await;
            streams.push((tenant, ws));
        }
        broker.stop();
        for (_, ws) in &mut streams {
            ws.expect_upstream("down").await;
        }
        broker.start_again().await;
        let mut publisher = broker.publisher().await;
        for (tenant, ws) in &mut streams {
            ws.expect_json(upstream_gap()).await;
            ws.expect_upstream("up").await;
            publisher.count(tenant, "A", 50..60).await;
            ws.expect_numbers(50..60).await;
        }
    }
}

#[tokio::test]
async fn a_session_of_3_1_1_is_kept_while_the_gateway_is_away() {
    let broker = Broker::start().await;
    let persistent = || old(&broker).env("FLOODWAY_MQTT_SESSION", "persistent").env("FLOODWAY_MQTT_QOS", 1);
    let start = || persistent().env("FLOODWAY_MQTT_CLIENT_ID", "gateway");
    let mut gateway = start().await;
    let mut publisher = broker.publisher().await;
    let mut ws = gateway.ws("T1", "").await;
    publisher.count("T1", "A", 0..5).await;
    ws.expect_numbers(0..5).await;
    gateway.terminate();
    gateway.exit_code().await;
    publisher.count("T1", "A", 5..9).await;
    let gateway = start().await;
    let mut publisher = broker.publisher().await;
    let mut resumed = gateway.ws("T1", "last_event_id=1").await;
    resumed.expect_json(json!({"type": "gap", "reason": "replay", "dropped": null})).await;
    publisher.count("T1", "A", 9..10).await;
    let mut last = resumed.next_number().await;
    while last < 9 {
        let next = resumed.next_number().await;
        assert_eq!(next, last + 1, "in order");
        last = next;
    }
}

/// Waits until `gateway` answers `call` so.
async fn tells(gateway: &Gateway, call: &str, request: Value, pointer: &str, expected: Value) {
    wait_until(&format!("{call} tells {expected}"), async || {
        ask(gateway, call, request.clone()).await.pointer(pointer) == Some(&expected)
    })
    .await;
}

#[tokio::test]
async fn limits_groups_and_the_fleet_are_shared_by_gateways_of_both_versions() {
    let broker = Broker::start().await;
    let fleet = |launch: Launch| launch.env("FLOODWAY_CONTROL_FLEET_SECONDS", "1");
    let (first, second) = (fleet(old(&broker)).await, fleet(quick(&broker)).await);
    assert_eq!(broker_of(&second).await["protocol"], "MQTT 5");
    let of_tenant = json!({"tenant_id": "T1"});
    let mut wanted = 3;
    for (writer, reader) in [(&first, &second), (&second, &first)] {
        let limits = json!({"tenant_id": "T1", "limits": {"connections_per_tenant": wanted}});
        ask(writer, "SetLimits", limits).await;
        let group = json!({"tenant_id": "T1", "group_id": format!("G{wanted}"), "device_ids": ["A"]});
        ask(writer, "PutGroup", json!({"group": group.clone()})).await;
        let limit = "/effective/connections_per_tenant";
        tells(reader, "GetLimits", of_tenant.clone(), limit, json!(wanted)).await;
        let of_group = json!({"tenant_id": "T1", "group_id": format!("G{wanted}")});
        wait_until("the group is there", async || {
            ask(reader, "ListGroups", of_tenant.clone()).await["groups"]
                .to_string()
                .contains(&format!("G{wanted}"))
        })
        .await;
        ask(reader, "DeleteGroup", of_group).await;
        wanted += 1;
    }
    let _streams = (first.ws("T1", "").await, second.sse("T1", "").await);
    let members = async |gateway: &Gateway| {
        let told = ask(gateway, "GetStatus", json!({"fleet": true})).await["fleet"].take();
        told["gateways"].as_array().map_or(0, Vec::len)
    };
    for gateway in [&first, &second] {
        wait_until("both are seen", async || members(gateway).await == 2).await;
    }
    // A status of long ago, which a broker without message expiry keeps for ever.
    let stale = r#"{"name":"old","version":"0","interval_ms":1000}"#;
    broker.retains("floodway/control/v1/fleet/00000000deadbeef", stale).await;
    wait_until("it is seen", async || members(&first).await == 3).await;
    wait_until("and forgotten", async || members(&first).await == 2).await;
    // Killed: only its last will is left.
    drop(second);
    wait_until("who dies is forgotten", async || members(&first).await == 1).await;
}

#[tokio::test]
async fn over_3_1_1_a_wrong_password_and_a_forbidden_tenant_are_told_as_that() {
    let broker = Broker::start_with_password("user", "word").await;
    let wrong = old(&broker)
        .env("MQTT_USERNAME", "user")
        .env("MQTT_PASSWORD", "wrong-word")
        .unready()
        .await;
    wait_until("it is told", async || {
        let failure = broker_of(&wrong).await["last_failure"]["detail"].take();
        let told = failure.as_str().unwrap_or_default();
        told.contains("mqtt.username and mqtt.password") && !told.contains("wrong-word")
    })
    .await;

    let folder = tempfile::tempdir().expect("a folder");
    let rules = folder.path().join("acl");
    let permitted = "topic readwrite floodway/#\ntopic readwrite tenant/GOOD/#\n";
    std::fs::write(&rules, permitted).expect("the rules are written");
    let broker = Broker::start_with(&format!("acl_file {}", rules.display())).await;
    let gateway = old(&broker).await;
    let (good, bad) = (token("GOOD").sign(), token("BAD").sign());
    let mut ws = gateway.ws_with(&good, "").await;
    let refused = gateway.ws_refused(Some(&bad), "").await;
    assert_eq!(refused, (4003, "Not authorized at the broker".to_owned()));
    gateway.is_logged("MQTT 3.1.1 names no reason").await;
    broker.publisher().await.count("GOOD", "A", 0..1).await;
    ws.expect_numbers(0..1).await;
}

#[tokio::test]
async fn names_that_nats_takes_for_wildcards_are_refused_over_3_1_1_only() {
    let broker = Broker::start().await;
    let (gateway, new) = (old(&broker).await, quick(&broker).await);
    for tenant in ["*", ">", "a b", "T*"] {
        let token = token(tenant).sign();
        assert_eq!(gateway.ws_refused(Some(&token), "").await.0, 4003, "{tenant}");
        assert_eq!(gateway.sse_refused(Some(&token), "").await.0, 403, "{tenant}");
        new.ws_with(&token, "").await;
    }
    let (mut one, mut two) = (gateway.ws("T1", "").await, new.ws("T1", "").await);
    let mut publisher = broker.publisher().await;
    publisher.count("T1", "*", 0..1).await;
    publisher.count("T1", "a >", 1..2).await;
    publisher.count("T1", "A", 2..3).await;
    one.expect_numbers(2..3).await;
    two.expect_numbers(0..3).await;
    let page = gateway.metrics().await;
    assert!(page.contains(r#"floodway_ingest_rejected_total{reason="topic"} 2"#), "{page}");
    // Nothing with such a name is published either.
    let limits = json!({"tenant_id": "a b", "limits": {"connections_per_tenant": 1}});
    let why = refusal(&gateway, "SetLimits", limits).await;
    assert!(why.contains("white space"), "{why}");
}

#[tokio::test]
async fn what_the_broker_retains_is_in_snapshots_and_in_no_live_stream() {
    let broker = Broker::start().await;
    for (gateway, tenant) in [(old(&broker).await, "T1"), (quick(&broker).await, "T2")] {
        broker.retains(&topic(tenant, "A"), r#"{"metrics":{"n":7}}"#).await;
        broker.retains(&topic(tenant, "B"), r#"{"metrics":{"n":8}}"#).await;
        broker.retains(&topic(tenant, "C"), "no JSON").await;
        // The first stream of its tenant already.
        let mut first = gateway.stream(Transport::Sse, tenant, "snapshot=true").await;
        let mut shown = [first.next_snapshot().await, first.next_snapshot().await];
        shown.sort();
        for (text, part) in shown.iter().zip([r#""n":7"#, r#""n":8"#]) {
            assert!(text.contains(part), "{text}");
        }
        let mut live = gateway.ws(tenant, "").await;
        let mut publisher = broker.publisher().await;
        publisher.count(tenant, "A", 9..10).await;
        live.expect_numbers(9..10).await;
        first.expect_numbers(9..10).await;
        let mut late = gateway.stream(Transport::WebSocket, tenant, "snapshot=true").await;
        late.expect_snapshot(&[("B", 8), ("A", 9)]).await;
        let page = gateway.metrics().await;
        assert!(page.contains(r#"floodway_ingest_rejected_total{reason="retained"} 2"#), "{page}");
        // Retained by its device, and live all the same.
        broker.retains(&topic(tenant, "A"), r#"{"metrics":{"n":10}}"#).await;
        live.expect_numbers(10..11).await;
    }
}

/// Reads numbers until `last` has come, and says whether any came out of order or twice.
async fn up_to(ws: &mut Ws, last: u64) -> Vec<u64> {
    let mut numbers = vec![ws.next_number().await];
    while numbers.last() != Some(&last) {
        numbers.push(ws.next_number().await);
    }
    numbers
}

#[tokio::test]
async fn auto_speaks_3_1_1_to_nats_and_streams_live_on_when_their_node_is_killed() {
    let mut cluster = NatsCluster::start(3).await;
    let urls: Vec<String> = (0..3).map(|node| cluster.mqtt_url(node)).collect();
    let launch = Gateway::start_at(&urls.join(",")).env("FLOODWAY_MQTT_BACKOFF_MAX_SECONDS", "0.5");
    let gateway = launch.env("FLOODWAY_MQTT_QOS", 1).await;
    let told = broker_of(&gateway).await;
    assert_eq!((&told["protocol"], &told["connected_url"]), (&json!("MQTT 3.1.1"), &json!(urls[0])));
    let mut ws = gateway.ws("T1", "").await;
    let mut publisher = Publisher::connect_old(cluster.mqtt_port(2)).await;
    publisher.count("T1", "A", 0..100).await;
    assert_eq!(up_to(&mut ws, 99).await, (0..100).collect::<Vec<_>>());
    cluster.kill(0);
    ws.expect_outage().await;
    let told = broker_of(&gateway).await;
    assert_ne!(told["connected_url"], urls[0]);
    publisher.count("T1", "A", 100..200).await;
    assert_eq!(up_to(&mut ws, 199).await, (100..200).collect::<Vec<_>>());
    let mut late = gateway.ws("T2", "").await;
    publisher.count("T2", "A", 0..10).await;
    assert_eq!(up_to(&mut late, 9).await, (0..10).collect::<Vec<_>>());
}
