//! Clients of other languages: Python's `websockets` and curl, as users have them.

use std::process::Command;

use floodway_tests::process::{run, script};
use floodway_tests::{Broker, Gateway, SSE_PATH, WS_PATH, token};

#[tokio::test]
async fn pythons_websockets_lives_a_whole_stream() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).env("STREAM_QUEUE_SIZE", "2000").await;
    let mut command = script("websocket_client.py");
    command.arg(format!("ws://{}{WS_PATH}", gateway.address())).arg(token("T1").sign());
    command.args(["T1", &broker.port().to_string()]);
    let told = run("websocket_client.py", command).await.succeeded();
    assert!(told.ends_with("all is well\n"), "{told}");
    gateway.has_connections(0).await;
}

#[tokio::test]
async fn curl_reads_server_sent_events() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    for version in ["--http1.1", "--http2-prior-knowledge"] {
        let mut command = Command::new("bash");
        command
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/clients/curl_sse.sh"))
            .arg(version)
            .arg(gateway.url(SSE_PATH))
            .arg(token("T1").sign());
        command.args(["T1", &broker.port().to_string()]);
        let finished = run("curl_sse.sh", command).await;
        assert_eq!(finished.code, Some(0), "{version}: {}{}", finished.stdout, finished.stderr);
        let expected = r#"data: {"type":"telemetry","device_id":"DEV-1","tenant_id":"T1","metrics":{"temperature":72.10},"timestamp":null,"topic":"tenant/T1/device/DEV-1/telemetry"}"#;
        assert!(finished.stdout.lines().any(|line| line == expected), "{version}: {}", finished.stdout);
        gateway.has_connections(0).await;
    }
}
