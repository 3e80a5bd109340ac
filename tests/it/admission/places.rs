//! How many streams there may be: exact under any race, and given back on every path on which a stream ends.

use std::net::SocketAddr;

use floodway_tests::raw::{Raw, upgrade_request};
use floodway_tests::{Broker, Gateway, SSE_PATH, STATUS_PATH, token};
use futures_util::future::join_all;
use serde_json::json;

#[tokio::test]
async fn a_race_for_the_last_places_is_exact() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let good = token("T1").sign();
    let websocket = async || {
        let mut ws = gateway.ws_unread(Some(&good), "").await;
        match ws.message().await {
            Ok(_connected) => (true, Some(ws), None),
            Err(closed) => {
                assert_eq!(closed, (4029, "Max streaming connections (10) reached for tenant".to_owned()));
                (false, None, None)
            }
        }
    };
    let sse = async || {
        let response = gateway.sse_response(Some(&good), "", &[]).await;
        if response.status() == 200 {
            return (true, None, Some(response));
        }
        assert_eq!(response.status(), 429);
        assert!(response.headers().contains_key("retry-after"));
        (false, None, None)
    };
    for round in 0..5 {
        let (sockets, streams) = tokio::join!(join_all((0..25).map(|_| websocket())), join_all((0..25).map(|_| sse())));
        let places = sockets.iter().chain(&streams).filter(|(admitted, _, _)| *admitted).count();
        assert_eq!(places, 10, "round {round}");
        assert_eq!(gateway.connections().await, 10);
        let mut other = gateway.ws("T2", "").await;
        other.send(r#"{"action":"ping"}"#).await;
        other.expect_json(json!({"type": "pong"})).await;
        drop((sockets, streams, other));
        gateway.has_connections(0).await;
    }
}

/// Begins a stream and ends it in one of the ways in which clients go.
async fn come_and_go(gateway: &Gateway, way: usize, good: &str) {
    let address: SocketAddr = gateway.address();
    let sse = format!("GET {SSE_PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {good}\r\n\r\n");
    match way {
        0 => gateway.ws("T1", "").await.close().await,
        1 => drop(gateway.ws("T1", "").await),
        2 => drop(gateway.sse("T1", "").await),
        3 => Raw::websocket(address, good, "").await.reset(),
        4 => {
            let mut half = Raw::connect(address).await;
            let request = upgrade_request(good, "");
            half.write(&request.as_bytes()[..request.len() / 2]).await.expect("it is accepted");
        }
        5 | 6 => {
            let mut unread = Raw::connect(address).await;
            let request = if way == 5 { upgrade_request(good, "") } else { sse };
            unread.write(request.as_bytes()).await.expect("it is accepted");
        }
        7 => {
            let mut reset = Raw::connect(address).await;
            reset.write(upgrade_request(good, "").as_bytes()).await.expect("it is accepted");
            reset.reset();
        }
        8 => {
            let mut half_closed = Raw::websocket(address, good, "").await;
            half_closed.finish().await;
            half_closed.read_to_end().await;
        }
        _ => {
            let mut broken = Raw::websocket(address, good, "").await;
            broken.write(&[0xff; 16]).await.expect("it is open");
            broken.read_to_end().await;
        }
    }
}

#[tokio::test]
async fn a_place_is_free_again_however_its_stream_ended() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).env("MAX_STREAM_CONNECTIONS_PER_TENANT", "3").await;
    let good = token("T1").sign();
    for way in 0..10 {
        for _ in 0..5 {
            come_and_go(&gateway, way, &good).await;
            gateway.has_connections(0).await;
        }
        let all = [gateway.ws("T1", "").await, gateway.ws("T1", "").await, gateway.ws("T1", "").await];
        assert_eq!(gateway.ws_refused(Some(&good), "").await.0, 4029, "after way {way}");
        drop(all);
        gateway.has_connections(0).await;
    }
}

#[tokio::test]
async fn the_gateways_own_limit_holds_for_all_tenants_together() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).env("FLOODWAY_MAX_CONNECTIONS", "2").await;
    let (first, _second) = (gateway.ws("T1", "").await, gateway.sse("T2", "").await);
    let third = token("T3").sign();
    assert_eq!(gateway.ws_refused(Some(&third), "").await, (1013, "Server at capacity".to_owned()));
    let response = gateway.sse_response(Some(&third), "", &[]).await;
    assert_eq!(response.status(), 503);
    assert!(response.headers().contains_key("retry-after"));
    drop(first);
    gateway.has_connections(1).await;
    gateway.ws("T3", "").await;
}

#[tokio::test]
async fn the_status_page_counts_both_transports() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let _streams = (gateway.ws("T1", "").await, gateway.sse("T1", "").await, gateway.sse("T2", "").await);
    let response = gateway.http().get(gateway.url(STATUS_PATH)).send().await.expect("an answer");
    assert_eq!(response.text().await.expect("a body"), r#"{"total_connections":3,"max_per_tenant":10}"#);
}

#[tokio::test]
async fn no_limit_is_a_limit_of_zero() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).env("MAX_STREAM_CONNECTIONS_PER_TENANT", "0").await;
    let streams = join_all((0..30).map(|_| gateway.ws("T1", ""))).await;
    assert_eq!(gateway.get(STATUS_PATH).await.1, json!({"total_connections": streams.len(), "max_per_tenant": 0}));
}
