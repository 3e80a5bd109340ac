//! One tenant's trouble is its own: a broker that ends connections, keeps silent or refuses harms nobody whom it need not.

use std::time::Duration;

use floodway_tests::gateway::Launch;
use floodway_tests::scripted_broker::{Answer, ScriptedBroker, Seen};
use floodway_tests::token::token;
use floodway_tests::{Gateway, Ws, upstream_gap, wait_until};
use serde_json::json;

const CONTROL: &str = "floodway/control/v1/#";

const REFUSED: (u16, &str) = (4003, "Not authorized at the broker");

const UNAVAILABLE: (u16, &str) = (1013, "Broker unavailable");

/// Impatient, so that time-outs pass while a test waits.
fn gateway(broker: &ScriptedBroker) -> Launch {
    Gateway::start_at(&broker.url())
        .env("FLOODWAY_MQTT_BACKOFF_MAX_SECONDS", "0.2")
        .env("FLOODWAY_MQTT_SUBSCRIBE_TIMEOUT_SECONDS", "1")
}

fn filter(tenant: &str) -> String {
    format!("tenant/{tenant}/device/+/telemetry")
}

/// Answers so where one of the filters is this tenant's.
fn for_tenant(tenant: &str, answer: Answer) -> impl FnMut(&[String]) -> Answer + Send + 'static {
    let bad = filter(tenant);
    move |filters| {
        if filters.contains(&bad) { answer.clone() } else { Answer::Good }
    }
}

/// Answers so where control documents are subscribed.
fn for_control(answer: Answer) -> impl FnMut(&[String]) -> Answer + Send + 'static {
    move |filters| {
        if filters[0] == CONTROL { answer.clone() } else { Answer::Good }
    }
}

async fn is_refused(gateway: &Gateway, tenant: &str, (code, reason): (u16, &str)) {
    let refused = gateway.ws_refused(Some(&token(tenant).sign()), "").await;
    assert_eq!(refused, (code, reason.to_owned()), "{tenant}");
}

/// Connections of the gateway itself, without those on which it only tries something.
fn connects(broker: &ScriptedBroker) -> usize {
    broker.count_seen(|seen| matches!(seen, Seen::Connect(id) if !id.ends_with("-probe")))
}

#[tokio::test]
async fn a_tenant_that_costs_the_connection_costs_it_once() {
    let broker = ScriptedBroker::start().await;
    broker.on_subscribe(for_tenant("BAD", Answer::Disconnect(0x87)));
    let gateway = gateway(&broker).await;
    let mut good = gateway.ws("GOOD", "").await;
    // Whoever comes first may be told that the broker is away: it is, for a moment.
    let first = gateway.ws_unread(Some(&token("BAD").sign()), "").await.message().await;
    first.expect_err("nothing comes of it");
    good.expect_outage().await;
    wait_until("it is found who is to blame", async || {
        let refused = gateway.ws_refused(Some(&token("BAD").sign()), "").await;
        refused.0 == REFUSED.0
    })
    .await;
    for n in 0..10 {
        broker.count("GOOD", "A", n..n + 1);
        is_refused(&gateway, "BAD", REFUSED).await;
        good.expect_numbers(n..n + 1).await;
    }
    let (status, body) = gateway.sse_refused(Some(&token("BAD").sign()), "").await;
    assert_eq!((status, &body["detail"]), (403, &json!(REFUSED.1)));
    gateway
        .is_logged(r#""reason":"broker_refused","detail":"it ended the connection: not authorized (0x87)"#)
        .await;
    gateway.is_ready().await;
    let metrics = gateway.metrics().await;
    assert!(metrics.contains(r#"connections_refused_total{reason="broker_refused"}"#));
    assert_eq!(connects(&broker), 2);
}

#[tokio::test]
async fn a_right_that_returns_is_noticed() {
    let broker = ScriptedBroker::start().await;
    broker.on_subscribe(for_tenant("BAD", Answer::Cut));
    let gateway = gateway(&broker).await;
    wait_until("it is found who is to blame", async || {
        let refused = gateway.ws_refused(Some(&token("BAD").sign()), "").await;
        refused.0 == REFUSED.0
    })
    .await;
    broker.on_subscribe(|_| Answer::Good);
    wait_until("it is let in", async || {
        let mut ws = gateway.ws_unread(Some(&token("BAD").sign()), "").await;
        ws.message().await.is_ok()
    })
    .await;
    assert_eq!(connects(&broker), 2);
}

#[tokio::test]
async fn at_a_reconnect_the_one_that_is_forbidden_now_is_found_among_all() {
    let broker = ScriptedBroker::start().await;
    let gateway = gateway(&broker).await;
    let mut streams = Vec::new();
    for n in 0..20 {
        streams.push(gateway.ws(&format!("T{n}"), "").await);
    }
    broker.on_subscribe(for_tenant("T7", Answer::Disconnect(0x87)));
    broker.cut();
    for (n, ws) in streams.iter_mut().enumerate() {
        // The link is lost twice, and that is one outage.
        if n != 7 {
            ws.expect_outage().await;
            continue;
        }
        ws.expect_upstream("down").await;
        ws.expect_json(upstream_gap()).await;
        ws.expect_upstream("refused").await;
    }
    serve(&broker, streams.iter_mut().enumerate().filter(|(n, _)| *n != 7)).await;
    is_refused(&gateway, "T7", REFUSED).await;
    assert_eq!(connects(&broker), 3, "the cut, and the one that is forbidden");
}

/// Each of these, with its number, gets what is published for it.
async fn serve<'a>(broker: &ScriptedBroker, streams: impl Iterator<Item = (usize, &'a mut Ws)>) {
    for (n, ws) in streams {
        broker.count(&format!("T{n}"), "A", 0..2);
        ws.expect_numbers(0..2).await;
    }
}

#[tokio::test]
async fn a_broker_that_takes_eight_filters_in_a_packet_gets_no_more() {
    let broker = ScriptedBroker::start().await;
    broker.on_subscribe(|filters| match filters.len() {
        0..=8 => Answer::Good,
        _ => Answer::Disconnect(0x97),
    });
    let gateway = gateway(&broker).await;
    let mut streams = Vec::new();
    for n in 0..50 {
        streams.push(gateway.ws(&format!("T{n}"), "").await);
    }
    broker.cut();
    for ws in &mut streams {
        ws.expect_outage().await;
    }
    serve(&broker, streams.iter_mut().enumerate()).await;
    assert_eq!(connects(&broker), 3);
    broker.cut();
    for ws in &mut streams {
        ws.expect_outage().await;
    }
    serve(&broker, streams.iter_mut().enumerate()).await;
    assert_eq!(connects(&broker), 4, "it is remembered");
}

#[tokio::test]
async fn a_broker_that_takes_one_subscribe_a_second_serves_everybody_in_the_end() {
    let broker = ScriptedBroker::start().await;
    broker.on_subscribe(|_| Answer::Paced(Duration::from_secs(1)));
    let gateway = gateway(&broker).env("FLOODWAY_MQTT_SUBSCRIBE_TIMEOUT_SECONDS", "10").await;
    for tenant in ["A", "B", "C", "D"] {
        let name = format!("{tenant} is let in");
        wait_until(&name, async || {
            let mut ws = gateway.ws_unread(Some(&token(tenant).sign()), "").await;
            ws.message().await.is_ok()
        })
        .await;
    }
    gateway.is_logged("more slowly from now on").await;
    assert_eq!(connects(&broker), 2);
}

#[tokio::test]
async fn a_tenant_that_is_never_answered_holds_up_nobody() {
    for answer in [Answer::Silence, Answer::WrongId] {
        let broker = ScriptedBroker::start().await;
        broker.on_subscribe(for_tenant("SILENT", answer.clone()));
        let gateway = gateway(&broker).env("FLOODWAY_MQTT_KEEP_ALIVE_SECONDS", "5").await;
        let silent = gateway.ws_unread(Some(&token("SILENT").sign()), "").await;
        for n in 0..3 {
            gateway.ws(&format!("T{n}"), "").await;
        }
        let refused = { silent }.message().await.expect_err("nothing comes of it");
        assert_eq!(refused, (UNAVAILABLE.0, UNAVAILABLE.1.to_owned()));
        gateway.is_logged("subscriptions are not answered in time").await;
        if answer == Answer::WrongId {
            gateway.is_logged("the broker answers a request that was not made").await;
        }
        gateway.is_ready().await;
        broker.on_subscribe(|_| Answer::Good);
        wait_until("it is asked for again", async || {
            let mut ws = gateway.ws_unread(Some(&token("SILENT").sign()), "").await;
            ws.message().await.is_ok()
        })
        .await;
        assert_eq!(connects(&broker), 1);
    }
}

#[tokio::test]
async fn an_unsuback_that_never_comes_holds_up_nobody() {
    let broker = ScriptedBroker::start().await;
    broker.on_unsubscribe(|_| Answer::Silence);
    let gateway = gateway(&broker)
        .env("FLOODWAY_MQTT_LINGER_SECONDS", "0")
        .env("FLOODWAY_REPLAY_SECONDS", "0")
        .await;
    drop(gateway.ws("GONE", "").await);
    wait_until("it is unsubscribed", async || broker.seen().contains(&Seen::Unsubscribe(vec![filter("GONE")]))).await;
    for tenant in ["A", "GONE"] {
        gateway.ws(tenant, "").await;
    }
    assert_eq!(connects(&broker), 1);
}

#[tokio::test]
async fn a_code_of_the_suback_is_told_as_a_lack_of_rights() {
    // The last one is not for a SUBACK.
    for code in [0x80, 0x83, 0x87, 0x8f, 0x97, 0x9e, 0xa2, 0xc3] {
        let broker = ScriptedBroker::start().await;
        broker.on_subscribe(for_tenant("BAD", Answer::Codes(vec![code])));
        let gateway = gateway(&broker).await;
        is_refused(&gateway, "BAD", REFUSED).await;
        gateway.ws("GOOD", "").await;
        gateway.is_logged(&format!("({code:#04x})")).await;
        gateway.is_ready().await;
        assert_eq!(connects(&broker), 1);
    }
}

#[tokio::test]
async fn in_the_mode_all_a_refused_filter_is_a_broker_that_is_not_available() {
    for answer in [Answer::Codes(vec![0x87]), Answer::Disconnect(0x87)] {
        let broker = ScriptedBroker::start().await;
        broker.on_subscribe(move |filters| match filters[0].as_str() {
            CONTROL => Answer::Good,
            _ => answer.clone(),
        });
        let gateway = gateway(&broker).env("FLOODWAY_MQTT_SUBSCRIBE", "all").unready().await;
        wait_until("the gateway says why it is not ready", async || {
            gateway.get("/readyz").await.1["reason"] == "subscription_refused"
        })
        .await;
        is_refused(&gateway, "T", UNAVAILABLE).await;
    }
}

#[tokio::test]
async fn a_broker_that_gives_no_control_documents_is_served_without() {
    for (answer, connections) in [
        (Answer::Codes(vec![0x87]), 1),
        (Answer::Disconnect(0x87), 3),
        (Answer::Cut, 3),
        (Answer::Silence, 1),
        (Answer::WrongId, 1),
    ] {
        let broker = ScriptedBroker::start().await;
        broker.on_subscribe(for_control(answer.clone()));
        let gateway = gateway(&broker).await;
        let mut ws = gateway.ws("T", "").await;
        broker.count("T", "A", 0..3);
        ws.expect_numbers(0..3).await;
        gateway.is_logged("limits and groups can't be kept in the control store").await;
        assert_eq!(connects(&broker), connections, "{answer:?}");
    }
}

#[tokio::test]
async fn a_mark_that_is_refused_or_never_answered_holds_up_nobody_for_long() {
    for answer in [Answer::Silence, Answer::Codes(vec![0x87]), Answer::Disconnect(0x87), Answer::WrongId] {
        let broker = ScriptedBroker::start().await;
        broker.on_publish(move |_| answer.clone());
        let gateway = gateway(&broker).await;
        let mut ws = gateway.ws("T", "").await;
        broker.count("T", "A", 0..3);
        ws.expect_numbers(0..3).await;
        gateway.is_logged("limits and groups can't be kept in the control store").await;
    }
}

#[tokio::test]
async fn at_a_reconnect_one_that_is_not_answered_harms_none_of_its_batch() {
    let broker = ScriptedBroker::start().await;
    let gateway = gateway(&broker).await;
    let mut streams = Vec::new();
    for n in 0..5 {
        streams.push(gateway.ws(&format!("T{n}"), "").await);
    }
    broker.on_subscribe(for_tenant("T2", Answer::Silence));
    broker.cut();
    let others = streams.iter_mut().enumerate().filter(|(n, _)| *n != 2);
    let mut others: Vec<_> = others.collect();
    for (_, ws) in &mut others {
        ws.expect_outage().await;
    }
    serve(&broker, others.into_iter()).await;
    assert_eq!(connects(&broker), 2);
}

#[tokio::test]
async fn where_one_connection_is_all_that_is_let_in_the_forbidden_tenant_is_found_on_it() {
    let broker = ScriptedBroker::start().await;
    broker.on_connect(|id| match id.ends_with("-probe") {
        true => Answer::Codes(vec![0x97]),
        false => Answer::Good,
    });
    broker.on_subscribe(for_tenant("BAD", Answer::Disconnect(0x87)));
    let gateway = gateway(&broker).await;
    let mut good = gateway.ws("T0", "").await;
    wait_until("the forbidden one is told so", async || {
        let mut ws = gateway.ws_unread(Some(&token("BAD").sign()), "").await;
        ws.message().await == Err((REFUSED.0, REFUSED.1.to_owned()))
    })
    .await;
    let lost = connects(&broker) - 1;
    assert!(lost <= 3, "{lost}");
    // Each try of the forbidden one costs a connection here: after each gap the other is served.
    wait_until("the other one is served", async || {
        broker.count("T0", "A", 0..1);
        good.next().await["type"] == "telemetry"
    })
    .await;
}

#[tokio::test]
async fn a_broker_that_ends_the_connection_for_a_status_that_nobody_asked_for_gets_none() {
    let broker = ScriptedBroker::start().await;
    broker.on_publish(|topic| match topic.contains("/fleet/") {
        true => Answer::Disconnect(0x87),
        false => Answer::Good,
    });
    let gateway = gateway(&broker).unready().await;
    gateway.is_logged("other gateways are not told of this one").await;
    gateway.is_ready().await;
    serve(&broker, [(0, &mut gateway.ws("T0", "").await)].into_iter()).await;
    assert_eq!(connects(&broker), 3);
}
