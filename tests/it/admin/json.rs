//! Calls of the admin API in JSON over HTTP, beside the same calls by gRPC.

use std::collections::BTreeSet;
use std::process::Command;

use floodway_tests::process::run;
use floodway_tests::{Broker, Gateway, wait_until, within};
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
    assert_eq!(post(&gateway, "PutGroup", &group).await.1["created"], true);
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

#[tokio::test]
async fn tokens_hold_for_json_and_a_page_of_another_host_gets_nothing_with_any() {
    let broker = Broker::start().await;
    let launch = Gateway::start(&broker).env("FLOODWAY_ADMIN_TOKEN", "s3cret");
    let gateway = launch.env("FLOODWAY_ADMIN_READ_TOKEN", "looking").await;
    let own = format!("http://{}", gateway.admin());
    for (call, token, origin, status, code) in [
        ("GetStatus", "wrong", None, 401, json!("unauthenticated")),
        ("GetStatus", "looking", None, 200, Value::Null),
        ("GetStatus", "looking", Some(own.as_str()), 200, Value::Null),
        ("GetStatus", "s3cret", Some("http://evil.example"), 403, json!("permission_denied")),
        ("Drain", "looking", None, 403, json!("permission_denied")),
        ("Drain", "s3cret", None, 200, Value::Null),
    ] {
        let request = gateway.http().post(format!("{own}/floodway.admin.v1.Admin/{call}"));
        let request = request.bearer_auth(token).json(&json!({}));
        let request = origin.into_iter().fold(request, |request, origin| request.header("origin", origin));
        let answer = within("an answer", request.send()).await.expect("an answer");
        assert_eq!(answer.status(), status, "{call} {token} {origin:?}");
        assert!(answer.headers().get("access-control-allow-origin").is_none());
        assert_eq!(answer.json::<Value>().await.expect("JSON")["code"], code, "{call} {token} {origin:?}");
    }
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

    /// What its last frame says.
    async fn end(&mut self) -> Value {
        loop {
            if let (2, end) = self.next().await {
                return end;
            }
        }
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
        let end = stream.end().await;
        assert_eq!(end["error"]["code"], "unavailable", "{end}");
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
    wait_until("the tail is listed", async || tails().await == 1).await;
    drop(tail);
    wait_until("the tail has gone", async || tails().await == 0).await;
}

/// What stands between lines of three backticks in the documentation, in this language, for that gateway.
fn examples(gateway: &Gateway, language: &str) -> Vec<String> {
    let text = include_str!("../../../docs/admin.md").replace("127.0.0.1:9090", &gateway.admin());
    let opening = format!("```{language}\n");
    let blocks = text.split(&opening).skip(1);
    blocks.map(|block| block.split("```").next().expect("a block").to_owned()).collect()
}

#[tokio::test]
async fn what_the_documentation_shows_works() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let shell = examples(&gateway, "sh");
    let mut told = Vec::new();
    for block in &shell {
        let mut bash = Command::new("bash");
        bash.args(["-euo", "pipefail", "-c", block]).env("no_proxy", "*");
        told.push(run("bash", bash).await.succeeded());
    }
    assert!(told[0].contains(r#""draining":false"#) && told[0].contains(r#""groupId":"hall-1""#), "{told:#?}");
    assert!(told[1].contains(r#""live":{}"#) && told[1].contains("deadline_exceeded"), "{told:#?}");
    let mut python = Command::new("python3");
    python.args(["-c", &examples(&gateway, "python").concat()]).env("no_proxy", "*");
    let told = run("python3", python).await.succeeded();
    assert!(told.lines().count() > 2 && told.contains("deadline_exceeded"), "{told}");
}
