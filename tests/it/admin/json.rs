//! Calls of the admin API in JSON over HTTP, beside the same calls by gRPC.

use std::collections::BTreeSet;

use floodway_tests::{Broker, Gateway, within};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

use super::answers;

/// The status and the body of what a call in JSON is answered.
async fn post(gateway: &Gateway, call: &str, request: &Value) -> (StatusCode, Value) {
    let url = format!("http://{}/floodway.admin.v1.Admin/{call}", gateway.admin());
    let answer = gateway.http().post(url).json(request).send();
    let answer = within("an answer", answer).await.expect("an answer");
    assert_eq!(answer.headers()["content-type"], "application/json", "{call}");
    (answer.status(), answer.json().await.expect("JSON"))
}

/// Whether both are the same but for what moves on between two calls: numbers and times.
fn alike(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len() && one.iter().all(|(key, value)| other.get(key).is_some_and(|it| alike(value, it)))
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| alike(one, other))
        }
        (Value::Number(_), Value::Number(_)) => true,
        (Value::String(one), Value::String(other)) => one == other || (moves(one) && moves(other)),
        _ => one == other,
    }
}

/// A 64-bit number, a time or a duration.
fn moves(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit())
        && text.trim_end_matches(['s', 'Z']).ends_with(|c: char| c.is_ascii_digit())
}

/// Asks by gRPC, then in JSON, and compares.
async fn same(gateway: &Gateway, call: &str, request: Value) {
    let by_grpc = answers(gateway, call, request.clone(), &["--camel"]).await;
    let (status, in_json) = post(gateway, call, &request).await;
    match by_grpc {
        Ok(answers) => {
            assert_eq!(status, 200, "{call}: {in_json}");
            assert!(alike(&answers[0], &in_json), "{call}:\n{}\n{in_json}", answers[0]);
        }
        Err((code, message)) => {
            assert!(status.is_client_error() || status.is_server_error(), "{call}: {status}");
            assert_eq!(in_json, json!({"code": code.to_lowercase(), "message": message}), "{call}");
        }
    }
}

#[tokio::test]
async fn every_call_with_one_answer_answers_in_json_as_by_grpc() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let _ws = gateway.ws("T", "device_id=A").await;
    let group = json!({"group": {"tenantId": "T", "groupId": "G", "deviceIds": ["A"]}});
    assert_eq!(post(&gateway, "PutGroup", &group).await.1, json!({"created": true}));
    let listed = post(&gateway, "ListConnections", &json!({})).await.1;
    let id = &listed["connections"][0]["connectionId"];
    let tenant = json!({"tenantId": "T"});
    let limits = json!({"queueSize": 7, "overflow": "OVERFLOW_POLICY_LATEST"});
    let sample = json!({"tenant_id": "T", "device_id": "A"});
    let calls = [
        ("GetStatus", json!({"fleet": true})),
        ("ListTenants", json!({"page_size": 1})),
        ("GetTenant", tenant.clone()),
        ("GetTenant", json!({"tenantId": "nobody's"})),
        ("ListConnections", json!({"pageSize": "9", "transport": "TRANSPORT_WEBSOCKET"})),
        ("GetConnection", json!({"connectionId": id})),
        ("GetConnection", json!({"connectionId": "é/…"})),
        ("Explain", json!({"connectionId": id, "sample": sample})),
        ("ClearLimits", tenant.clone()),
        ("SetLimits", json!({"tenantId": "T", "limits": limits})),
        ("SetLimits", json!({"tenantId": "T"})),
        ("GetLimits", tenant.clone()),
        ("PutGroup", group),
        ("GetGroup", json!({"tenantId": "T", "groupId": "G"})),
        ("ListGroups", tenant.clone()),
        ("DeleteGroup", json!({"tenantId": "T", "groupId": "none"})),
        ("Disconnect", json!({"subject": {"tenantId": "T", "subject": "nobody"}})),
        ("CancelDrain", json!({})),
        ("Drain", json!({"spread": "60s"})),
    ];
    for (call, request) in calls.clone() {
        same(&gateway, call, request).await;
    }
    let known = answers(&gateway, "list", Value::from("floodway.admin.v1.Admin"), &[])
        .await
        .expect("a list")
        .remove(0);
    let known: BTreeSet<String> = serde_json::from_value(known).expect("names of calls");
    let streams = ["WatchStatus", "Tail", "WatchEvents"].into_iter();
    let driven = calls.iter().map(|(call, _)| *call).chain(streams).map(str::to_owned);
    assert_eq!(driven.collect::<BTreeSet<_>>(), known);
}

/// A call in JSON whose answers are a stream.
struct Stream {
    answer: reqwest::Response,
    received: Vec<u8>,
}

impl Stream {
    async fn start(gateway: &Gateway, client: &Client, call: &str, request: &Value) -> Self {
        let text = request.to_string();
        let length = u32::try_from(text.len()).expect("small").to_be_bytes();
        let body = [&[0][..], &length, text.as_bytes()].concat();
        let url = format!("http://{}/floodway.admin.v1.Admin/{call}", gateway.admin());
        let request = client.post(url).header("content-type", "application/connect+json").body(body);
        let answer = within("an answer", request.send()).await.expect("an answer");
        assert_eq!(answer.headers()["content-type"], "application/connect+json");
        Self { answer, received: Vec::new() }
    }

    /// The flags and the JSON of the next frame.
    async fn next(&mut self) -> (u8, Value) {
        loop {
            if let [flags, a, b, c, d, rest @ ..] = &self.received[..] {
                let length = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
                if let Some(json) = rest.get(..length) {
                    let frame = (*flags, serde_json::from_slice(json).expect("JSON"));
                    self.received.drain(..5 + length);
                    return frame;
                }
            }
            let part = within("a frame", self.answer.chunk()).await.expect("it goes on");
            self.received.extend_from_slice(&part.expect("no end before the last frame"));
        }
    }
}

#[tokio::test]
async fn streams_come_over_both_versions_of_http_until_the_gateway_stops() {
    let broker = Broker::start().await;
    let mut gateway = Gateway::start(&broker).await;
    let newer = Client::builder().no_proxy().http2_prior_knowledge().build().expect("a client");
    let asked = json!({"tenantId": "T", "kinds": ["EVENT_KIND_OPENED"]});
    let mut events = Stream::start(&gateway, gateway.http(), "WatchEvents", &asked).await;
    assert!(events.next().await.1["live"].is_object());
    let mut ws = gateway.ws("T", "").await;
    assert_eq!(events.next().await.1["opened"]["stream"]["tenantId"], "T");

    let mut tail = Stream::start(&gateway, &newer, "Tail", &json!({"tenantId": "T"})).await;
    assert_eq!(tail.next().await.1["live"]["filters"]["allDevices"], true);
    broker.publisher().await.count("T", "A", 4..5).await;
    ws.expect_numbers(4..5).await;
    let event = tail.next().await.1["event"]["json"].as_str().expect("an event").to_owned();
    assert!(event.contains(r#""metrics":{"n":4}"#), "{event}");

    gateway.terminate();
    for stream in [&mut events, &mut tail] {
        let (flags, end) = stream.next().await;
        assert_eq!((flags, &end["error"]["code"]), (2, &json!("unavailable")), "{end}");
    }
    assert_eq!(gateway.exit_code().await, Some(0));
}

#[tokio::test]
async fn who_breaks_off_a_stream_frees_its_place() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let tail = Stream::start(&gateway, gateway.http(), "Tail", &json!({"tenantId": "T"})).await;
    let tails = async || {
        let listed = post(&gateway, "ListConnections", &json!({"tenantId": "T"})).await.1;
        listed["connections"].as_array().map_or(0, Vec::len)
    };
    floodway_tests::wait_until("the tail is listed", async || tails().await == 1).await;
    drop(tail);
    floodway_tests::wait_until("the tail has gone", async || tails().await == 0).await;
}
