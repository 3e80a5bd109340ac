//! Tests of `demo::broker`.

use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::Packet;
use rumqttc::v5::{AsyncClient, Event, MqttOptions};

use super::*;
use crate::demo::Fleet;

/// Connects with this client id over MQTT 3.1.1, until the broker answers or refuses, and returns whether it refused.
async fn is_refused(broker: SocketAddr, client_id: &str) -> bool {
    let options = rumqttc::MqttOptions::new(client_id, broker.ip().to_string(), broker.port());
    rumqttc::AsyncClient::new(options, 1).1.poll().await.is_err()
}

#[tokio::test]
async fn devices_reach_a_subscriber_whatever_outside_clients_do() {
    let broker = Broker::start(64 * 1024).await.expect("a broker");
    // The first refusal, and what rumqttd makes of the second.
    assert!(is_refused(broker.v4, "a+b").await);
    assert!(is_refused(broker.v4, "a+b").await);
    let (host, port) = (broker.v5.ip().to_string(), broker.v5.port());
    let (client, mut events) = AsyncClient::new(MqttOptions::new("test", host, port), 1);
    let subscribed = client.try_subscribe("tenant/+/device/+/telemetry", QoS::AtMostOnce);
    subscribed.expect("room for one request");
    let fleet = Fleet::start(broker.inner);
    let mut topics = std::collections::HashSet::new();
    let all = async {
        while topics.len() < fleet.size() {
            let event = events.poll().await.expect("a live link");
            if let Event::Incoming(Packet::Publish(publish)) = event {
                topics.insert(publish.topic);
            }
        }
    };
    let all = tokio::time::timeout(Duration::from_secs(20), all).await;
    all.expect("a message of each device");
    assert_eq!(fleet.connected()(), fleet.size());
}
