//! The client against addresses: which are taken, and what is said of one where nobody listens.

use std::net::TcpListener;

use super::*;

#[tokio::test]
async fn a_gateway_that_is_not_there_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let text = format!("http://{address}");
    let url = text.parse().expect("a URL");
    let connected = connect(&url, &Credentials::default()).await;
    let error = connected.map(|_| ()).expect_err("nobody listens");
    assert!(matches!(error, ClientError::Unreachable { .. }), "{error}");
    let error = error.to_string();
    assert!(error.contains(&text) && error.contains("refused"), "{error}");
}

#[test]
fn only_the_url_of_a_listener_is_one() {
    for good in ["http://127.0.0.1:9090", "http://[::1]:9090/", "http://gateway.example:80", "https://localhost:9090"] {
        assert!(good.parse::<GatewayUrl>().is_ok(), "{good}");
    }
    for bad in [
        "",
        "localhost:9090",
        "ftp://localhost:9090",
        "http://localhost",
        "https://localhost",
        "http://x:9/metrics",
        "http://x:9/?a",
    ] {
        assert!(bad.parse::<GatewayUrl>().is_err(), "{bad}");
    }
}
