//! Streams that take from NATS's own MQTT store.

use rumqttc::{AsyncClient, Event, Incoming, MqttOptions, QoS};

use super::*;

/// Publishes these payloads with QoS 1 as a device would, and waits until all are acknowledged.
async fn publish_by_mqtt(server: &Server, topic: &str, payloads: &[&str]) {
    let mut options = MqttOptions::new(format!("device-{:x}", fastrand::u64(..)), "127.0.0.1", server.mqtt);
    options.set_keep_alive(Duration::from_secs(30));
    let (client, mut connection) = AsyncClient::new(options, 100);
    for payload in payloads {
        client.publish(topic, QoS::AtLeastOnce, false, *payload).await.expect("it is queued");
    }
    let mut acknowledged = 0;
    while acknowledged < payloads.len() {
        let event = within("an acknowledgement", connection.poll()).await.expect("a connection");
        acknowledged += usize::from(matches!(event, Event::Incoming(Incoming::PubAck(_))));
    }
}

#[tokio::test]
async fn what_devices_publish_is_in_the_stream_before_any_has_connected_or_after() {
    for device_comes_first in [false, true] {
        let server = Server::start("").await;
        if device_comes_first {
            publish_by_mqtt(&server, "tenant/T/device/D/other", &["0"]).await;
        }
        let mut opened = nats(Config { capture: Capture::Mqtt, ..server.config() }).link(None).await;
        publish_by_mqtt(&server, "tenant/T/device/a.b/telemetry", &["1", "2"]).await;
        let topic = "tenant/T/device/a.b/telemetry";
        assert_eq!(opened.link.read(2).await, [message(1, topic, "1"), message(2, topic, "2")]);
        assert_eq!(opened.link.history("T", 2, 10).await, [message(1, topic, "1"), message(2, topic, "2")]);
    }
}

#[tokio::test]
async fn the_store_keeps_nothing_once_the_stream_has_it() {
    let server = Server::start("").await;
    let mut opened = nats(Config { capture: Capture::Mqtt, ..server.config() }).link(None).await;
    publish_by_mqtt(&server, "tenant/T/device/D/telemetry", &["1", "2", "3"]).await;
    assert_eq!(opened.link.read(3).await.len(), 3);
    within("the store is empty", async {
        while server.ask("STREAM.INFO.$MQTT_msgs", json!({})).await["state"]["messages"] != 0 {}
    })
    .await;
}

#[tokio::test]
async fn two_gateways_share_one_stream() {
    let server = Server::start("").await;
    let config = Config { capture: Capture::Mqtt, ..server.config() };
    let (mut first, mut second) = (nats(config.clone()), nats(config));
    let (first, second) = tokio::join!(first.link(None), second.link(None));
    publish_by_mqtt(&server, "tenant/T/device/D/telemetry", &["1", "2"]).await;
    for mut opened in [first, second] {
        assert_eq!(numbers(&opened.link.read(2).await), [1, 2]);
    }
}
