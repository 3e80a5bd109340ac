//! Tests of `cli::demo::welcome`.

use std::time::{Duration, UNIX_EPOCH};

use super::*;

fn welcome(page: bool, in_use: Option<&str>) -> String {
    let address = |text: &str| text.parse().expect("an address");
    let welcome = Welcome {
        gateway: address("127.0.0.1:8080"),
        page,
        admin: address("127.0.0.1:9090"),
        admin_tls: false,
        in_use: in_use.map(str::to_owned),
        broker_v4: address("127.0.0.1:40001"),
        broker_v5: address("127.0.0.1:40002"),
        devices: 14,
        tenants: &["acme", "globex"],
        token: "a.b.c",
        expires_at: UNIX_EPOCH + Duration::from_secs(1_771_243_200),
    };
    welcome.to_string()
}

#[test]
fn every_command_is_there_to_be_copied() {
    let text = welcome(true, None);
    let lines: Vec<&str> = text.lines().collect();
    for line in [
        "http://127.0.0.1:8080/#token=a.b.c",
        "  operator  http://127.0.0.1:9090/ (gRPC and JSON too; /metrics)",
        "Or paste a token of acme, valid until 2026-02-16T12:00:00Z, then a command:",
        "TOKEN=a.b.c",
        r#"curl -N -H "Authorization: Bearer $TOKEN" http://127.0.0.1:8080/api/v1/customer/telemetry/stream/sse"#,
        r#"websocat "ws://127.0.0.1:8080/api/v1/customer/telemetry/stream?token=$TOKEN""#,
        r#"mosquitto_pub -h 127.0.0.1 -p 40001 -t tenant/acme/device/my-device/telemetry -m '{"metrics":{"temperature":21.50}}'"#,
    ] {
        assert!(lines.contains(&line), "{line}\nin\n{text}");
    }
}

#[test]
fn the_address_of_the_page_comes_first_if_it_is_served() {
    let address =
        |text: String| text.lines().find_map(|line| line.split_once("http://").map(|(_, rest)| rest.to_owned()));
    assert_eq!(address(welcome(true, None)).unwrap(), "127.0.0.1:8080/#token=a.b.c");
    let text = welcome(false, None);
    assert!(text.contains("  gateway   http://127.0.0.1:8080\n") && !text.contains("#token"), "{text}");
}

#[test]
fn an_address_in_use_is_named() {
    let text = welcome(true, Some("127.0.0.1:80"));
    assert!(
        text.starts_with("floodway ") && text.contains("demo. Ctrl-C ends it. (127.0.0.1:80 is in use)\n"),
        "{text}"
    );
}
