//! A session that the broker keeps while the gateway is away: what was published meanwhile, once, and what a gap says.

use floodway_tests::gateway::Launch;
use floodway_tests::proxy::Proxy;
use floodway_tests::scripted_broker::{Answer, Seen};
use floodway_tests::{Broker, Gateway, ScriptedBroker, topic, upstream_gap, wait_until};

/// With a session that the broker at `url` keeps.
fn persistent(url: &str) -> Launch {
    let launch = Gateway::start_at(url).env("FLOODWAY_MQTT_BACKOFF_MAX_SECONDS", "0.2");
    launch
        .env("FLOODWAY_MQTT_SESSION", "persistent")
        .env("FLOODWAY_MQTT_CLIENT_ID", "the-gateway")
}

/// A CONNACK of a broker that has kept the session (MQTT 5, 3.2.2.1.1).
fn session_present() -> Answer {
    Answer::Bytes(vec![0x20, 3, 1, 0, 0])
}

#[tokio::test]
async fn what_was_published_while_the_connection_was_cut_comes_without_a_gap() {
    let broker = Broker::start().await;
    let proxy = Proxy::start(broker.port()).await;
    let gateway = persistent(&proxy.url()).env("STREAM_QUEUE_SIZE", "1000").await;
    let (mut ws, mut sse) = (gateway.ws("T1", "").await, gateway.sse("T1", "").await);
    let mut other = gateway.ws("T2", "").await;
    let mut publisher = broker.publisher().await;
    publisher.count("T1", "A", 0..10).await;
    ws.expect_numbers(0..10).await;
    sse.expect_numbers(0..10).await;
    for round in 1..4 {
        proxy.cut().await;
        ws.expect_upstream("down").await;
        sse.expect_upstream("down").await;
        other.expect_upstream("down").await;
        let numbers = round * 1000..round * 1000 + 500;
        publisher.count("T1", "A", numbers.clone()).await;
        publisher.count("T2", "A", round..round + 1).await;
        proxy.restore();
        ws.expect_upstream("up").await;
        ws.expect_numbers(numbers.clone()).await;
        sse.expect_upstream("up").await;
        sse.expect_numbers(numbers).await;
        other.expect_upstream("up").await;
        other.expect_numbers(round..round + 1).await;
        gateway.is_ready().await;
    }
    publisher.count("T1", "A", 1..2).await;
    ws.expect_numbers(1..2).await;
    sse.expect_numbers(1..2).await;
    let mut new = gateway.ws("T3", "").await;
    publisher.count("T3", "A", 2..3).await;
    new.expect_numbers(2..3).await;
}

#[tokio::test]
async fn however_often_the_connection_is_cut_each_message_comes_once_and_in_order() {
    const MESSAGES: u64 = 3000;
    let broker = Broker::start().await;
    let proxy = Proxy::start(broker.port()).await;
    let gateway = persistent(&proxy.url()).env("STREAM_QUEUE_SIZE", MESSAGES).await;
    let mut ws = gateway.ws("T1", "").await;
    let mut publisher = broker.publisher().await;
    let publishing = tokio::spawn(async move { publisher.count("T1", "A", 0..MESSAGES).await });
    let (mut next, mut cuts) = (0, 0);
    while next < MESSAGES {
        let message = ws.next().await;
        match message["type"].as_str() {
            Some("telemetry") => {
                assert_eq!(message["metrics"]["n"], next);
                next += 1;
                // In the middle of what is under way.
                if next % 300 == 0 {
                    proxy.cut().await;
                    proxy.restore();
                    cuts += 1;
                }
            }
            Some("upstream") => {}
            _ => panic!("{message}"),
        }
    }
    publishing.await.expect("all is published");
    assert!(cuts > 5);
    // Nothing comes twice: what comes next is the next one.
    gateway.is_ready().await;
    broker.publisher().await.count("T1", "A", MESSAGES..MESSAGES + 1).await;
    loop {
        let message = ws.next().await;
        if message["type"] == "telemetry" {
            break assert_eq!(message["metrics"]["n"], MESSAGES);
        }
        assert_eq!(message["type"], "upstream");
    }
}

#[tokio::test]
async fn one_subscription_for_all_is_kept_as_well() {
    let broker = Broker::start().await;
    let proxy = Proxy::start(broker.port()).await;
    let gateway = persistent(&proxy.url()).env("FLOODWAY_MQTT_SUBSCRIBE", "all").await;
    let mut ws = gateway.ws("T1", "").await;
    proxy.cut().await;
    ws.expect_upstream("down").await;
    broker.publisher().await.count("T1", "A", 0..50).await;
    proxy.restore();
    ws.expect_upstream("up").await;
    ws.expect_numbers(0..50).await;
}

#[tokio::test]
async fn a_session_that_the_broker_has_lost_makes_a_gap() {
    let mut broker = Broker::start().await;
    let gateway = persistent(&broker.url()).await;
    let mut ws = gateway.ws("T1", "").await;
    broker.publisher().await.count("T1", "A", 0..1).await;
    ws.expect_numbers(0..1).await;
    // Without persistence it forgets everything.
    broker.stop();
    broker.start_again().await;
    ws.expect_outage().await;
    broker.publisher().await.count("T1", "A", 1..2).await;
    ws.expect_numbers(1..2).await;
}

#[tokio::test]
async fn a_session_that_another_client_has_taken_makes_a_gap() {
    let broker = ScriptedBroker::start().await;
    let gateway = persistent(&broker.url()).await;
    let mut ws = gateway.ws("T1", "").await;
    broker.on_connect(|_| session_present());
    for is_taken in [false, true] {
        if is_taken {
            broker.send(&[0xe0, 2, 0x8e, 0]);
        }
        broker.cut();
        ws.expect_upstream("down").await;
        if is_taken {
            ws.expect_json(upstream_gap()).await;
        }
        ws.expect_upstream("up").await;
        gateway.is_ready().await;
    }
}

#[tokio::test]
async fn a_tenant_whose_device_publishes_with_qos_0_gets_a_gap_before_what_was_kept() {
    let broker = Broker::start().await;
    let proxy = Proxy::start(broker.port()).await;
    let gateway = persistent(&proxy.url()).await;
    let mut ws = gateway.ws("T1", "").await;
    let mut publisher = broker.publisher().await;
    publisher.unassured(&topic("T1", "A"), r#"{"metrics":{"n":0}}"#).await;
    ws.expect_numbers(0..1).await;
    for kept in [1..3, 3..5] {
        proxy.cut().await;
        ws.expect_upstream("down").await;
        publisher.count("T1", "A", kept.clone()).await;
        proxy.restore();
        if kept.start == 1 {
            ws.expect_json(upstream_gap()).await;
        }
        ws.expect_upstream("up").await;
        ws.expect_numbers(kept).await;
    }
}

#[tokio::test]
async fn a_gateway_that_starts_again_gets_what_was_kept_and_gives_up_what_nobody_wants() {
    let broker = Broker::start_with("log_type all").await;
    for is_killed in [true, false] {
        let mut gateway = persistent(&broker.url()).await;
        let _streams = [gateway.ws("T1", "").await, gateway.ws("T2", "").await];
        if is_killed {
            drop(gateway);
        } else {
            gateway.terminate();
            assert_eq!(gateway.exit_code().await, Some(0));
        }
        let mut publisher = broker.publisher().await;
        publisher.count("T1", "A", 0..20).await;
        publisher.count("T2", "A", 0..20).await;
        let gateway = persistent(&broker.url()).await;
        wait_until("what was kept has come", async || {
            gateway.metrics().await.contains("floodway_ingest_accepted_total 40")
        })
        .await;
        wait_until("both are given up", async || {
            ["T1", "T2"].iter().all(|tenant| {
                let gone = format!("the-gateway tenant/{tenant}/device/+/telemetry");
                broker.logged(&[&gone])
            })
        })
        .await;
        let mut ws = gateway.ws("T1", "").await;
        publisher.count("T1", "A", 20..21).await;
        ws.expect_numbers(20..21).await;
        assert!(gateway.metrics().await.contains("floodway_ingest_accepted_total 41"), "nobody wants T2");
    }
}

#[tokio::test]
async fn a_message_that_is_sent_again_in_its_session_is_no_second_event() {
    let broker = ScriptedBroker::start().await;
    let gateway = persistent(&broker.url()).await;
    let mut ws = gateway.ws("T1", "").await;
    let topic = topic("T1", "A");
    let payload = |n| format!(r#"{{"metrics":{{"n":{n}}}}}"#);
    broker.push_numbered(7, false, &topic, payload(0));
    ws.expect_numbers(0..1).await;
    // It has kept the session, and has not seen the acknowledgement.
    broker.on_connect(|_| session_present());
    broker.cut();
    ws.expect_upstream("down").await;
    ws.expect_upstream("up").await;
    broker.push_numbered(7, true, &topic, payload(0));
    // What follows was lost on its way, though the first of its ids was used before.
    broker.push_numbered(7, true, &topic, payload(1));
    broker.push_numbered(8, true, &topic, payload(2));
    ws.expect_numbers(1..3).await;
    wait_until("all are acknowledged", async || {
        broker.count_seen(|seen| *seen == Seen::Acknowledged(7)) == 3
            && broker.count_seen(|seen| *seen == Seen::Acknowledged(8)) == 1
    })
    .await;
    let metrics = gateway.metrics().await;
    assert!(metrics.contains(r#"floodway_ingest_rejected_total{reason="duplicate"} 1"#), "{metrics}");
}
