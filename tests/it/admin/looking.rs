//! Looking for a fault: tails, explanations, and who is busy or slow.

use floodway_tests::{Broker, Gateway, topic, wait_until};
use serde_json::{Value, json};

use super::{Watch, ask, number};

/// The device, the metric `n` and the gap of each answer of a tail after the first.
fn told(answers: &[Value]) -> (Vec<u64>, Vec<Value>) {
    let (mut numbers, mut gaps) = (Vec::new(), Vec::new());
    for answer in &answers[1..] {
        match answer["event"]["json"].as_str() {
            Some(event) => {
                let event: Value = serde_json::from_str(event).expect("JSON");
                numbers.push(event["metrics"]["n"].as_u64().expect("a number"));
            }
            None => gaps.push(answer["gap"].clone()),
        }
    }
    (numbers, gaps)
}

#[tokio::test]
async fn a_tail_shows_what_a_subscriber_would_get() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let request = json!({"tenant_id": "T1", "device_ids": ["B"], "metric_names": ["n"]});
    let tail = Watch::start(&gateway, "Tail", request).await;
    assert_eq!(tail.answers()[0]["live"]["filters"]["device_ids"], json!(["B"]));
    let mut publisher = broker.publisher().await;
    publisher.count("T1", "A", 0..3).await;
    publisher.count("T1", "B", 3..5).await;
    wait_until("both are told", async || tail.answers().len() == 3).await;
    let event: Value =
        serde_json::from_str(tail.answers()[1]["event"]["json"].as_str().expect("an event")).expect("JSON");
    assert_eq!(
        (&event["device_id"], &event["type"], &event["tenant_id"]),
        (&json!("B"), &json!("telemetry"), &json!("T1"))
    );
    assert_eq!(told(&tail.answers()).0, [3, 4]);
}

#[tokio::test]
async fn a_tail_takes_no_place_of_a_customer() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker)
        .env("MAX_STREAM_CONNECTIONS_PER_TENANT", "1")
        .env("FLOODWAY_MAX_CONNECTIONS", "1")
        .await;
    let all = json!({"tenant_id": "T1"});
    let before = Watch::start(&gateway, "Tail", all.clone()).await;
    let mut ws = gateway.ws("T1", "").await;
    let after = Watch::start(&gateway, "Tail", all).await;
    assert_eq!(gateway.connections().await, 1, "the customer's own");
    broker.publisher().await.count("T1", "A", 0..3).await;
    ws.expect_numbers(0..3).await;
    for tail in [&before, &after] {
        wait_until("the tail tells all", async || tail.answers().len() == 4).await;
    }
    let listed = ask(&gateway, "ListConnections", json!({})).await;
    let listed = listed["connections"].as_array().expect("a list");
    let tails = listed.iter().filter(|one| one["user_agent"] == "floodway-tail");
    assert_eq!((listed.len(), tails.count()), (3, 2));
    let shown = ask(&gateway, "GetTenant", json!({"tenant_id": "T1"})).await;
    assert_eq!(number(&shown["tenant"]["connections"]), 1, "{shown}");
}

const QUEUE: u64 = 50;
const PUBLISHED: u64 = 8_000;

#[tokio::test]
async fn a_tail_that_does_not_read_gets_exact_gaps_and_slows_nobody() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).env("STREAM_QUEUE_SIZE", QUEUE).await;
    let mut neighbour = gateway.ws("T1", "").await;
    let tail = Watch::start(&gateway, "Tail", json!({"tenant_id": "T1"})).await;
    tail.0.pause();
    let mut publisher = broker.publisher().await;
    let pad = "x".repeat(1000);
    // The neighbour reads each step before its own ring could be full.
    for start in (0..PUBLISHED).step_by(QUEUE as usize / 2) {
        let step = start..start + QUEUE / 2;
        for n in step.clone() {
            let payload = json!({"metrics": {"n": n, "pad": pad}}).to_string();
            publisher.send(&topic("T1", "A"), payload).await;
        }
        neighbour.expect_numbers(step).await;
    }
    tail.0.resume();
    let accounted = || {
        let (numbers, gaps) = told(&tail.answers());
        let missing: u64 = gaps.iter().map(|gap| number(&gap["dropped"])).sum();
        (numbers, missing, gaps)
    };
    wait_until("each event was told, or is counted in a gap", async || {
        let (numbers, missing, _) = accounted();
        numbers.len() as u64 + missing == PUBLISHED
    })
    .await;
    let (numbers, missing, gaps) = accounted();
    assert!(numbers.is_sorted_by(|one, next| one < next));
    assert!(missing > 0, "it was stalled for {PUBLISHED} KB");
    assert!(gaps.iter().all(|gap| gap["reason"] == "GAP_REASON_OVERFLOW"), "{gaps:?}");
    // It is live again: nothing is missing from here on.
    publisher.count("T1", "A", PUBLISHED..PUBLISHED + 1).await;
    wait_until("it goes on", async || accounted().0.last() == Some(&PUBLISHED)).await;
    assert_eq!(accounted().1, missing);
}

/// What would become of such an event of T1's device A.
async fn explained(gateway: &Gateway, id: &Value, event: Value) -> Value {
    let mut request = event;
    request["connection_id"] = id.clone();
    ask(gateway, "Explain", request).await
}

async fn only_stream(gateway: &Gateway) -> Value {
    let listed = ask(gateway, "ListConnections", json!({})).await;
    let listed = listed["connections"].as_array().expect("a list");
    assert_eq!(listed.len(), 1);
    listed[0]["connection_id"].clone()
}

#[tokio::test]
async fn explain_names_the_stage_that_stops_an_event() {
    let mut broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let _ws = gateway.ws("T1", "device_id=A&metric=n").await;
    let id = only_stream(&gateway).await;
    // The payload is {"metrics":{"n":1,"m":2}}.
    let message = |topic: &str| json!({"topic": topic, "payload": "eyJtZXRyaWNzIjp7Im4iOjEsIm0iOjJ9fQ=="});
    let sample = |tenant: &str, device: &str, metrics: &[&str]| json!({"sample": {"tenant_id": tenant, "device_id": device, "metric_names": metrics}});
    let telemetry = "tenant/T1/device/A/telemetry";
    for (event, stopped_by) in [
        (sample("T1", "A", &["n", "m"]), "UNSPECIFIED"),
        (json!({"message": message(telemetry)}), "UNSPECIFIED"),
        (json!({"message": message("tenant/T1/device/A/status")}), "TOPIC"),
        (json!({"message": {"topic": telemetry}}), "PAYLOAD"),
        (sample("T2", "A", &[]), "TENANT"),
        (sample("T1", "B", &[]), "DEVICE"),
        (sample("T1", "A", &["m"]), "METRICS"),
    ] {
        let answer = explained(&gateway, &id, event.clone()).await;
        let stage = format!("DELIVERY_STAGE_{stopped_by}");
        assert_eq!(answer["stopped_by"], stage, "{event}");
        let delivered = stopped_by == "UNSPECIFIED";
        assert_eq!(answer["delivered"], delivered, "{event}");
        let seen = if delivered { json!(["n"]) } else { json!([]) };
        assert_eq!(answer["metric_names"], seen, "{event}");
    }
    broker.stop();
    wait_until("the broker's absence stops it", async || {
        let answer = explained(&gateway, &id, sample("T1", "A", &["n"])).await;
        answer["stopped_by"] == "DELIVERY_STAGE_UPSTREAM"
    })
    .await;
}

#[tokio::test]
async fn explain_tells_of_a_full_ring_and_of_one_that_makes_room() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).env("STREAM_QUEUE_SIZE", 3).await;
    let _stalled = gateway.ws_narrow("T1", "").await;
    let id = only_stream(&gateway).await;
    let mut publisher = broker.publisher().await;
    let payload = json!({"metrics": {"pad": "x".repeat(10_000)}}).to_string();
    wait_until("its ring is full", async || {
        for _ in 0..50 {
            publisher.telemetry("T1", "A", payload.clone()).await;
        }
        let shown = ask(&gateway, "GetConnection", json!({"connection_id": id})).await;
        let connection = &shown["connection"];
        assert_eq!(number(&connection["queue_capacity"]), 3, "{shown}");
        number(&connection["queue_depth"]) == 3 && connection["slow_for"].is_string()
    })
    .await;
    let event = json!({"sample": {"tenant_id": "T1", "device_id": "A"}});
    let answer = explained(&gateway, &id, event.clone()).await;
    assert_eq!(answer["stopped_by"], "DELIVERY_STAGE_QUEUE", "{answer}");
    let limits = json!({"overflow": "OVERFLOW_POLICY_DROP_OLDEST"});
    let set = json!({"tenant_id": "T1", "limits": limits});
    ask(&gateway, "SetLimits", set).await;
    let answer = explained(&gateway, &id, event).await;
    assert_eq!(answer["delivered"], true, "{answer}");
}

#[tokio::test]
async fn a_watch_shows_the_busiest_tenants_and_the_slowest_streams() {
    let broker = Broker::start().await;
    let roomy = Gateway::start(&broker).env("STREAM_QUEUE_SIZE", 1000);
    let gateway = roomy.env("FLOODWAY_STREAM_QUEUE_BYTES", 64 << 20).await;
    let mut quick = gateway.ws("T1", "").await;
    let _slower = gateway.ws_narrow("T1", "").await;
    let _slow = gateway.ws_narrow("T1", "device_id=A").await;
    let _calm = gateway.ws("T2", "").await;
    let mut publisher = broker.publisher().await;
    let payload = json!({"metrics": {"pad": "x".repeat(10_000)}}).to_string();
    for n in 0..200 {
        let device = if n % 2 == 0 { "A" } else { "B" };
        publisher.telemetry("T1", device, payload.clone()).await;
        quick.next_event().await;
    }
    let asked = json!({"interval": "0.1s", "busiest_tenants": 1, "slowest_connections": 5});
    let watch = Watch::start(&gateway, "WatchStatus", asked).await;
    let busiest = |answer: &Value| {
        let busiest = answer["busiest_tenants"].as_array().expect("a list");
        assert_eq!(busiest.len(), 1, "{answer}");
        busiest[0]["tenant_id"].as_str().expect("a name").to_owned()
    };
    let first = &watch.answers()[0];
    assert_eq!(busiest(first), "T1", "since it came");
    let slowest = first["slowest_connections"].as_array().expect("a list");
    let depths = slowest.iter().map(|one| number(&one["queue_depth"]));
    let depths: Vec<u64> = depths.collect();
    assert_eq!(depths.len(), 2, "who keeps up is not among them: {first}");
    assert!(depths[0] > depths[1] && depths[1] > 0, "{depths:?}");
    assert_eq!(slowest[0]["filters"]["all_devices"], true, "{first}");
    assert_eq!(slowest[1]["filters"]["device_ids"], json!(["A"]), "{first}");
    wait_until("T2 is the busiest since the answer before", async || {
        publisher.count("T2", "A", 0..1).await;
        watch.answers().last().is_some_and(|last| busiest(last) == "T2")
    })
    .await;
}

#[tokio::test]
async fn a_change_of_many_names_counts_as_many_messages() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).env("FLOODWAY_STREAM_CLIENT_MESSAGES_PER_SECOND", "50").await;
    let kinds = json!({"kinds": ["EVENT_KIND_LIMIT_HIT"]});
    let watch = Watch::start(&gateway, "WatchEvents", kinds).await;
    let names = |count: usize| (0..count).map(|n| format!("device-{n}")).collect::<Vec<_>>();
    let (mut few, mut many) = (gateway.ws("T1", "").await, gateway.ws("T2", "").await);
    // 1 + 10 / 16 messages, and 1 + 800 / 16.
    few.ask(json!({"action": "subscribe", "device_ids": names(10)})).await;
    many.ask(json!({"action": "subscribe", "device_ids": names(800)})).await;
    wait_until("the limit is hit", async || watch.answers().len() == 2).await;
    let hit = &watch.answers()[1]["limit_hit"];
    assert_eq!(hit["limit"], "LIMIT_KIND_CLIENT_MESSAGES", "{hit}");
    assert_eq!(hit["tenant_id"], "T2", "{hit}");
}
