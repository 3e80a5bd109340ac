//! Many tenants on one link, one by one or all at once.

use super::*;

#[tokio::test]
async fn sixty_tenants_at_once_are_all_confirmed() {
    let broker = Mosquitto::open().await;
    let bed = Arc::new(Bed::on(&broker).await);
    let subscribers: Vec<_> = (0..60)
        .map(|n| {
            let bed = Arc::clone(&bed);
            tokio::spawn(async move { bed.subscriber(&format!("T{n}")).await })
        })
        .collect();
    let mut permits = Vec::new();
    for subscriber in subscribers {
        permits.push(timeout(DEADLINE, subscriber).await.expect("confirmed").unwrap());
    }
    let topics: Vec<String> = (0..60).map(|n| format!("tenant/T{n}/device/D/telemetry")).collect();
    let messages: Vec<(&str, &[u8])> = topics.iter().map(|topic| (topic.as_str(), &b"{}"[..])).collect();
    broker.publish(&messages).await;
    for n in 0..60 {
        assert_eq!(bed.next_event().await.tenant().as_str(), format!("T{n}"));
    }
}

#[tokio::test]
async fn one_subscription_to_all_serves_every_tenant() {
    let broker = Mosquitto::open().await;
    let config = Config { subscribe: Subscribe::All, ..quick(vec![broker.url()]) };
    let bed = Bed::start(config);
    bed.connected(true).await;
    let _permits = [bed.subscriber("A").await, bed.subscriber("B").await];
    broker
        .publish(&[("tenant/A/device/D/telemetry", b"{}"), ("tenant/B/device/D/telemetry", b"{}")])
        .await;
    assert_eq!(bed.next_event().await.tenant().as_str(), "A");
    assert_eq!(bed.next_event().await.tenant().as_str(), "B");
}
