//! Of several reasons to refuse a stream the client is told the first: token, tenant, role, query, the source's refusal,
//! limits.

use floodway_tests::scripted_broker::{Answer, ScriptedBroker};
use floodway_tests::{Gateway, token, wait_until};
use serde_json::json;

#[tokio::test]
async fn of_several_reasons_to_refuse_the_first_in_order_is_told() {
    let broker = ScriptedBroker::start().await;
    let launch = Gateway::start_at(&broker.url());
    let gateway = launch.env("MAX_STREAM_CONNECTIONS_PER_TENANT", "1").await;
    let _only = gateway.ws("T1", "").await;
    let t = || token("T1").claim("organization", json!(["T1", "T2"]));
    let code = async |token: &str, query: &str| gateway.ws_refused(Some(token), query).await.0;
    assert_eq!(code("bad", "tenant=T3&device_id=a%2Fb").await, 4001);
    let no_role = t().roles(&[]).sign();
    let reason = gateway.ws_refused(Some(&no_role), "tenant=T3&device_id=a%2Fb").await.1;
    assert_eq!(reason, "Token is for another tenant");
    let reason = gateway.ws_refused(Some(&no_role), "device_id=a%2Fb").await.1;
    assert_eq!(reason, "Unauthorized role");
    assert_eq!(code(&t().sign(), "device_id=a%2Fb").await, 4000);
    assert_eq!(code(&t().sign(), "").await, 4029);
}

#[tokio::test]
async fn what_the_source_refuses_is_told_before_a_limit_that_is_reached() {
    let broker = ScriptedBroker::start().await;
    let launch = Gateway::start_at(&broker.url());
    let gateway = launch.env("MAX_STREAM_CONNECTIONS_PER_TENANT", "1").await;
    let _only = gateway.ws("T1", "").await;
    let good = token("T1").sign();
    assert_eq!(gateway.ws_refused(Some(&good), "").await.0, 4029);
    broker.on_subscribe(|filters| {
        let of_tenant = |filter: &String| filter.starts_with("tenant/T1/");
        if filters.iter().any(of_tenant) {
            Answer::Codes(vec![0x87; filters.len()])
        } else {
            Answer::Good
        }
    });
    broker.cut();
    wait_until("the refusal is told, not the limit", async || {
        let (_, reason) = gateway.ws_refused(Some(&good), "").await;
        reason.to_lowercase().contains("broker")
    })
    .await;
    assert_eq!(gateway.connections().await, 1, "the live stream stays");
}
