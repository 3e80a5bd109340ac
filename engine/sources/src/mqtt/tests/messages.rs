//! Which of the messages that devices publish become events.

use super::*;

#[tokio::test]
async fn what_is_published_after_the_confirmation_arrives() {
    let broker = Mosquitto::open().await;
    let bed = Bed::on(&broker).await;
    let _permit = bed.subscriber("T").await;
    broker.publish(&[(TOPIC, b"nonsense"), (TOPIC, br#"{"metrics":{"t":72.10}}"#)]).await;
    let event = bed.next_event().await;
    assert_eq!((event.tenant().as_str(), event.device()), ("T", "D"));
    let counts = bed.ingest.handle().metrics();
    assert_eq!((counts.received, counts.accepted, counts.reconnects, counts.connected), (2, 1, 0, true));
    bed.ingest.stop();
}

#[tokio::test]
async fn an_oversized_message_is_skipped_and_the_next_one_arrives() {
    let broker = Mosquitto::open().await;
    let bed = Bed::on(&broker).await;
    let _permit = bed.subscriber("T").await;
    let of_size = |size: usize| format!("{{\"ts\":\"{}\"}}", "x".repeat(size)).into_bytes();
    // Beyond the packet limit; within it; small.
    broker_publish_each(&broker, [of_size(300 * 1024), of_size(20 * 1024), of_size(1)]).await;
    assert!(bed.next_event().await.json().len() > 20 * 1024);
    assert!(bed.next_event().await.json().len() < 1024);
    let counts = bed.ingest.handle().metrics();
    assert_eq!((counts.received, counts.reconnects), (2, 0), "the broker skipped it, and the link stayed");
}

async fn broker_publish_each(broker: &Mosquitto, payloads: [Vec<u8>; 3]) {
    // Another program: the client in here has a packet limit of its own.
    for payload in payloads {
        let file = broker.dir.path().join("payload");
        std::fs::write(&file, payload).unwrap();
        let mut publish = Command::new("mosquitto_pub");
        publish
            .args(["-h", "127.0.0.1", "-q", "1", "-t", TOPIC, "-p", &broker.port.to_string(), "-f"])
            .arg(file);
        let published = tokio::task::spawn_blocking(move || publish.status().unwrap()).await.unwrap();
        assert!(published.success());
    }
}

#[tokio::test]
async fn a_retained_message_is_old_and_does_not_come() {
    let broker = Mosquitto::open().await;
    let options = MqttOptions::new("device", "127.0.0.1", broker.port);
    let (client, mut events) = AsyncClient::new(options, 1);
    client.publish(TOPIC, QoS::AtLeastOnce, true, r#"{"ts":"old"}"#).await.unwrap();
    while !matches!(events.poll().await.unwrap(), MqttEvent::Incoming(Incoming::PubAck(_))) {}
    let bed = Bed::on(&broker).await;
    let _permit = bed.subscriber("T").await;
    broker.publish(&[(TOPIC, br#"{"ts":"new"}"#)]).await;
    let event = bed.next_event().await;
    assert!(String::from_utf8_lossy(event.json()).contains("new"), "{event:?}");
}
