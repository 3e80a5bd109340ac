//! Requests that begin no stream: pages of other origins, heads that can't be read, and what an operator is told of them.

use bytes::Bytes;
use floodway_tests::raw::{Raw, upgrade_request};
use floodway_tests::{Broker, Gateway, SSE_PATH, STATUS_PATH, WS_PATH, token, within};
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use reqwest::Method;
use serde_json::{Value, json};

use crate::admin::{Page, Watch};

/// Sends `request` on a connection of its own: the status, the head in small letters, and the body.
async fn answer_to(gateway: &Gateway, request: &str) -> (u16, String, Value) {
    let mut raw = Raw::connect(gateway.address()).await;
    raw.write(request.as_bytes()).await.expect("it is sent");
    let bytes = raw.read_to_end().await;
    let text = String::from_utf8(bytes).expect("text");
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no head: {text}"));
    let status = head[9..12].parse().expect("a status");
    (status, head.to_lowercase(), serde_json::from_str(body).unwrap_or(Value::Null))
}

fn get(path: &str, headers: &str) -> String {
    format!("GET {path} HTTP/1.1\r\n{headers}Connection: close\r\n\r\n")
}

/// A handshake of a page from `origin` that reached the gateway with `host`: its status.
async fn handshake(gateway: &Gateway, host: &str, origin: &str) -> u16 {
    let request = upgrade_request(&token("T1").sign(), "");
    let request = request.replace("Host: localhost", &format!("Host: {host}\r\nOrigin: {origin}"));
    let mut raw = Raw::connect(gateway.address()).await;
    raw.write(request.as_bytes()).await.expect("it is sent");
    raw.read_head().await[9..12].parse().expect("a status")
}

#[tokio::test]
async fn pages_come_in_from_here_and_from_where_the_settings_say() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker)
        .env("FLOODWAY_ALLOWED_ORIGINS", "https://app.example,https://b.example:443")
        .await;
    for (host, origin, status) in [
        ("gw.example", "https://gw.example", 101),
        ("gw.example:443", "https://gw.example", 101),
        ("gw.example", "https://gw.example:443", 101),
        ("gw.example:80", "http://gw.example", 101),
        ("gw.internal", "https://app.example:443", 101),
        ("gw.internal", "https://b.example", 101),
        ("gw.example", "https://gw.example:3001", 403),
        ("gw.example:443", "http://gw.example", 403),
        ("gw.internal", "https://evil.example", 403),
    ] {
        assert_eq!(handshake(&gateway, host, origin).await, status, "{host} {origin}");
    }
}

#[tokio::test]
async fn an_allowed_page_may_read_every_answer() {
    let broker = Broker::start().await;
    let good = token("T1").sign();
    for (setting, credentials) in [("https://app.example", Some("true")), ("*", None)] {
        let gateway = Gateway::start(&broker).env("FLOODWAY_ALLOWED_ORIGINS", setting).await;
        let origin = ("origin", "https://app.example");
        for (token, query, status) in
            [(Some(good.as_str()), "", 200), (Some(good.as_str()), "device=A", 400), (None, "", 401)]
        {
            let response = gateway.sse_response(token, query, &[origin]).await;
            assert_eq!(response.status(), status);
            let header = |name: &str| response.headers().get(name).map(|it| it.to_str().unwrap());
            assert_eq!(header("access-control-allow-origin"), Some(origin.1));
            assert_eq!(header("access-control-expose-headers"), Some("Retry-After"));
            assert_eq!(header("access-control-allow-credentials"), credentials);
            assert_eq!(header("vary"), Some("Origin"));
        }
        let preflight = gateway.http().request(Method::OPTIONS, gateway.url(SSE_PATH));
        let preflight = preflight.header(origin.0, origin.1).send();
        let preflight = within("an answer", preflight).await.expect("an answer");
        assert_eq!(preflight.status(), 204);
        let allowed = preflight.headers().get("access-control-allow-credentials");
        assert_eq!(allowed.map(|it| it.to_str().unwrap()), credentials);
    }
}

#[tokio::test]
async fn probes_may_ask_with_head() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    for path in ["/livez", "/readyz", STATUS_PATH] {
        let (status, get, body) = answer_to(&gateway, &get(path, "Host: x\r\n")).await;
        assert_eq!((status, body.is_object()), (200, true), "{path}");
        let request = format!("HEAD {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        let (status, head, body) = answer_to(&gateway, &request).await;
        assert_eq!((status, body), (200, Value::Null), "{path}");
        let length = |head: &str| {
            let line = head.lines().find(|line| line.starts_with("content-length: "));
            line.map(str::to_owned).expect("a length")
        };
        assert_eq!(length(&head), length(&get), "{path}");
    }
    let (status, head, _) = answer_to(&gateway, "PUT /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    assert!(status == 405 && head.contains("\r\nallow: get, head"), "{head}");
}

#[tokio::test]
async fn head_over_http_2_has_no_body_either() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let socket = tokio::net::TcpStream::connect(gateway.address()).await.expect("it accepts");
    let shaken = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(socket));
    let (mut sender, connection) = shaken.await.expect("HTTP/2");
    tokio::spawn(connection);
    for path in ["/livez", "/readyz", STATUS_PATH] {
        let request = http::Request::head(gateway.url(path)).body(Empty::<Bytes>::new());
        let response = within("an answer", sender.send_request(request.expect("a request"))).await;
        let response = response.expect("an answer");
        assert_eq!(response.status(), 200, "{path}");
        assert_ne!(response.headers()["content-length"], "0", "{path}");
        let body = response.into_body().collect().await.expect("an end").to_bytes();
        assert!(body.is_empty(), "{path}: {body:?}");
    }
}

#[tokio::test]
async fn a_head_that_cannot_be_read_is_answered_in_json() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let path = format!("{SSE_PATH}?token={}", token("T1").sign());
    let large = format!("Host: x\r\nCookie: {}\r\n", "x".repeat(20_000));
    let many: String = (0..101).map(|n| format!("X-{n}: 1\r\n")).collect();
    for (what, request, status) in [
        ("20 KB of headers", get(&path, &large), 431),
        ("101 headers", get(&path, &format!("Host: x\r\n{many}")), 431),
        ("quotes in the query", get(&format!("{path}&device_id=\"A\""), "Host: x\r\n"), 400),
        ("a field without a colon", get(&path, "Host: x\r\nnonsense\r\n"), 400),
        ("two hosts", get(&path, "Host: x\r\nHost: y\r\n"), 400),
        ("two hosts at a probe", get("/livez", "Host: x\r\nHost: x\r\n"), 400),
    ] {
        let (told, head, body) = answer_to(&gateway, &request).await;
        assert_eq!(told, status, "{what}: {head}");
        assert!(head.contains("\r\ncontent-type: application/json"), "{what}: {head}");
        assert!(body["detail"].is_string(), "{what}: {body}");
    }
}

#[tokio::test]
async fn a_websocket_whose_token_is_too_large_is_told_by_its_close_code() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let token = "x".repeat(12_000);
    assert_eq!(gateway.ws_refused(Some(&token), "").await.0, 4001);
    let by_query = format!("token={token}");
    assert_eq!(gateway.ws_refused(None, &by_query).await.0, 4001);
}

#[tokio::test]
async fn an_operator_sees_who_was_turned_away_before_the_upgrade() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let kinds = json!({"kinds": ["EVENT_KIND_REFUSED"]});
    let watch = Watch::start(&gateway, "WatchEvents", kinds).await;
    assert_eq!(handshake(&gateway, "gw.internal", "https://app.example").await, 403);
    let cases = [
        ("handshake", get(WS_PATH, "Host: x\r\n"), 426),
        ("malformed", get(SSE_PATH, "Host: x\r\nnonsense\r\n"), 400),
        ("head_too_large", get(SSE_PATH, &format!("Host: x\r\nA: {}\r\n", "x".repeat(20_000))), 431),
    ];
    for (_, request, status) in &cases {
        assert_eq!(answer_to(&gateway, request).await.0, *status);
    }
    let page = Page::gateway(&gateway).await;
    let reasons = cases.iter().map(|(reason, ..)| *reason).chain(["origin"]);
    for reason in reasons {
        let refused = page.sum("connections_refused_total", &[("reason", reason)]);
        assert_eq!(refused, 1.0, "{reason}");
        floodway_tests::wait_until(&format!("{reason} is in the journal"), async || {
            watch.answers().iter().any(|it| it.to_string().contains(&format!("\"{reason}\"")))
        })
        .await;
    }
    let log = gateway.log();
    let line = log.iter().find(|line| line.contains("\"origin\"")).expect("a line");
    for part in ["https://app.example", "gw.internal", "http.allowed_origins"] {
        assert!(line.contains(part), "{line}");
    }
}
