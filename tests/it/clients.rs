//! The client libraries against the real gateway: each story is told once for all of them.

use floodway_tests::broker::free_port;
use floodway_tests::client::Library;
use floodway_tests::gateway::Launch;
use floodway_tests::proxy::Proxy;
use floodway_tests::token::now;
use floodway_tests::{Account, Broker, Client, Gateway, Publisher, token, topic, wait_until};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::admin::ask;

/// The tenant of a client.
fn tenant(client: &Client) -> String {
    format!("{:?}", client.library())
}

/// A client of each library, on that port, with a token of its own tenant.
fn each(port: u16, options: &Value) -> Vec<Client> {
    let start = |library| Client::start(library, port, &token(&format!("{library:?}")).sign(), options.clone());
    Library::ALL.into_iter().map(start).collect()
}

/// The same, once each of them has read `connected`.
async fn connected(port: u16, options: Value) -> Vec<Client> {
    let mut clients = each(port, &options);
    join_all(clients.iter_mut().map(|client| client.expect("connected"))).await;
    clients
}

/// Publishes these numbers for every client.
async fn count(publisher: &mut Publisher, device: &str, numbers: std::ops::Range<u64>) {
    for library in Library::ALL {
        publisher.count(&format!("{library:?}"), device, numbers.clone()).await;
    }
}

fn at(broker: &Broker, port: u16) -> Launch {
    Gateway::start(broker).env("FLOODWAY_LISTEN", format!("127.0.0.1:{port}"))
}

#[tokio::test]
async fn events_arrive_and_a_stream_that_is_closed_leaves_nothing_behind() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let options = json!({"devices": ["A", "B"], "metrics": ["n"], "max_rate": 1000, "overflow": "drop_oldest"});
    let mut clients = connected(gateway.address().port(), options).await;
    let mut publisher = broker.publisher().await;
    count(&mut publisher, "C", 0..5).await;
    for client in &mut clients {
        let payload = r#"{"metrics":{"n":7,"m":8},"ts":"now"}"#;
        publisher.telemetry(&tenant(client), "A", payload).await;
        let event = client.expect("telemetry").await;
        assert_eq!((&event["metrics"], &event["device_id"]), (&json!({"n": 7}), &json!("A")), "{event}");
        assert!(event["id"].is_string(), "{event}");
    }
    gateway.has_connections(3).await;
    join_all(clients.into_iter().map(Client::closes)).await;
    gateway.has_connections(0).await;
}

#[tokio::test]
async fn a_snapshot_comes_first_and_an_earlier_stream_is_gone_on_with() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let port = gateway.address().port();
    let mut publisher = broker.publisher().await;
    for mut early in connected(port, json!({})).await {
        let tenant = tenant(&early);
        publisher.count(&tenant, "A", 0..3).await;
        early.expect_numbers(0..2).await;
        let id = early.expect("telemetry").await["id"].clone();
        let library = early.library();
        early.closes().await;
        publisher.count(&tenant, "A", 3..6).await;
        let start = |options| Client::start(library, port, &token(&tenant).sign(), options);
        start(json!({"last_event_id": id})).expect_numbers(3..6).await;
        let mut shown = start(json!({"snapshot": true}));
        shown.expect("connected").await;
        assert_eq!(shown.expect("telemetry").await["snapshot"], true, "{library:?}");
    }
}

#[tokio::test]
async fn a_connection_that_is_cut_is_gone_on_with_exactly() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let proxy = Proxy::start(gateway.address().port()).await;
    let mut clients = connected(proxy.port(), json!({})).await;
    let mut publisher = broker.publisher().await;
    for start in [0, 100] {
        count(&mut publisher, "A", start..start + 10).await;
        join_all(clients.iter_mut().map(|client| client.expect_numbers(start..start + 10))).await;
        proxy.cut().await;
        count(&mut publisher, "A", start + 10..start + 60).await;
        join_all(clients.iter_mut().map(|client| client.is("waiting"))).await;
        proxy.restore();
        count(&mut publisher, "A", start + 60..start + 100).await;
        join_all(clients.iter_mut().map(|client| client.expect_numbers(start + 10..start + 100))).await;
    }
}

#[tokio::test]
async fn a_gateway_that_is_killed_and_restarts_is_a_gap_and_the_stream_goes_on() {
    let broker = Broker::start().await;
    let port = free_port();
    let gateway = at(&broker, port).await;
    let mut clients = connected(port, json!({})).await;
    let mut publisher = broker.publisher().await;
    count(&mut publisher, "A", 0..10).await;
    join_all(clients.iter_mut().map(|client| client.expect_numbers(0..10))).await;
    drop(gateway);
    join_all(clients.iter_mut().map(|client| client.is("waiting"))).await;
    let _again = at(&broker, port).await;
    for client in &mut clients {
        client.expect("connected").await;
        let gap = client.expect("gap").await;
        assert_eq!((&gap["reason"], &gap["dropped"]), (&json!("replay"), &Value::Null), "{gap}");
    }
    count(&mut publisher, "A", 10..20).await;
    join_all(clients.iter_mut().map(|client| client.expect_numbers(10..20))).await;
}

#[tokio::test]
async fn filters_that_were_changed_survive_a_reconnect() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let proxy = Proxy::start(gateway.address().port()).await;
    let mut clients = connected(proxy.port(), json!({"devices": ["A"]})).await;
    for client in &mut clients {
        let both = json!({"device_ids": ["A", "B"]});
        client.changes(json!({"do": "subscribe", "devices": ["B"]}), "subscribed", both).await;
        let one = json!({"device_ids": ["B"]});
        client.changes(json!({"do": "unsubscribe", "devices": ["A"]}), "unsubscribed", one).await;
        let narrowed = json!({"device_ids": ["B"], "metric_names": ["n"]});
        client
            .changes(json!({"do": "set_metrics", "metrics": ["n"]}), "metrics_updated", narrowed)
            .await;
    }
    proxy.cut().await;
    let mut publisher = broker.publisher().await;
    for device in ["A", "C", "B"] {
        for library in Library::ALL {
            let payload = json!({"metrics": {"n": 1, "of": device}}).to_string();
            publisher.telemetry(&format!("{library:?}"), device, payload).await;
        }
    }
    proxy.restore();
    for client in &mut clients {
        let filters = client.expect("connected").await["filters"].clone();
        assert_eq!((&filters["device_ids"], &filters["metric_names"]), (&json!(["B"]), &json!(["n"])), "{filters}");
        let event = client.expect("telemetry").await;
        assert_eq!((&event["device_id"], &event["metrics"]), (&json!("B"), &json!({"n": 1})), "{event}");
        let all = json!({"device_ids": [], "metric_names": [], "all_devices": true});
        client.changes(json!({"do": "clear_filters"}), "filters_cleared", all).await;
    }
    count(&mut publisher, "C", 2..3).await;
    join_all(clients.iter_mut().map(|client| client.expect_numbers(2..3))).await;
}

#[tokio::test]
async fn nothing_stays_nothing_over_a_reconnect() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let proxy = Proxy::start(gateway.address().port()).await;
    let mut clients = connected(proxy.port(), json!({"devices": ["A"]})).await;
    let mut publisher = broker.publisher().await;
    for client in &mut clients {
        let nothing = json!({"device_ids": [], "group_ids": []});
        client
            .changes(json!({"do": "unsubscribe", "devices": ["A"]}), "unsubscribed", nothing)
            .await;
    }
    proxy.cut().await;
    count(&mut publisher, "A", 0..5).await;
    proxy.restore();
    for client in &mut clients {
        let connected = client.expect("connected").await;
        assert_eq!(connected["filters"]["all_devices"], false, "{connected}");
    }
    count(&mut publisher, "B", 5..10).await;
    for client in &mut clients {
        let one = json!({"device_ids": ["A"]});
        client.changes(json!({"do": "subscribe", "devices": ["A"]}), "subscribed", one).await;
    }
    count(&mut publisher, "A", 10..15).await;
    join_all(clients.iter_mut().map(|client| client.expect_numbers(10..15))).await;
}

#[tokio::test]
async fn a_token_is_renewed_before_it_expires_and_the_stream_lives_on() {
    /// The gateway ends a stream at most so many seconds after its token.
    const GRACE: i64 = 5;
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let expiry = now() + 6;
    let start = |library: Library| {
        let first = token(&format!("{library:?}")).expires_at(expiry).sign();
        Client::start(library, gateway.address().port(), &first, json!({}))
    };
    let mut clients: Vec<Client> = Library::ALL.into_iter().map(start).collect();
    let mut first = Value::Null;
    for client in &mut clients {
        first = client.expect("connected").await["expires_at"].clone();
        client.gets_token(&token(&tenant(client)).sign());
    }
    for client in &mut clients {
        // The answer to a new token; over SSE, which can't be told of one, a new connection in time.
        while client.message().await["expires_at"] == first {}
    }
    wait_until("the first token would have ended them", async || now() > expiry + GRACE).await;
    let mut publisher = broker.publisher().await;
    count(&mut publisher, "A", 0..3).await;
    for client in &mut clients {
        client.expect_numbers(0..3).await;
        assert!(!client.process().logged(|line| line.contains("waiting")), "{:?}", client.process().log());
    }
}

#[tokio::test]
async fn what_makes_no_sense_to_try_again_ends_the_stream_and_says_so() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let (port, good) = (gateway.address().port(), token("T1"));
    for library in Library::ALL {
        let mut wrong_role = Client::start(library, port, &good.clone().roles(&["guest"]).sign(), json!({}));
        let failed = wrong_role.expect("failed").await;
        let code = library.code(4003, 403);
        assert_eq!(failed, json!({"type": "failed", "code": code, "reason": "Unauthorized role", "retryable": false}));

        let mut expired = Client::start(library, port, &good.clone().expires_at(now() - 600).sign(), json!({}));
        let code = library.code(4001, 401);
        assert_eq!(expired.is("waiting").await["code"], code, "a fresh token is tried");
        assert_eq!(expired.is("closed").await["code"], code, "once");
        assert_eq!(expired.expect("failed").await["retryable"], false, "{library:?}");

        let mut wrong_option = Client::start(library, port, &good.sign(), json!({"overflow": "never"}));
        let failed = wrong_option.expect("failed").await;
        assert_eq!(failed["code"], library.code(4000, 400));
        assert!(failed["reason"].as_str().is_some_and(|reason| reason.starts_with("overflow must be")), "{failed}");
    }
}

#[tokio::test]
async fn who_finds_no_place_waits_for_one() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).env("MAX_STREAM_CONNECTIONS_PER_TENANT", 1).await;
    let places = join_all(Library::ALL.map(async |library| gateway.ws(&format!("{library:?}"), "").await)).await;
    let mut clients = each(gateway.address().port(), &json!({}));
    for client in &mut clients {
        let waiting = client.is("waiting").await;
        assert_eq!(waiting["code"], client.library().code(4029, 429));
        assert_eq!(waiting["reason"], "Max streaming connections (1) reached for tenant");
        assert!(waiting["retryInMs"].as_u64() >= Some(1000), "{waiting}");
    }
    drop(places);
    join_all(clients.iter_mut().map(|client| client.expect("connected"))).await;
}

#[tokio::test]
async fn a_drain_asks_them_to_come_back_and_nothing_is_missed() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).env("FLOODWAY_HTTP_DRAIN_SPREAD_SECONDS", 1).await;
    let mut clients = connected(gateway.address().port(), json!({})).await;
    let mut publisher = broker.publisher().await;
    count(&mut publisher, "A", 0..5).await;
    join_all(clients.iter_mut().map(|client| client.expect_numbers(0..5))).await;
    ask(&gateway, "Drain", json!({"spread": "0s"})).await;
    for client in &mut clients {
        assert!(client.expect("reconnect").await["after_ms"].is_u64());
        assert_eq!(client.is("waiting").await["reason"], "Server draining");
    }
    count(&mut publisher, "A", 5..10).await;
    ask(&gateway, "CancelDrain", json!({})).await;
    join_all(clients.iter_mut().map(|client| client.expect_numbers(5..10))).await;
}

#[tokio::test]
async fn what_was_published_was_received_or_is_counted_in_a_gap() {
    const PUBLISHED: u64 = 3000;
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).env("STREAM_QUEUE_SIZE", 50).await;
    let proxy = Proxy::narrow(gateway.address().port()).await;
    let mut clients = connected(proxy.port(), json!({})).await;
    let mut publisher = broker.publisher().await;
    let pad = "x".repeat(2000);
    for n in 0..PUBLISHED {
        if n == PUBLISHED / 4 {
            proxy.hold();
        }
        for library in Library::ALL {
            let payload = json!({"metrics": {"n": n, "pad": pad}}).to_string();
            publisher.send(&topic(&format!("{library:?}"), "A"), payload).await;
        }
    }
    publisher.settled().await;
    proxy.restore();
    for client in &mut clients {
        let mut account = Account::of_all();
        while !account.is_complete(PUBLISHED) {
            account.note(&client.message().await);
        }
        assert_eq!(account.received() + account.dropped(), PUBLISHED, "{:?}", client.library());
        assert!(account.dropped() > 0, "{:?} was held up, and lagged", client.library());
    }
}
