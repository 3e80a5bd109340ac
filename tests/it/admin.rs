//! The admin API as tools see it: Python's grpcio with reflection, no generated code.

use std::collections::BTreeSet;
use std::process::Command;

use floodway_tests::process::run;
use floodway_tests::{Broker, Gateway, Sse, Ws, token, wait_until};
use serde_json::{Value, json};

/// Where the private listener is: the log tells.
pub(crate) fn address(gateway: &Gateway) -> String {
    let lines = gateway.log();
    let mut lines = lines
        .iter()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let line = lines.find(|line| line.to_string().contains("admin listening"));
    let line = line.expect("the log names the private listener");
    let fields = line.get("fields").unwrap_or(&line);
    fields["address"].as_str().expect("an address").to_owned()
}

/// The answers to one call, or the code and the message that refuse it.
async fn answers(
    gateway: &Gateway,
    call: &str,
    request: Value,
    more: &[&str],
) -> Result<Vec<Value>, (String, String)> {
    let python = std::env::var("FLOODWAY_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let mut command = Command::new(python);
    command.arg(format!(
        "{}/clients/admin_call.py",
        env!("CARGO_MANIFEST_DIR")
    ));
    command
        .args([&address(gateway), call, &request.to_string()])
        .args(more);
    let finished = run("admin_call.py", command).await;
    let lines = finished.stdout.lines();
    let lines: Vec<Value> = lines
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    match (finished.code, lines.as_slice()) {
        (Some(0), _) => Ok(lines),
        (Some(1), [.., refused]) if refused["code"].is_string() => {
            let text = |name: &str| refused[name].as_str().unwrap_or_default().to_owned();
            Err((text("code"), text("message")))
        }
        _ => panic!(
            "{call}: {}\nrun scripts/test: it installs what is missing",
            finished.stderr
        ),
    }
}

/// The answer to a call that gives one.
async fn ask(gateway: &Gateway, call: &str, request: Value) -> Value {
    let answers = answers(gateway, call, request, &[]).await;
    answers
        .unwrap_or_else(|refused| panic!("{call}: {refused:?}"))
        .remove(0)
}

/// The code that refuses a call.
async fn refused(gateway: &Gateway, call: &str, request: Value, token: &str) -> String {
    let answers = answers(gateway, call, request, &[token]).await;
    answers.expect_err(call).0
}

/// 64-bit numbers are texts in protobuf's JSON.
fn number(value: &Value) -> u64 {
    let text = value.as_str().expect("a 64-bit number");
    text.parse().expect("a number")
}

#[tokio::test]
async fn lists_and_counts_agree_with_the_clients_own() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker)
        .env("MAX_STREAM_CONNECTIONS_PER_TENANT", "1000")
        .await;
    let (mut sockets, mut bodies): (Vec<Ws>, Vec<Sse>) = (Vec::new(), Vec::new());
    for n in 0..60 {
        let tenant = format!("T{}", n % 4);
        if n % 3 == 0 {
            bodies.push(gateway.sse(&tenant, "").await);
        } else {
            sockets.push(gateway.ws(&tenant, "metric=n").await);
        }
    }
    let mut publisher = broker.publisher().await;
    for n in 0..4 {
        publisher.count(&format!("T{n}"), "A", 0..5).await;
    }
    for ws in &mut sockets {
        ws.expect_numbers(0..5).await;
    }
    for sse in &mut bodies {
        sse.expect_numbers(0..5).await;
    }

    let mut listed = Vec::new();
    let mut page = json!({"page_size": 7});
    loop {
        let answer = ask(&gateway, "ListConnections", page.clone()).await;
        listed.extend(answer["connections"].as_array().expect("a list").clone());
        page["page_token"] = answer["next_page_token"].clone();
        if page["page_token"] == "" {
            break;
        }
    }
    let ids: BTreeSet<_> = listed
        .iter()
        .map(|one| one["connection_id"].as_str())
        .collect();
    assert_eq!((listed.len(), ids.len()), (60, 60), "each once");
    let over = |transport: &str| {
        listed
            .iter()
            .filter(|one| one["transport"] == transport)
            .count()
    };
    assert_eq!(over("TRANSPORT_WEBSOCKET"), sockets.len());
    assert_eq!(over("TRANSPORT_SSE"), bodies.len());
    for one in &listed {
        assert_eq!(
            (number(&one["delivered"]), number(&one["dropped"])),
            (5, 0),
            "{one}"
        );
        assert_eq!(one["filters"]["all_devices"], true, "{one}");
    }

    let only = json!({"tenant_id": "T1", "transport": "TRANSPORT_SSE"});
    let some = ask(&gateway, "ListConnections", only).await;
    assert_eq!(some["connections"].as_array().map(Vec::len), Some(5));
    let status = ask(&gateway, "GetStatus", json!({})).await["status"].clone();
    let connections = &status["connections"];
    assert_eq!(number(&connections["websocket"]), sockets.len() as u64);
    assert_eq!(number(&connections["sse"]), bodies.len() as u64);
    assert_eq!(
        (
            number(&connections["total"]),
            number(&connections["tenants"])
        ),
        (60, 4)
    );
    assert_eq!(number(&status["deliveries"]["delivered"]), 300);
    let tenants = ask(&gateway, "ListTenants", json!({})).await["tenants"].clone();
    let tenants = tenants.as_array().expect("a list");
    assert_eq!(tenants.len(), 4);
    for tenant in tenants {
        assert_eq!(number(&tenant["connections"]), 15, "{tenant}");
        assert_eq!(
            (number(&tenant["events"]), number(&tenant["delivered"])),
            (5, 75),
            "{tenant}"
        );
        assert_eq!(tenant["subscribed"], true, "{tenant}");
    }
}

#[tokio::test]
async fn who_is_disconnected_is_told_4010_and_the_reason() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let (mut first, mut second) = (gateway.ws("T1", "").await, gateway.ws("T1", "").await);
    let mut other = gateway.ws("T2", "").await;
    let listed = ask(&gateway, "ListConnections", json!({"tenant_id": "T1"})).await;
    let id = listed["connections"][0]["connection_id"].clone();
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
    assert_eq!(
        (&put["created"], number(&put["group"]["devices"])),
        (&json!(true), 2)
    );
    let (limit, member) = ("/effective/connections_per_tenant", "/group/device_ids");
    let (of_tenant, of_group) = (
        json!({"tenant_id": "T1"}),
        json!({"tenant_id": "T1", "group_id": "G"}),
    );
    becomes(&second, "GetLimits", of_tenant.clone(), limit, json!(1)).await;
    becomes(
        &second,
        "GetGroup",
        of_group.clone(),
        member,
        json!(["A", "B"]),
    )
    .await;
    drop((first, second));

    let (first, second) = (Gateway::start(&broker).await, Gateway::start(&broker).await);
    for gateway in [&first, &second] {
        let mut ws = gateway.ws("T1", "group_id=G").await;
        let signed = token("T1").sign();
        let (code, _) = gateway.ws_refused(Some(&signed), "").await;
        assert_eq!(code, 4029, "one stream is the limit");
        let mut publisher = broker.publisher().await;
        publisher.count("T1", "C", 0..1).await;
        publisher.count("T1", "A", 1..2).await;
        ws.expect_numbers(1..2).await;
    }
    let cleared = ask(&second, "ClearLimits", of_tenant.clone()).await;
    assert_eq!(
        (
            &cleared["cleared"],
            &cleared["effective"]["connections_per_tenant"]
        ),
        (&json!(true), &json!(10))
    );
    becomes(&first, "GetLimits", of_tenant, limit, json!(10)).await;
    ask(&second, "DeleteGroup", of_group.clone()).await;
    assert_eq!(
        refused(&second, "GetGroup", of_group.clone(), "").await,
        "NOT_FOUND"
    );
    assert_eq!(
        refused(&second, "DeleteGroup", of_group, "").await,
        "NOT_FOUND"
    );
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
    assert_eq!(
        refused(&gateway, "ListTenants", json!({}), "").await,
        "UNAUTHENTICATED"
    );
    assert_eq!(
        refused(&gateway, "Disconnect", all(), "looker").await,
        "PERMISSION_DENIED"
    );
    for (call, request, token) in [
        ("ListTenants", json!({}), "looker"),
        ("Disconnect", all(), "s3cret"),
    ] {
        let answer = answers(&gateway, call, request, &[token]).await;
        assert_eq!(answer.expect(call).len(), 1);
    }
}
