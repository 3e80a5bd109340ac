//! `floodway top` in a terminal, with Python's pty and pyte: its screen, its keys, its end.

use floodway_tests::broker::free_port;
use floodway_tests::gateway::{Launch, binary};
use floodway_tests::process::{Process, script};
use floodway_tests::{Broker, Gateway, Publisher, Ws, token, wait_until};
use serde_json::json;

fn launch(broker: &Broker, admin_port: u16) -> Launch {
    Gateway::start(broker)
        .env("FLOODWAY_ADMIN_LISTEN", format!("127.0.0.1:{admin_port}"))
        .env("STREAM_QUEUE_SIZE", 50)
}

/// A stream of `busy` that reads nothing from now on.
async fn stalled(gateway: &Gateway) -> Ws {
    let signed = token("busy").claim("sub", json!("stalled")).sign();
    let path = floodway_tests::WS_PATH;
    let mut ws = Ws::open_narrow(gateway.address(), path, &signed).await;
    ws.read_connected().await;
    ws
}

/// Events of `busy` that `reader` gets too, one for each look at the condition.
async fn events(publisher: &mut Publisher, reader: &mut Ws) {
    let payload = json!({"metrics": {"pad": "x".repeat(10_000)}}).to_string();
    publisher.telemetry("busy", "A", payload).await;
    reader.next_event().await;
}

#[tokio::test]
async fn top_shows_sorts_disconnects_outlives_the_gateway_and_gives_the_terminal_back() {
    let broker = Broker::start().await;
    let port = free_port();
    let gateway = launch(&broker, port).await;
    let _stalled = stalled(&gateway).await;
    let _calm = gateway.ws("calm", "").await;
    let mut reader = gateway.ws("busy", "").await;
    let mut publisher = broker.publisher().await;
    let mut command = script("top_terminal.py");
    command.arg(binary()).arg(format!("http://127.0.0.1:{port}"));
    let mut terminal = Process::start("top_terminal.py", command);
    wait_until("the terminal is done with the gateway", async || {
        events(&mut publisher, &mut reader).await;
        terminal.logged(|line| line == "stop the gateway") || !terminal.runs()
    })
    .await;
    drop((reader, gateway));
    wait_until("it has shown that the gateway is gone", async || {
        terminal.logged(|line| line == "start the gateway") || !terminal.runs()
    })
    .await;
    let _again = launch(&broker, port).await;
    assert_eq!(terminal.ended().await.code(), Some(0));
    assert!(terminal.logged(|line| line == "all is well"));
}
