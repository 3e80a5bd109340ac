//! Request heads: probes, what can't be read, what is too large, over both versions of HTTP.

use floodway_tests::raw::{Raw, upgrade_request};
use floodway_tests::stream::h2_client;
use floodway_tests::{Broker, Gateway, STATUS_PATH, within};
use serde_json::Value;

#[tokio::test]
async fn probes_by_head_have_the_status_and_no_body() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    for client in [gateway.http().clone(), h2_client()] {
        for path in ["/livez", "/readyz", STATUS_PATH] {
            let get = client.get(gateway.url(path)).send().await.expect("an answer");
            let head = client.head(gateway.url(path)).send().await.expect("an answer");
            assert_eq!(head.status(), get.status(), "{path}");
            for name in ["content-length", "content-type"] {
                assert_eq!(head.headers()[name], get.headers()[name], "{path}");
            }
            assert_eq!(head.bytes().await.expect("an end"), "", "{path}");
        }
        let post = client.post(gateway.url("/livez")).send().await.expect("an answer");
        assert_eq!(post.headers()["allow"], "GET, HEAD");
    }
    let mut raw = Raw::connect(gateway.address()).await;
    raw.write(b"HEAD /livez HTTP/1.1\r\nHost: x\r\n\r\nGET /nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .await
        .expect("it is open");
    assert!(raw.read_head().await.starts_with("HTTP/1.1 200 "));
    let next = raw.read_head().await;
    assert!(next.starts_with("HTTP/1.1 404 "), "nothing stands between: {next}");
}

/// The status and the `detail` of the one answer to `request`, behind which the connection ends.
async fn last_answer(gateway: &Gateway, request: &str) -> (String, String) {
    let mut raw = Raw::connect(gateway.address()).await;
    raw.write(request.as_bytes()).await.expect("it is taken");
    let head = raw.read_head().await;
    assert!(head.to_lowercase().contains("content-type: application/json\r\n"), "{head}");
    let body: Value = serde_json::from_slice(&raw.read_to_end().await).expect("JSON");
    let status = head.split(' ').nth(1).expect("a status").to_owned();
    (status, body["detail"].as_str().expect("a text").to_owned())
}

#[tokio::test]
async fn heads_that_cant_be_served_are_answered_in_json() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let too_large = "Request head is too large";
    let with = |more: &str| format!("GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{more}\r\n");
    let cookie = |bytes| with(&format!("Cookie: {}\r\n", "x".repeat(bytes)));
    let fields: String = (0..101).map(|n| format!("X-{n}: 1\r\n")).collect();
    for (request, status, detail) in [
        (cookie(20_000), "431", too_large),
        (cookie(100_000), "431", too_large),
        (with(&fields), "431", too_large),
        (with("host: y\r\n"), "400", "Request can't be read"),
        (with("no colon\r\n"), "400", "Request can't be read"),
        (with("").replace("/livez", "/livez?a=\"b\""), "400", "Request can't be read"),
        // Behind a request that was answered, on the same connection.
        (with("").replace("close", "keep-alive") + "@", "200", ""),
    ] {
        if status == "200" {
            let mut raw = Raw::connect(gateway.address()).await;
            raw.write(request.as_bytes()).await.expect("it is taken");
            assert!(raw.read_head().await.starts_with("HTTP/1.1 200 "));
            assert_eq!(raw.read_exactly(15).await, br#"{"status":"ok"}"#);
            raw.write(b"@@ / HTTP/1.1\r\n\r\n").await.expect("it is taken");
            assert!(raw.read_head().await.starts_with("HTTP/1.1 400 "));
            let end = String::from_utf8(raw.read_to_end().await).expect("text");
            assert!(end.starts_with(r#"{"detail":"Request can't be read"#), "{end}");
            continue;
        }
        let answer = last_answer(&gateway, &request).await;
        assert_eq!(answer, (status.to_owned(), detail.to_owned()), "{:.100}", request);
    }
}

#[tokio::test]
async fn heads_that_cant_be_served_are_answered_in_json_over_http_2_too() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    for (name, value, status) in [("cookie", "x".repeat(20_000), 431), ("host", "elsewhere.example".to_owned(), 400)] {
        let request = h2_client().get(gateway.url("/livez")).header(name, value);
        let response = within("an answer", request.send()).await.expect("an answer");
        assert_eq!(response.version(), http::Version::HTTP_2);
        assert_eq!(response.status(), status, "{name}");
        let body: Value = response.json().await.expect("JSON");
        assert!(body["detail"].is_string(), "{body}");
    }
}

#[tokio::test]
async fn a_websocket_with_a_token_that_is_too_large_is_told_by_its_close() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let huge = "a".repeat(17_000);
    for (token, query) in [(huge.as_str(), ""), ("", &*format!("token={huge}"))] {
        let request = upgrade_request(token, query).replace("Authorization: Bearer \r\n", "");
        let mut raw = Raw::connect(gateway.address()).await;
        raw.write(request.as_bytes()).await.expect("it is taken");
        assert!(raw.read_head().await.starts_with("HTTP/1.1 101 "));
        assert_eq!(raw.close_code().await, Some(4001));
    }
    let (status, _) = last_answer(&gateway, &upgrade_request("a.b.c", &"x".repeat(17_000))).await;
    assert_eq!(status, "431", "only a token is told so");
}
