//! Calls in JSON, as scripts and pages make them.

use serde_json::{Value, json};

use super::*;

const STATUS: &str = "/floodway.admin.v1.Admin/GetStatus";
const WATCH: &str = "/floodway.admin.v1.Admin/WatchStatus";
const UNARY: &str = "Content-Type: application/json";
const STREAM: &str = "Content-Type: application/connect+json";

/// The status, the head and the body of what is answered to `body`, sent with these lines in the head.
async fn post(private: &Private, path: &str, headers: &[&str], body: &[u8]) -> (u16, String, Vec<u8>) {
    let length = format!("Content-Length: {}", body.len());
    let lines = [&["Host: localhost", "Connection: close", &length], headers].concat();
    let mut socket = TcpStream::connect(private.admin.address()).await.expect("up");
    let head = format!("POST {path} HTTP/1.1\r\n{}\r\n\r\n", lines.join("\r\n"));
    socket.write_all(&[head.as_bytes(), body].concat()).await.expect("sent");
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).await.expect("an answer");
    let end = answer.windows(4).position(|end| end == b"\r\n\r\n").expect("a head");
    let head = String::from_utf8(answer[..end].to_vec()).expect("text");
    (head[9..12].parse().expect("a status"), head, answer[end + 4..].to_vec())
}

/// The same, as JSON.
async fn call(private: &Private, path: &str, headers: &[&str], body: &Value) -> (u16, Value) {
    let (status, _, body) = post(private, path, headers, body.to_string().as_bytes()).await;
    (status, serde_json::from_slice(&body).expect("JSON"))
}

fn framed(json: &Value) -> Vec<u8> {
    let text = json.to_string();
    let length = u32::try_from(text.len()).unwrap().to_be_bytes();
    [&[0][..], &length, text.as_bytes()].concat()
}

#[tokio::test]
async fn a_call_answers_in_json_with_its_defaults() {
    let private = Private::start(None).await;
    let (status, answer) = call(&private, STATUS, &[UNARY], &json!({})).await;
    assert_eq!((status, &answer["status"]["draining"]), (200, &json!(false)), "{answer}");
    assert_eq!(answer["status"]["connections"]["opened"], "0", "64-bit numbers are texts");
    let utf8 = ["content-type: application/json; charset=utf-8", "Connect-Protocol-Version: 1"];
    let spread = call(&private, "/floodway.admin.v1.Admin/Drain", &utf8, &json!({"spread": "90s"})).await;
    assert_eq!((spread.0, &spread.1["drain"]["spread"]), (200, &json!("90s")));
    let health = call(&private, "/grpc.health.v1.Health/Check", &[UNARY], &json!({})).await;
    assert_eq!(health, (200, json!({"status": "NOT_SERVING"})));
    private.stop().await;
}

#[tokio::test]
async fn errors_have_the_form_of_connect_and_name_the_field() {
    let private = Private::start(None).await;
    let admin = |name: &str| format!("/floodway.admin.v1.Admin/{name}");
    for (name, asked, status, code, part) in [
        ("GetTenant", json!({"tenantId": ""}), 400, "invalid_argument", "tenant_id: "),
        ("GetTenant", json!({"tenant": "T"}), 400, "invalid_argument", "unrecognized field name 'tenant'"),
        ("GetConnection", json!({"connectionId": "0-1"}), 404, "not_found", ""),
        ("GetLimits", json!({"tenantId": "T"}), 503, "unavailable", ""),
        ("GetNothing", json!({}), 404, "unimplemented", "unknown call"),
    ] {
        let (answered, error) = call(&private, &admin(name), &[UNARY], &asked).await;
        assert_eq!((answered, &error["code"]), (status, &json!(code)), "{name}: {error}");
        assert!(error["message"].as_str().unwrap().contains(part), "{error}");
    }
    let (status, _, _) = post(&private, STATUS, &[UNARY], b"").await;
    assert_eq!(status, 400, "no JSON at all");
    let (status, _, _) = post(&private, STATUS, &[UNARY], &vec![b' '; 4 * 1024 * 1024 + 1]).await;
    assert_eq!(status, 413);
    let get = private.ask(&format!("GET {STATUS}"), &format!("{UNARY}\r\n")).await;
    assert!(get.starts_with("HTTP/1.1 405 ") && get.contains("allow: POST\r\n"), "{get}");
    private.stop().await;
}

#[tokio::test]
async fn only_what_no_foreign_page_may_send_is_heard() {
    let private = Private::start(None).await;
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/connect+json",
        "application/grpc-web",
    ] {
        let (status, error) = call(&private, STATUS, &[&format!("Content-Type: {kind}")], &json!({})).await;
        assert_eq!((status, &error["code"]), (415, &json!("invalid_argument")), "{kind}: {error}");
    }
    let (status, error) = call(&private, WATCH, &[UNARY], &json!({})).await;
    assert!(status == 415 && error["message"].as_str().unwrap().contains("connect+json"), "{error}");
    for (origin, expected) in [("http://evil.example", 403), ("null", 403), ("http://localhost", 200)] {
        let origin = format!("Origin: {origin}");
        for (path, kind, body) in
            [(STATUS, UNARY, b"{}".to_vec()), (WATCH, STREAM, framed(&json!({"busiestTenants": -1})))]
        {
            let (status, head, _) = post(&private, path, &[kind, &origin], &body).await;
            assert_eq!(status, expected, "{origin}: {head}");
            assert!(!head.contains("access-control-"), "{head}");
        }
    }
    let rebound = private
        .ask_at("rebound.example", &format!("POST {STATUS}"), &format!("{UNARY}\r\n"))
        .await;
    assert!(rebound.starts_with("HTTP/1.1 403 ") && rebound.contains("permission_denied"), "{rebound}");
    for path in ["/", "/metrics", "/nothing"] {
        let refused = private.ask(&format!("GET {path}"), "Origin: http://evil.example\r\n").await;
        assert!(refused.starts_with("HTTP/1.1 403 "), "{path}: {refused}");
    }
    private.stop().await;
}

#[tokio::test]
async fn tokens_hold_as_for_grpc_and_the_page_needs_none() {
    let private = Private::start(Some("s3cret")).await;
    let page = private.ask("GET /", "").await;
    assert!(page.starts_with("HTTP/1.1 200 ") && page.contains("content-security-policy: "), "{page}");
    let drain = "/floodway.admin.v1.Admin/Drain";
    for (path, token, status, code) in [
        (STATUS, "", 401, json!("unauthenticated")),
        (STATUS, "wrong", 401, json!("unauthenticated")),
        (STATUS, "s3cret-read", 200, Value::Null),
        (drain, "s3cret-read", 403, json!("permission_denied")),
        (drain, "s3cret", 200, Value::Null),
    ] {
        let token = format!("Authorization: Bearer {token}");
        let (answered, answer) = call(&private, path, &[UNARY, &token], &json!({})).await;
        assert_eq!((answered, &answer["code"]), (status, &code), "{token}: {answer}");
    }
    let (status, _, body) = post(&private, WATCH, &[STREAM], &framed(&json!({}))).await;
    let text = String::from_utf8_lossy(&body);
    assert!(status == 200 && text.contains(r#"{"error":{"code":"unauthenticated","#), "{text}");
    private.stop().await;
}

#[tokio::test]
async fn a_stream_comes_in_frames_and_tells_why_it_ended_in_the_last() {
    let private = Private::start(None).await;
    let stream = async |asked: &[u8], timeout: &str| {
        let (status, head, body) = post(&private, WATCH, &[STREAM, timeout], asked).await;
        assert_eq!(status, 200, "{head}");
        assert!(head.contains("content-type: application/connect+json"), "{head}");
        String::from_utf8_lossy(&body).into_owned()
    };
    // The client waits long enough for the first answer, and not for ever.
    let text = stream(&framed(&json!({"interval": "60s"})), "Connect-Timeout-Ms: 2000").await;
    assert!(text.contains(r#"{"status":{"node":"#), "{text}");
    assert!(text.contains(r#"{"error":{"code":"deadline_exceeded","#), "{text}");
    for (asked, timeout, code) in [
        (framed(&json!({"busiestTenants": 101})), "", "invalid_argument"),
        (framed(&json!({"intervals": "1s"})), "", "invalid_argument"),
        (b"{}".to_vec(), "", "invalid_argument"),
        ([framed(&json!({})), framed(&json!({}))].concat(), "", "invalid_argument"),
        (b"\x01\0\0\0\x02{}".to_vec(), "", "unimplemented"),
        (framed(&json!({})), "Connect-Timeout-Ms: soon", "invalid_argument"),
    ] {
        let timeout = if timeout.is_empty() { "X-None: 1" } else { timeout };
        let text = stream(&asked, timeout).await;
        assert!(text.contains(&format!(r#"{{"error":{{"code":"{code}","#)), "{code}: {text}");
    }
    private.stop().await;
}
