//! What a client chooses for its stream: overflow policy, pace, snapshot; and what of it its tenant allows.

use floodway_tests::{Broker, Gateway, Ws, token};
use serde_json::{Value, json};

use crate::admin::ask;
use crate::control::{is_on_disk, persistence, quick};

const ALL: &str = "overflow must be one of drop_newest, drop_oldest, latest, disconnect, catch_up for this tenant";
const RATE: &str = "max_rate must be a number of events a second from 0.001 to 1000000";

#[tokio::test]
async fn an_option_that_makes_no_sense_is_refused_and_named() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let good = token("T1").sign();
    for (query, reason) in [
        ("overflow=newest", ALL),
        ("overflow=LATEST", ALL),
        ("max_rate=0", RATE),
        ("max_rate=-5", RATE),
        ("max_rate=often", RATE),
        ("snapshot=yes", "snapshot must be true or false"),
        ("snapshot=true&snapshot=1", "snapshot must be true or false"),
        ("max-rate=5", r#"Unknown parameter "max-rate": use max_rate"#),
        ("overflow_policy=latest", r#"Unknown parameter "overflow_policy": use overflow"#),
        ("snapshots=true", r#"Unknown parameter "snapshots": use snapshot"#),
    ] {
        assert_eq!(gateway.ws_refused(Some(&good), query).await, (4000, reason.to_owned()), "{query}");
        let (status, body) = gateway.sse_refused(Some(&good), query).await;
        assert_eq!((status, &body), (400, &json!({"detail": reason})), "{query}");
    }
    // Who has no token learns nothing of what may be chosen.
    assert_eq!(gateway.ws_refused(Some("bad"), "overflow=newest").await.0, 4001);
    assert_eq!(gateway.sse_refused(None, "snapshot=yes").await.0, 401);
}

#[tokio::test]
async fn what_was_chosen_stands_in_connected_as_it_holds() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    for (query, options) in [
        ("overflow=latest", json!({"overflow": "latest"})),
        ("overflow=drop_oldest&overflow=catch_up", json!({"overflow": "catch_up"})),
        ("max_rate=0.2&snapshot=true", json!({"max_rate": 0.2, "snapshot": true})),
        ("snapshot=false&overflow=", json!({"snapshot": false})),
        ("overflow=catch_up&max_rate=1", json!({"overflow": "drop_newest", "max_rate": 1})),
    ] {
        let ws = gateway.ws("T1", query).await;
        assert_eq!(ws.connected()["options"], options, "{query}");
        let sse = gateway.sse("T1", query).await;
        assert_eq!(sse.connected()["options"], options, "{query}");
    }
    let mut ws = gateway
        .ws_unread(Some(&token("T1").sign()), "overflow=latest&snapshot=true&max_rate=50")
        .await;
    let text = ws.text().await;
    let options = r#"Z","options":{"overflow":"latest","max_rate":50,"snapshot":true},"last_event_id":""#;
    assert!(text.contains(options), "{text}");
    for query in ["", "overflow=&max_rate=&snapshot=", "max_delay=5&cb=1"] {
        let ws = gateway.ws("T1", query).await;
        assert!(ws.connected().get("options").is_none(), "{query}: {}", ws.connected());
    }
}

/// Whether a new stream may choose this policy.
async fn may_choose(gateway: &Gateway, tenant: &str, policy: &str) -> bool {
    let mut ws = gateway.ws_unread(Some(&token(tenant).sign()), &format!("overflow={policy}")).await;
    match ws.message().await {
        Ok(text) => text.contains(&format!(r#""options":{{"overflow":"{policy}"}}"#)),
        Err((4000, reason)) => {
            assert!(reason.starts_with("overflow must be one of "), "{reason}");
            assert!(!reason.contains(policy), "{reason}");
            false
        }
        Err(closed) => panic!("{closed:?}"),
    }
}

#[tokio::test]
async fn a_tenant_allows_some_policies_and_the_one_that_holds_anyway_also_after_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let broker = Broker::start_with(&persistence(folder.path())).await;
    let gateway = quick(&broker).await;
    let mut chosen = gateway.ws("T1", "overflow=disconnect").await;
    let allowed = json!(["OVERFLOW_POLICY_LATEST", "OVERFLOW_POLICY_CATCH_UP"]);
    let set = json!({"tenant_id": "T1", "limits": {"overflow_allowed": allowed}});
    let answer = ask(&gateway, "SetLimits", set).await;
    assert_eq!(answer["effective"]["overflow_allowed"], allowed);
    let holds = async |gateway: &Gateway| {
        for (policy, may) in [
            ("latest", true),
            ("catch_up", true),
            ("drop_newest", true),
            ("drop_oldest", false),
            ("disconnect", false),
        ] {
            assert_eq!(may_choose(gateway, "T1", policy).await, may, "{policy}");
            assert!(may_choose(gateway, "T2", policy).await, "{policy}: another tenant's list is its own");
        }
    };
    holds(&gateway).await;
    broker.publisher().await.count("T1", "A", 0..3).await;
    chosen.expect_numbers(0..3).await;
    is_on_disk(folder.path(), &["limits/tenant/T1"]).await;
    drop((chosen, gateway));

    let gateway = quick(&broker).await;
    holds(&gateway).await;
    ask(&gateway, "ClearLimits", json!({"tenant_id": "T1"})).await;
    assert!(may_choose(&gateway, "T1", "disconnect").await);
}

#[tokio::test]
async fn a_gateway_allows_what_its_settings_say() {
    let broker = Broker::start().await;
    let launch = Gateway::start(&broker).env("FLOODWAY_OVERFLOW", "drop_oldest");
    let gateway = launch.env("FLOODWAY_STREAM_OVERFLOW_ALLOWED", "latest").await;
    assert!(may_choose(&gateway, "T1", "latest").await);
    assert!(may_choose(&gateway, "T1", "drop_oldest").await, "it holds anyway");
    let good = token("T1").sign();
    let (_, reason) = gateway.ws_refused(Some(&good), "overflow=catch_up").await;
    assert_eq!(reason, "overflow must be one of drop_oldest, latest for this tenant");
}

const QUEUE: u64 = 20;
const PUBLISHED: u64 = 1500;

/// What a stalled stream received once it read again, and how many events its gaps count; until it has both in full.
async fn accounts(ws: &mut Ws) -> (Vec<u64>, u64) {
    let (mut numbers, mut dropped) = (Vec::new(), 0);
    while numbers.len() as u64 + dropped < PUBLISHED {
        let message = ws.next().await;
        if message["type"] == "gap" {
            assert_eq!(message["reason"], "overflow", "{message}");
            dropped += message["dropped"].as_u64().expect("an exact number");
        } else {
            numbers.push(message["metrics"]["n"].as_u64().expect("an event"));
        }
    }
    (numbers, dropped)
}

#[tokio::test]
async fn one_stream_drops_its_oldest_events_while_the_others_drop_their_newest() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).env("STREAM_QUEUE_SIZE", QUEUE).await;
    let mut reader = gateway.ws("T1", "").await;
    let mut plain = gateway.ws_narrow("T1", "").await;
    let mut chosen = gateway.ws_narrow("T1", "overflow=drop_oldest").await;
    let mut publisher = broker.publisher().await;
    let pad = "x".repeat(1000);
    for start in (0..PUBLISHED).step_by(QUEUE as usize / 2) {
        let batch = start..start + QUEUE / 2;
        for n in batch.clone() {
            let payload = json!({"metrics": {"n": n, "pad": pad}}).to_string();
            publisher.telemetry("T1", "A", payload).await;
        }
        // The reader is never behind by more than a batch.
        reader.expect_numbers(batch).await;
    }
    let (received, dropped) = accounts(&mut plain).await;
    assert!(dropped > 0 && received.is_sorted());
    assert_ne!(received.last(), Some(&(PUBLISHED - 1)), "it kept what was oldest");
    let (received, dropped) = accounts(&mut chosen).await;
    assert!(dropped > 0 && received.is_sorted());
    let newest: Vec<u64> = (PUBLISHED - QUEUE..PUBLISHED).collect();
    assert!(received.ends_with(&newest), "it kept what was newest: {received:?}");
}

fn n(event: &Value) -> (u64, bool) {
    (event["metrics"]["n"].as_u64().expect("an event"), event["snapshot"] == true)
}

#[tokio::test]
async fn a_subscription_brings_the_last_events_of_what_it_adds() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let mut all = gateway.ws("T1", "").await;
    let mut publisher = broker.publisher().await;
    for (device, numbers) in [("A", 0..3), ("B", 3..5), ("C", 5..6)] {
        publisher.count("T1", device, numbers).await;
    }
    all.expect_numbers(0..6).await;
    let mut ws = gateway.ws("T1", "device_id=A").await;
    let subscribe = json!({"action": "subscribe", "device_ids": ["A", "B"], "snapshot": true});
    assert_eq!(ws.ask(subscribe).await, json!({"type": "subscribed", "device_ids": ["A", "B"]}));
    assert_eq!(n(&ws.next_event().await), (4, true), "what B published last, and nothing of A");
    publisher.count("T1", "B", 6..7).await;
    assert_eq!(n(&ws.next_event().await), (6, false));
    let mistake = json!({"action": "subscribe", "device_id": "C", "snapshot": "yes"});
    let answer = ws.ask(mistake).await;
    assert_eq!(answer, json!({"type": "error", "message": "snapshot must be true or false"}));
    assert_eq!(ws.ask(json!({"action": "subscribe", "device_id": "C"})).await["type"], "subscribed");
    publisher.count("T1", "C", 7..8).await;
    assert_eq!(n(&ws.next_event().await), (7, false), "no snapshot that was not asked for");
}
