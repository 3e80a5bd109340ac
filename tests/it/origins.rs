//! Pages of other origins: which may connect, and what their browsers are told.

use floodway_tests::raw::{Raw, upgrade_request};
use floodway_tests::stream::h2_client;
use floodway_tests::{Broker, Gateway, SSE_PATH, WS_PATH, token, wait_until, within};
use reqwest::Method;

#[tokio::test]
async fn an_allowed_origin_may_read_every_answer_of_the_streams() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).env("FLOODWAY_ALLOWED_ORIGINS", "https://app.example:443").await;
    let good = token("T1").sign();
    for client in [gateway.http().clone(), h2_client()] {
        for (method, path, token, status) in [
            (Method::GET, SSE_PATH, good.as_str(), 200),
            (Method::GET, SSE_PATH, "bad", 401),
            (Method::GET, "/api/v1/customer/telemetry/stream/sse?device=A", &good, 400),
            (Method::OPTIONS, SSE_PATH, "", 204),
            (Method::POST, SSE_PATH, "", 405),
            (Method::GET, WS_PATH, "", 426),
        ] {
            let request = client.request(method, gateway.url(path)).bearer_auth(token);
            let request = request.header("origin", "https://app.example");
            let response = within("an answer", request.send()).await.expect("an answer");
            assert_eq!(response.status(), status, "{path}");
            let head = response.headers();
            assert_eq!(head["access-control-allow-origin"], "https://app.example");
            assert_eq!(head["access-control-allow-credentials"], "true");
            assert_eq!(head["access-control-expose-headers"], "Retry-After");
            assert_eq!(head["vary"], "Origin");
        }
    }
    let none = gateway.sse_response(Some(&good), "", &[]).await;
    assert!(!none.headers().contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn where_all_origins_are_allowed_none_may_send_credentials() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).env("FLOODWAY_ALLOWED_ORIGINS", "*").await;
    let good = token("T1").sign();
    for token in [good.as_str(), "bad"] {
        let origin = [("origin", "https://app.example")];
        let response = gateway.sse_response(Some(token), "", &origin).await;
        let head = response.headers();
        assert_eq!(head["access-control-allow-origin"], "https://app.example");
        assert!(!head.contains_key("access-control-allow-credentials"));
    }
}

#[tokio::test]
async fn a_port_that_the_scheme_implies_makes_no_page_foreign() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    for (host, origin, status) in [
        ("gw.example:443", "https://gw.example", "101"),
        ("gw.example:80", "http://gw.example", "101"),
        ("gw.example", "https://gw.example:443", "101"),
        ("gw.example:80", "https://gw.example", "403"),
        ("gw.internal", "https://gw.example", "403"),
    ] {
        let request = upgrade_request(&token("T1").sign(), "")
            .replace("Host: localhost\r\n", &format!("Host: {host}\r\nOrigin: {origin}\r\n"));
        let mut raw = Raw::connect(gateway.address()).await;
        raw.write(request.as_bytes()).await.expect("it is taken");
        let head = raw.read_head().await;
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{host} {origin}: {head}");
    }
    wait_until("the log names the fix", async || {
        let log = gateway.log();
        log.iter()
            .any(|line| line.contains("add it to http.allowed_origins") && line.contains("gw.example"))
    })
    .await;
}
