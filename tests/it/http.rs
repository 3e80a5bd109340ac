//! The public listener as HTTP: paths, methods, headers, both versions, and signs of life.

use bytes::Bytes;
use floodway_tests::raw::{FIN, Raw, frame, opcode, upgrade_request};
use floodway_tests::stream::h2_client;
use floodway_tests::{Broker, Gateway, SSE_PATH, STATUS_PATH, Sse, WS_PATH, Ws, token, within};
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use reqwest::Method;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

#[tokio::test]
async fn paths_and_methods_have_their_statuses_and_every_error_is_json() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    for (method, path, status) in [
        (Method::GET, WS_PATH, 426),
        (Method::POST, WS_PATH, 405),
        (Method::DELETE, WS_PATH, 405),
        (Method::POST, SSE_PATH, 405),
        (Method::PUT, STATUS_PATH, 405),
        (Method::POST, "/livez", 405),
        (Method::GET, "/", 404),
        (Method::GET, "/api/v1/customer/telemetry", 404),
        (Method::GET, "/api/v1/customer/telemetry/stream/", 404),
        (Method::GET, "/api/v1/customer/telemetry/stream/ws", 404),
        (Method::POST, "/nowhere", 404),
        (Method::GET, "/metrics", 404),
        (Method::GET, SSE_PATH, 401),
        (Method::GET, STATUS_PATH, 200),
        (Method::GET, "/livez", 200),
        (Method::GET, "/readyz", 200),
    ] {
        let request = gateway.http().request(method.clone(), gateway.url(path));
        let response = within("an answer", request.send()).await.expect("an answer");
        assert_eq!(response.status(), status, "{method} {path}");
        if status >= 400 {
            assert_eq!(response.headers()["content-type"], "application/json", "{method} {path}");
            let body: Value = response.json().await.expect("JSON");
            assert!(body["detail"].is_string(), "{method} {path}: {body}");
        }
    }
}

#[tokio::test]
async fn a_wrong_method_is_told_the_right_one_and_a_plain_get_the_upgrade() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let post = gateway.http().post(gateway.url(SSE_PATH)).send().await.expect("an answer");
    assert!(post.headers()["allow"].to_str().expect("text").contains("GET"), "RFC 9110, 15.5.6");
    let get = gateway.http().get(gateway.url(WS_PATH)).send().await.expect("an answer");
    assert_eq!(get.headers()["upgrade"], "websocket", "RFC 9110, 15.5.22");
}

#[tokio::test]
async fn an_sse_answer_has_the_contracts_headers() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let sse = gateway.sse("T1", "").await;
    let head = sse.head();
    assert!(head["content-type"].to_str().expect("text").starts_with("text/event-stream"));
    assert_eq!(head["cache-control"], "no-cache");
    assert_eq!(head["connection"], "keep-alive");
    assert_eq!(head["x-accel-buffering"], "no");
}

#[tokio::test]
async fn an_allowed_origin_may_read_the_answer() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).env("FLOODWAY_ALLOWED_ORIGINS", "https://app.example").await;
    let good = token("T1").sign();
    let allowed = gateway.sse_response(Some(&good), "", &[("origin", "https://app.example")]).await;
    assert_eq!(allowed.headers()["access-control-allow-origin"], "https://app.example");
    let none = gateway.sse_response(Some(&good), "", &[]).await;
    assert!(!none.headers().contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn http_2_without_tls_streams_as_well() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let request = h2_client().get(gateway.url(SSE_PATH)).bearer_auth(token("T1").sign());
    let response = within("an answer", request.send()).await.expect("an answer");
    assert_eq!(response.version(), http::Version::HTTP_2);
    assert_eq!(response.status(), 200);
    assert!(!response.headers().contains_key("connection"), "RFC 9113, 8.2.2");
    let mut sse = Sse::of(response);
    sse.read_connected().await;
    let mut publisher = broker.publisher().await;
    publisher.count("T1", "A", 0..100).await;
    sse.expect_numbers(0..100).await;
    // Larger than any window or buffer on the way.
    let pad = "x".repeat(100_000);
    for n in 0..10 {
        let payload = json!({"metrics": {"n": n, "pad": pad}}).to_string();
        publisher.telemetry("T1", "A", payload).await;
        sse.expect_numbers(n..n + 1).await;
    }
    drop(sse);
    gateway.has_connections(0).await;
}

#[tokio::test]
async fn two_streams_share_one_http_2_connection() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let socket = tokio::net::TcpStream::connect(gateway.address()).await.expect("the gateway accepts");
    let shaken = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(socket)).await;
    let (mut sender, connection) = shaken.expect("HTTP/2");
    tokio::spawn(connection);
    let mut bodies = Vec::new();
    for tenant in ["T1", "T2"] {
        let request = http::Request::get(gateway.url(SSE_PATH))
            .header("authorization", format!("Bearer {}", token(tenant).sign()))
            .body(Empty::<Bytes>::new())
            .expect("a request");
        let response = within("an answer", sender.send_request(request)).await.expect("an answer");
        assert_eq!(response.status(), 200);
        bodies.push((tenant, response.into_body()));
    }
    gateway.has_connections(2).await;
    let mut publisher = broker.publisher().await;
    for (tenant, body) in &mut bodies {
        publisher.telemetry(tenant, "A", r#"{"metrics":{"n":1}}"#).await;
        let mut text = String::new();
        while !text.contains("telemetry") {
            let part = within("a part of the body", body.frame()).await.expect("more").expect("a frame");
            text.push_str(std::str::from_utf8(part.data_ref().expect("data")).expect("UTF-8"));
        }
        assert!(text.contains(&format!(r#""tenant_id":"{tenant}""#)), "{text}");
    }
    drop(bodies.pop());
    gateway.has_connections(1).await;
}

fn is_milliseconds_of_utc(text: &str) -> bool {
    let form = "0000-00-00T00:00:00.000Z";
    text.len() == form.len()
        && text.chars().zip(form.chars()).all(
            |(own, form)| {
                if form == '0' { own.is_ascii_digit() } else { own == form }
            },
        )
}

#[tokio::test]
async fn silence_is_broken_by_pings_and_comments() {
    let broker = Broker::start().await;
    let launch = Gateway::start(&broker).env("FLOODWAY_STREAM_WS_PING_SECONDS", "0.3");
    let gateway = launch.env("FLOODWAY_STREAM_SSE_KEEPALIVE_SECONDS", "0.3").await;
    let (mut ws, mut sse) = (gateway.ws("T1", "").await, gateway.sse("T1", "").await);
    for _ in 0..3 {
        let ping = ws.next_ping().await;
        let ts = ping.strip_prefix(r#"{"type":"ping","ts":""#).and_then(|rest| rest.strip_suffix(r#""}"#));
        assert!(ts.is_some_and(is_milliseconds_of_utc), "{ping}");
        let comment = sse.next_comment().await;
        let ts = comment.strip_prefix(": keepalive ");
        assert!(ts.is_some_and(is_milliseconds_of_utc), "{comment}");
    }
}

#[tokio::test]
async fn a_protocol_ping_is_answered_with_its_payload() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let mut raw = Raw::websocket(gateway.address(), &token("T1").sign(), "").await;
    for payload in [&b""[..], b"are you there", &[0xff; 125]] {
        raw.write(&frame(FIN | opcode::PING, payload)).await.expect("it is open");
        assert_eq!(raw.read_frame().await, Some((FIN | opcode::PONG, payload.to_vec())));
    }
    raw.write(&frame(FIN | opcode::PONG, b"unasked")).await.expect("it is open");
    raw.write(&frame(FIN | opcode::CLOSE, &[&1000_u16.to_be_bytes()[..], b"bye"].concat()))
        .await
        .expect("it is open");
    assert_eq!(raw.close_code().await, Some(1000));
}

#[tokio::test]
async fn frames_sent_right_behind_the_handshake_are_read() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let mut raw = Raw::connect(gateway.address()).await;
    let mut bytes = upgrade_request(&token("T1").sign(), "").into_bytes();
    bytes.extend(frame(FIN | opcode::TEXT, br#"{"action":"ping"}"#));
    bytes.extend(frame(opcode::TEXT, br#"{"action":"#));
    bytes.extend(frame(FIN | opcode::PING, b"between"));
    bytes.extend(frame(FIN | opcode::CONTINUATION, br#""get_filters"}"#));
    raw.write(&bytes).await.expect("it is accepted");
    assert!(raw.read_head().await.starts_with("HTTP/1.1 101 "));
    let mut texts = Vec::new();
    let mut pong = false;
    while texts.len() < 3 {
        let (first, payload) = raw.read_frame().await.expect("a frame");
        if first == FIN | opcode::PONG {
            pong = true;
            continue;
        }
        let message: Value = serde_json::from_slice(&payload).expect("JSON");
        texts.push(message["type"].as_str().expect("a type").to_owned());
    }
    assert_eq!(texts, ["connected", "pong", "filters"]);
    assert!(pong, "a control frame between fragments is answered");
}

#[tokio::test]
async fn a_handshake_byte_by_byte_is_a_handshake() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let mut raw = Raw::connect(gateway.address()).await;
    let mut bytes = upgrade_request(&token("T1").sign(), "").into_bytes();
    bytes.extend(frame(FIN | opcode::TEXT, br#"{"action":"ping"}"#));
    for byte in bytes {
        raw.write(&[byte]).await.expect("it is open");
        tokio::task::yield_now().await;
    }
    assert!(raw.read_head().await.starts_with("HTTP/1.1 101 "));
    assert!(raw.read_frame().await.expect("connected").1.starts_with(br#"{"type":"connected""#));
    assert_eq!(raw.read_frame().await.expect("pong").1, br#"{"type":"pong"}"#);
}

#[tokio::test]
async fn a_large_message_is_refused_with_1009_and_one_within_the_bound_is_not() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).env("FLOODWAY_STREAM_CLIENT_MESSAGE_BYTES", "1000").await;
    let mut ws = gateway.ws("T1", "").await;
    let fits = format!("{:<1000}", r#"{"action":"ping"}"#);
    ws.send(fits.clone()).await;
    ws.expect_json(json!({"type": "pong"})).await;
    ws.send(format!("{fits} ")).await;
    assert_eq!(ws.close_code().await.0, 1009);
}

#[tokio::test]
async fn a_binary_message_does_not_take_the_stream_down_with_others() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let (mut binary, mut neighbour) = (gateway.ws("T1", "").await, gateway.ws("T1", "").await);
    binary.send_frame(Message::Binary(Bytes::from_static(b"\x00\x01"))).await;
    // Refused by an error or by a close (1003, RFC 6455, 7.4.1): told either way.
    match binary.message().await {
        Ok(text) => assert!(text.starts_with(r#"{"type":"error""#), "{text}"),
        Err((code, _)) => assert_eq!(code, 1003),
    }
    broker.publisher().await.count("T1", "A", 0..1).await;
    neighbour.expect_numbers(0..1).await;
}

#[tokio::test]
async fn one_connection_serves_requests_and_then_a_stream() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let mut raw = Raw::connect(gateway.address()).await;
    for _ in 0..3 {
        raw.write(format!("GET {STATUS_PATH} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes())
            .await
            .expect("it is open");
        let head = raw.read_head().await.to_lowercase();
        assert!(head.starts_with("http/1.1 200 ") && head.contains("content-length: 43\r\n"), "{head}");
        assert_eq!(raw.read_exactly(43).await, br#"{"total_connections":0,"max_per_tenant":10}"#);
    }
    raw.write(upgrade_request(&token("T1").sign(), "").as_bytes()).await.expect("it is open");
    assert!(raw.read_head().await.starts_with("HTTP/1.1 101 "));
    assert!(raw.read_frame().await.expect("connected").1.starts_with(br#"{"type":"connected""#));
}

#[tokio::test]
async fn a_refusal_of_a_websocket_is_told_by_a_close_and_not_by_a_status() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let opened = Ws::open(gateway.address(), WS_PATH, &[]).await;
    assert_eq!(opened.expect("an upgrade").close_code().await.0, 4001);
}

#[tokio::test]
async fn silent_connections_make_room_for_those_who_ask_something() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).env("FLOODWAY_HTTP_PENDING", 4).await;
    let mut live = gateway.ws("TENANT1", "").await;
    let mut silent = Vec::new();
    for _ in 0..20 {
        silent.push(Raw::connect(gateway.address()).await);
    }
    let (status, _) = within("an answer", gateway.get("/livez")).await;
    assert_eq!(status, 200);
    let mut publisher = broker.publisher().await;
    publisher.count("TENANT1", "A", 0..1).await;
    assert_eq!(live.next().await["metrics"]["n"], 0, "streams are not cut");
}
