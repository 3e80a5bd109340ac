//! The plain half of the private listener.

use super::*;

#[tokio::test]
async fn metrics_are_served_and_other_paths_are_not() {
    let private = Private::start(None).await;
    let metrics = private.ask("GET /metrics", "").await;
    assert!(metrics.starts_with("HTTP/1.1 200 OK\r\n"), "{metrics}");
    assert!(metrics.contains("content-type: text/plain; version=0.0.4; charset=utf-8\r\n"));
    assert!(metrics.contains("\nfloodway_broker_up 0\n"));
    assert!(metrics.contains("\nfloodway_connections_limit 1000\n"));
    assert!(metrics.contains("\nfloodway_inbox_capacity_items{shard=\"1\"} 64\n"));
    let tenants = private.ask("GET /metrics/tenants", "").await;
    assert!(tenants.starts_with("HTTP/1.1 200 OK\r\n"), "{tenants}");
    assert!(tenants.contains("\nfloodway_tenant_drops_total{tenant=\"_other\"} 0\n"));

    let other = private.ask("GET /api/v1/telemetry/stream/status", "").await;
    assert!(other.starts_with("HTTP/1.1 404 "), "{other}");
    assert!(other.ends_with("\r\n\r\n{\"detail\":\"Not found\"}"), "{other}");
    for request in ["DELETE /metrics", "POST /metrics/tenants"] {
        let wrong = private.ask(request, "").await;
        assert!(wrong.starts_with("HTTP/1.1 405 ") && wrong.contains("allow: GET\r\n"), "{wrong}");
    }
    private.stop().await;
}

#[tokio::test]
async fn with_a_token_nothing_is_answered_without_it() {
    let private = Private::start(Some("s3cret")).await;
    for (path, headers) in [
        ("/metrics", ""),
        ("/metrics", "Authorization: Bearer wrong\r\n"),
        ("/metrics/tenants", ""),
        ("/metrics/tenants", "Authorization: Bearer wrong-read\r\n"),
        ("/nothing", ""),
    ] {
        let refused = private.ask(&format!("GET {path}"), headers).await;
        assert!(refused.starts_with("HTTP/1.1 401 "), "{refused}");
        assert!(refused.contains("www-authenticate: Bearer\r\n"), "{refused}");
        assert!(!refused.contains("floodway_"), "{refused}");
    }
    for path in ["/metrics", "/metrics/tenants"] {
        for token in ["s3cret", "s3cret-read"] {
            let headers = format!("Authorization: Bearer {token}\r\n");
            let page = private.ask(&format!("GET {path}"), &headers).await;
            assert!(page.starts_with("HTTP/1.1 200 OK\r\n"), "{page}");
        }
    }
    private.stop().await;
}

#[tokio::test]
async fn a_web_page_can_not_speak_grpc_over_http_1() {
    let private = Private::start(None).await;
    let call = "POST /floodway.admin.v1.Admin/GetStatus";
    let answer = private.ask(call, "Content-Type: application/grpc\r\nContent-Length: 0\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 415 ") && answer.contains("gRPC needs HTTP/2"), "{answer}");
    private.stop().await;
}

#[test]
fn an_address_in_use_is_an_error() {
    let config = |listen: String| Config { listen, ..Config::default() };
    let first = Listener::open(&config("127.0.0.1:0".to_owned()), None).expect("a port");
    let taken = first.socket.local_addr().expect("an address").to_string();
    let error = Listener::open(&config(taken), None).err().expect("taken");
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
}

#[tokio::test]
async fn a_page_whose_name_leads_here_gets_no_answer() {
    let open = Private::start(None).await;
    for host in ["rebound.example", "rebound.example:9090", "localhost.example"] {
        let refused = open.ask_at(host, "GET /metrics", "").await;
        assert!(refused.starts_with("HTTP/1.1 403 "), "{host}: {refused}");
        assert!(!refused.contains("floodway_"), "{host}: {refused}");
    }
    for host in ["localhost:9090", "LOCALHOST", "127.0.0.1:9090", "[::1]:9090"] {
        let page = open.ask_at(host, "GET /metrics", "").await;
        assert!(page.starts_with("HTTP/1.1 200 "), "{host}: {page}");
    }
    open.stop().await;
    let guarded = Private::start(Some("s3cret")).await;
    let headers = "Authorization: Bearer s3cret\r\n";
    let page = guarded.ask_at("gateway.example", "GET /metrics", headers).await;
    assert!(page.starts_with("HTTP/1.1 200 "), "{page}");
    guarded.stop().await;
}
