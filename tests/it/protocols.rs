//! MQTT 3.1.1 beside 5: what holds over the one holds over the other, as far as it can be said there.

use std::collections::BTreeSet;
use std::time::Duration;

use floodway_tests::gateway::Launch;
use floodway_tests::nats::{NatsCluster, NatsServer};
use floodway_tests::wait::wait_until_by;
use floodway_tests::{Broker, Gateway, Publisher, Transport, Ws, token, topic, upstream_gap, wait_until};
use serde_json::{Value, json};

use crate::admin::{ask, refusal};
use crate::control::quick;

/// Until a cluster of NATS serves again that has lost a node, also while other tests keep the machine busy.
const ELECTION: Duration = Duration::from_secs(90);

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

/// How many gateways this one sees, itself included.
async fn members(gateway: &Gateway) -> usize {
    let told = ask(gateway, "GetStatus", json!({"fleet": true})).await["fleet"].take();
    told["gateways"].as_array().map_or(0, Vec::len)
}

#[tokio::test]
async fn limits_groups_and_the_fleet_are_shared_by_gateways_of_both_versions() {
    let broker = Broker::start().await;
    let fleet = |launch: Launch| launch.env("FLOODWAY_CONTROL_FLEET_SECONDS", "1");
    let (first, second) = (fleet(old(&broker)).await, fleet(quick(&broker)).await);
    assert_eq!(broker_of(&second).await["protocol"], "MQTT 5");
    let of_tenant = json!({"tenant_id": "T1"});
    for (wanted, writer, reader) in [(3, &first, &second), (4, &second, &first)] {
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
    }
    let _streams = (first.ws("T1", "").await, second.sse("T1", "").await);
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
async fn over_3_1_1_a_wrong_password_is_told_as_that() {
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

/// Reads until each of these numbers has come. One that its device could not be sure of may come twice.
async fn come(ws: &mut Ws, numbers: std::ops::Range<u64>) {
    let mut missing: BTreeSet<u64> = numbers.collect();
    while !missing.is_empty() {
        missing.remove(&ws.next_number().await);
    }
}

/// Reads until the stream is told that its tenant's events come again, behind a gap. NATS may refuse a subscription first, if
/// it finds no leader for it in time.
async fn comes_back(ws: &mut Ws) {
    let mut told = vec![ws.next().await];
    while !told.last().is_some_and(|last| last["type"] == "upstream" && last["state"] == "up") {
        told.push(ws.next().await);
    }
    assert!(told.contains(&upstream_gap()), "{told:?}");
}

/// The number of the node that the gateway is on.
async fn node_of(gateway: &Gateway, urls: &[String]) -> Option<usize> {
    let told = broker_of(gateway).await;
    urls.iter().position(|url| told["connected_url"] == *url)
}

/// Publishes the numbers over a node of a cluster that has just lost another one, again until they are acknowledged.
async fn publish_until_taken(port: u16, tenant: &str, numbers: std::ops::Range<u64>) {
    wait_until_by("a device is served", ELECTION, async || {
        let Some(mut device) = Publisher::try_connect_old(port).await else {
            return false;
        };
        for n in numbers.clone() {
            device.send(&topic(tenant, "A"), format!(r#"{{"metrics":{{"n":{n}}}}}"#)).await;
        }
        device.gone_or_settled().await
    })
    .await;
}

#[tokio::test]
async fn auto_speaks_3_1_1_to_nats_and_streams_live_on_when_their_node_is_killed() {
    let mut cluster = NatsCluster::start(3).await;
    let urls: Vec<String> = (0..3).map(|node| cluster.mqtt_url(node)).collect();
    let launch = Gateway::start_at(&urls.join(",")).env("FLOODWAY_MQTT_BACKOFF_MAX_SECONDS", "0.5");
    let gateway = launch.env("FLOODWAY_MQTT_QOS", 1).await;
    assert_eq!(broker_of(&gateway).await["protocol"], "MQTT 3.1.1");
    let node = node_of(&gateway, &urls).await.expect("it is connected");
    let mut ws = gateway.ws("T1", "").await;
    publish_until_taken(cluster.mqtt_port((node + 1) % 3), "T1", 0..100).await;
    come(&mut ws, 0..100).await;
    cluster.kill(node);
    ws.expect_upstream("down").await;
    // NATS answers a CONNECT late while it elects leaders.
    wait_until_by("the gateway is on another node", ELECTION, async || gateway.get("/readyz").await.0 == 200).await;
    let other = node_of(&gateway, &urls).await.expect("it is connected");
    assert_ne!(other, node);
    comes_back(&mut ws).await;
    publish_until_taken(cluster.mqtt_port(other), "T1", 100..200).await;
    come(&mut ws, 100..200).await;
    wait_until_by("new tenants are served", ELECTION, async || {
        gateway.sse_response(Some(&token("T2").sign()), "", &[]).await.status() == 200
    })
    .await;
    let mut late = gateway.ws("T2", "").await;
    publish_until_taken(cluster.mqtt_port(other), "T2", 0..10).await;
    come(&mut late, 0..10).await;
}

#[tokio::test]
async fn on_nats_order_limits_groups_fleet_and_what_is_retained_are_as_on_any_broker() {
    let server = NatsServer::start().await;
    let start = || Gateway::start_at(&server.mqtt_url()).env("FLOODWAY_CONTROL_FLEET_SECONDS", "1");
    let (first, second) = (start().await, start().await);
    let mut publisher = Publisher::connect_old(server.mqtt_port()).await;
    let mut ws = first.ws("T1", "").await;
    publisher.count("T1", "A", 0..1000).await;
    ws.expect_numbers(0..1000).await;
    let limits = json!({"tenant_id": "T1", "limits": {"connections_per_tenant": 3}});
    ask(&first, "SetLimits", limits).await;
    let group = json!({"tenant_id": "T1", "group_id": "G", "device_ids": ["A"]});
    ask(&first, "PutGroup", json!({"group": group})).await;
    let limit = "/effective/connections_per_tenant";
    tells(&second, "GetLimits", json!({"tenant_id": "T1"}), limit, json!(3)).await;
    let third = start().await;
    let mut late = third.ws("T1", "group_id=G").await;
    publisher.count("T1", "B", 0..1).await;
    publisher.count("T1", "A", 1000..1001).await;
    late.expect_numbers(1000..1001).await;
    wait_until("all three are seen", async || members(&second).await == 3).await;
    drop(third);
    wait_until("who dies is forgotten", async || members(&second).await == 2).await;
    publisher.retain("T3", "A", r#"{"metrics":{"n":7}}"#).await;
    let mut shown = first.stream(Transport::WebSocket, "T3", "snapshot=true").await;
    shown.expect_snapshot(&[("A", 7)]).await;
    publisher.count("T3", "A", 8..9).await;
    shown.expect_numbers(8..9).await;
}

#[tokio::test]
async fn a_suback_of_3_1_1_refuses_a_tenant_without_a_reason() {
    let rights =
        r#"authorization { users: [{ user: u, password: p, permissions: { subscribe: { deny: "tenant.BAD.>" } } }] }"#;
    let server = NatsServer::start_with(rights).await;
    let launch = Gateway::start_at(&server.mqtt_url());
    let gateway = launch.env("MQTT_USERNAME", "u").env("MQTT_PASSWORD", "p").await;
    let mut ws = gateway.ws("GOOD", "").await;
    let refused = gateway.ws_refused(Some(&token("BAD").sign()), "").await;
    assert_eq!(refused, (4003, "Not authorized at the broker".to_owned()));
    gateway.is_logged("MQTT 3.1.1 names no reason").await;
    ws.send(r#"{"action":"ping"}"#).await;
    assert_eq!(ws.next().await, json!({"type": "pong"}), "others are served");
}
