//! The commands of the binary: exit codes, refusals, and the orderly end.

use std::net::TcpListener;

use floodway_tests::gateway::{Launch, floodway_run};
use floodway_tests::token::SECRET;
use floodway_tests::{Broker, Gateway, token};
use futures_util::future::join_all;
use serde_json::json;

use crate::settings::file;

const KEY: (&str, &str) = ("FLOODWAY_JWT_SECRET", SECRET);

#[tokio::test]
async fn serve_refuses_to_start_without_a_key() {
    let refused = floodway_run(&["serve"], &[("FLOODWAY_LISTEN", "127.0.0.1:0")]).await;
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(refused.stderr.contains("auth.hs256_secret"), "it names the setting: {}", refused.stderr);
    assert!(refused.stderr.contains("FLOODWAY_JWT_SECRET"), "it names the fix: {}", refused.stderr);
}

#[tokio::test]
async fn wrong_usage_exits_with_2() {
    for arguments in [
        &["frobnicate"][..],
        &["serve", "--nonsense"],
        &["serve", "--config"],
        &["token"],
        &["token", "--tenant", "T1", "--ttl", "soon"],
        &["serve", "--config", "no-such-file.toml"],
    ] {
        let refused = floodway_run(arguments, &[KEY]).await;
        assert_eq!(refused.code, Some(2), "{arguments:?}: {}", refused.stderr);
        assert!(!refused.stderr.is_empty(), "{arguments:?} is refused in silence");
    }
}

#[tokio::test]
async fn a_wrong_value_is_named_with_its_setting() {
    for (name, value, setting) in [
        ("STREAM_QUEUE_SIZE", "many", "stream.queue_size"),
        ("STREAM_QUEUE_SIZE", "0", "stream.queue_size"),
        ("FLOODWAY_OVERFLOW", "drop_all", "stream.overflow"),
        ("FLOODWAY_MQTT_SUBSCRIBE", "sometimes", "mqtt.subscribe"),
        ("MAX_STREAM_CONNECTIONS_PER_TENANT", "-1", "limits.connections_per_tenant"),
        ("MQTT_PORT", "70000", "MQTT_PORT"),
        ("MQTT_URL", "ftp://broker:21", "mqtt.url"),
        ("FLOODWAY_LISTEN", "nowhere", "http.listen"),
        ("FLOODWAY_SHARD_COUNT", "65", "shard.count"),
    ] {
        let refused = floodway_run(&["check"], &[KEY, (name, value)]).await;
        assert_eq!(refused.code, Some(2), "{name}={value}: {}{}", refused.stdout, refused.stderr);
        let told = &refused.stderr;
        assert!(told.contains(name) || told.contains(setting), "{name}={value} is not named: {told}");
        assert!(told.contains(value), "{name}={value}: the value is not told: {told}");
        assert!(!told.contains(SECRET), "a secret is told: {told}");
    }
}

#[tokio::test]
async fn a_public_key_that_is_not_there_is_named() {
    let settings = [("FLOODWAY_JWT_PUBLIC_KEY", "no-such-key.pem")];
    let refused = floodway_run(&["check"], &settings).await;
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(refused.stderr.contains("auth.public_key"), "{}", refused.stderr);
    assert!(refused.stderr.contains("no-such-key.pem"), "{}", refused.stderr);
}

#[tokio::test]
async fn an_unknown_key_names_the_nearest_known_one() {
    for (text, unknown, known) in [
        ("[stream]\nqueue_sise = 5\n", "queue_sise", "queue_size"),
        ("[strem]\nqueue_size = 5\n", "strem", "stream"),
        ("[limits]\nconnection_per_tenant = 5\n", "connection_per_tenant", "connections_per_tenant"),
    ] {
        let (_folder, path) = file(text);
        let refused = floodway_run(&["check", "--config", path.to_str().expect("UTF-8")], &[KEY]).await;
        assert_eq!(refused.code, Some(2), "{text}: {}", refused.stderr);
        assert!(refused.stderr.contains(unknown), "{text}: {}", refused.stderr);
        assert!(refused.stderr.contains(known), "{text}: {}", refused.stderr);
    }
}

#[tokio::test]
async fn check_shows_every_value_with_its_origin_and_no_secret() {
    let (_folder, path) = file("[stream]\nqueue_size = 777\noverflow = \"latest\"\n[mqtt]\npassword = \"hush-hush\"\n");
    let path = path.to_str().expect("UTF-8");
    let settings = [KEY, ("STREAM_QUEUE_SIZE", "888"), ("MQTT_USERNAME", "gateway")];
    let checked = floodway_run(&["check", "--config", path], &settings).await;
    assert_eq!(checked.code, Some(0), "{}", checked.stderr);
    let shown = format!("{}{}", checked.stdout, checked.stderr);
    assert!(!shown.contains(SECRET) && !shown.contains("hush-hush"), "a secret is shown:\n{shown}");
    let line = |name: &str| {
        let found = checked.stdout.lines().find(|line| line.contains(name));
        found.unwrap_or_else(|| panic!("{name} is not shown:\n{shown}")).to_owned()
    };
    assert!(line("queue_size").contains("888") && line("queue_size").contains("STREAM_QUEUE_SIZE"), "{shown}");
    assert!(line("overflow").contains("latest") && line("overflow").contains("floodway.toml"), "{shown}");
    assert!(line("subscribe").contains("on_demand") && line("subscribe").contains("default"), "{shown}");
    line("password");
    line("hs256_secret");
}

#[tokio::test]
async fn a_token_of_the_command_opens_a_stream() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let made = floodway_run(&["token", "--tenant", "TENANT1", "--ttl", "10m"], &[KEY]).await;
    let ws = gateway.ws_with(made.succeeded().trim(), "").await;
    assert_eq!(ws.connected()["tenant_id"], "TENANT1");

    let roles = ["token", "--tenant", "TENANT1", "--role", "visitor", "--role", "guest", "--subject", "me"];
    let made = floodway_run(&roles, &[KEY]).await;
    let refused = gateway.ws_refused(Some(made.stdout.trim()), "").await;
    assert_eq!(refused, (4003, "Unauthorized role".to_owned()));
}

#[tokio::test]
async fn a_short_lived_token_of_the_command_expires() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let made = floodway_run(&["token", "--tenant", "TENANT1", "--ttl", "2s"], &[KEY]).await;
    let mut ws = gateway.ws_with(made.stdout.trim(), "").await;
    assert_eq!(ws.close_code().await, (4001, "Invalid or expired token".to_owned()));
}

#[tokio::test]
async fn an_address_in_use_exits_with_1() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let listen = ("FLOODWAY_LISTEN", address.as_str());
    let admin = ("FLOODWAY_ADMIN_LISTEN", "127.0.0.1:0");
    let failed = floodway_run(&["serve"], &[KEY, listen, admin]).await;
    assert_eq!(failed.code, Some(1), "{}", failed.stderr);
    assert!(failed.stderr.contains(&address), "it names the address: {}", failed.stderr);
}

#[tokio::test]
async fn the_earlier_services_variables_name_the_broker() {
    let broker = Broker::start().await;
    let launch = Gateway::start(&broker).without("MQTT_URL").env("MQTT_HOST", "127.0.0.1");
    let gateway = launch.env("MQTT_PORT", broker.port()).await;
    let mut ws = gateway.ws("T1", "").await;
    broker.publisher().await.count("T1", "A", 0..1).await;
    ws.expect_numbers(0..1).await;
}

#[tokio::test]
async fn sigterm_tells_every_stream_and_exits_with_0() {
    let broker = Broker::start().await;
    let mut gateway = Gateway::start(&broker).env("FLOODWAY_HTTP_DRAIN_SPREAD_SECONDS", "2").await;
    let mut ws = gateway.ws("T1", "").await;
    let mut sse = gateway.sse("T1", "").await;
    gateway.terminate();

    let notice = ws.next().await;
    assert_eq!(notice["type"], "reconnect", "{notice}");
    assert!(notice["after_ms"].as_u64().is_some_and(|after| after <= 2000), "{notice}");
    assert_eq!(ws.close_code().await, (1012, "Server draining".to_owned()));

    let mut retry = None;
    let reconnect = loop {
        let message = sse.next().await;
        retry = message.retry.clone().or(retry);
        if message.event.as_deref() == Some("reconnect") {
            break message;
        }
    };
    let retry = retry.expect("a `retry:` of its own").parse::<u64>().expect("milliseconds");
    assert!(retry <= 2000, "{retry}");
    assert!(reconnect.data.is_some(), "a browser passes over an event without data");
    assert_eq!(sse.take().await, None);
    assert_eq!(gateway.exit_code().await, Some(0));
}

#[tokio::test]
async fn sigterm_without_streams_exits_with_0() {
    let broker = Broker::start().await;
    let mut gateway = Gateway::start(&broker).await;
    gateway.terminate();
    assert_eq!(gateway.exit_code().await, Some(0));
}

#[tokio::test]
async fn a_second_sigterm_does_not_wait_for_the_stalled() {
    let broker = Broker::start().await;
    let patient = Gateway::start(&broker).env("FLOODWAY_HTTP_DRAIN_SECONDS", "600");
    let mut gateway = patient.env("FLOODWAY_STREAM_CLOSE_TIMEOUT_SECONDS", "600").await;
    let _stalled = gateway.ws_narrow("T1", "").await;
    let mut lively = gateway.ws("T1", "").await;
    let mut publisher = broker.publisher().await;
    let pad = "x".repeat(50_000);
    for n in 0..20 {
        publisher.telemetry("T1", "A", json!({"metrics": {"n": n, "pad": pad}}).to_string()).await;
        assert_eq!(lively.next_number().await, n);
    }
    gateway.terminate();
    assert_eq!(lively.next().await["type"], "reconnect");
    assert_eq!(lively.close_code().await.0, 1012);
    assert!(gateway.runs(), "the first one waits for the stalled stream");
    gateway.terminate();
    gateway.exit_code().await;
}

/// A gateway on which a stream holds up the drain for as long as `grace`: its client does not answer the close.
fn held_up(broker: &Broker, grace: &str) -> Launch {
    Gateway::start(broker)
        .env("FLOODWAY_HTTP_DRAIN_SECONDS", grace)
        .env("FLOODWAY_STREAM_CLOSE_TIMEOUT_SECONDS", "600")
        .env("MAX_STREAM_CONNECTIONS_PER_TENANT", "0")
}

#[tokio::test]
async fn a_draining_gateway_takes_nobody_new_and_ends_after_its_grace() {
    let broker = Broker::start().await;
    let mut gateway = held_up(&broker, "10").await;
    let mut ws = gateway.ws("T1", "").await;
    gateway.terminate();
    assert_eq!(ws.next().await["type"], "reconnect");
    let good = token("T1").sign();
    let refused = gateway.ws_refused(Some(&good), "").await;
    assert_eq!(refused, (1012, "Server draining".to_owned()));
    let response = gateway.sse_response(Some(&good), "", &[]).await;
    assert_eq!(response.status(), 503);
    assert!(response.headers().contains_key("retry-after"));
    assert_eq!(gateway.get("/readyz").await.0, 503);
    assert_eq!(gateway.get("/livez").await.0, 200);
    assert_eq!(gateway.exit_code().await, Some(0));
}

#[tokio::test]
async fn every_shard_tells_its_streams_at_once() {
    let broker = Broker::start().await;
    let mut gateway = held_up(&broker, "600").env("FLOODWAY_SHARD_COUNT", "4").await;
    let silent = join_all((0..16).map(|_| gateway.ws("T1", ""))).await;
    let lively = join_all((0..16).map(|_| gateway.ws("T1", ""))).await;
    gateway.terminate();
    for mut ws in lively {
        assert_eq!(ws.next().await["type"], "reconnect");
        assert_eq!(ws.close_code().await.0, 1012);
    }
    assert!(gateway.runs(), "the silent ones hold up the drain");
    drop(silent);
    assert_eq!(gateway.exit_code().await, Some(0));
}
