//! The connection to the broker: how it is refused, kept and ended, by a broker that does what mosquitto can't be made to.

use floodway_tests::gateway::Launch;
use floodway_tests::publisher::topic;
use floodway_tests::scripted_broker::{Answer, ScriptedBroker, Seen};
use floodway_tests::{Gateway, wait_until};

fn quick(broker: &ScriptedBroker) -> Launch {
    Gateway::start_at(&broker.url()).env("FLOODWAY_MQTT_BACKOFF_MAX_SECONDS", "0.2")
}

/// A CONNACK that lets in, with these properties (MQTT 5, 3.2.2.3).
fn welcome(properties: &[u8]) -> Answer {
    let length = u8::try_from(properties.len()).expect("a few bytes");
    let head = [0x20, 3 + length, 0, 0, length];
    Answer::Bytes([&head, properties].concat())
}

fn connects(broker: &ScriptedBroker) -> usize {
    broker.count_seen(|seen| matches!(seen, Seen::Connect(_)))
}

#[tokio::test]
async fn a_refusal_is_told_in_words_and_with_what_to_look_at() {
    let broker = ScriptedBroker::start().await;
    broker.on_connect(|_| Answer::Cut);
    let gateway = quick(&broker).env("FLOODWAY_MQTT_PROTOCOL", "5").unready().await;
    for (answer, words) in [
        (Answer::Cut, "closed the connection without an answer"),
        (Answer::Bytes(vec![0x20, 2, 0, 1]), "it does not speak MQTT 5, which mqtt.protocol demands"),
        (Answer::Bytes(vec![0x20, 2, 0, 5]), "not authorized (0x05); check mqtt.username and mqtt.password"),
        (Answer::Codes(vec![0x86]), "bad user name or password (0x86); check mqtt.username and mqtt.password"),
        (Answer::Codes(vec![0x85]), "client id not valid (0x85); check mqtt.client_id"),
        (Answer::Bytes(b"HTTP/1.1 400 Bad Request\r\n".to_vec()), "no MQTT broker"),
    ] {
        broker.on_connect(move |_| answer.clone());
        gateway.is_logged(words).await;
    }
    broker.on_connect(|_| Answer::Good);
    gateway.is_ready().await;
}

#[tokio::test]
async fn a_keep_alive_that_the_broker_demands_holds_for_every_ping() {
    let broker = ScriptedBroker::start().await;
    broker.on_connect(|_| welcome(&[0x13, 0, 1]));
    let _gateway = quick(&broker).await;
    wait_until("three pings have come, though ours would be 15 s apart", async || {
        broker.count_seen(|seen| *seen == Seen::Ping) >= 3
    })
    .await;
    assert_eq!(connects(&broker), 1);
}

#[tokio::test]
async fn a_broker_that_hangs_is_left_for_a_new_connection() {
    let broker = ScriptedBroker::start().await;
    let gateway = quick(&broker).env("FLOODWAY_MQTT_KEEP_ALIVE_SECONDS", "1").await;
    let mut ws = gateway.ws("T1", "").await;
    broker.on_ping(|| Answer::Silence);
    gateway.is_logged("it sent nothing for 500ms after a ping").await;
    broker.on_ping(|| Answer::Good);
    ws.expect_outage().await;
}

#[tokio::test]
async fn a_broker_that_does_not_say_when_all_that_it_retains_has_come_holds_nobody_up() {
    let broker = ScriptedBroker::start().await;
    broker.on_ping(|| Answer::Silence);
    let gateway = quick(&broker).await;
    let mut ws = gateway.ws("T1", "").await;
    broker.count("T1", "A", 0..3);
    ws.expect_numbers(0..3).await;
}

#[tokio::test]
async fn the_reason_for_which_the_broker_ends_the_connection_is_told() {
    let broker = ScriptedBroker::start().await;
    let gateway = quick(&broker).await;
    for (code, words) in [
        (0x97, "it ended the connection: quota exceeded (0x97)"),
        (0x95, "it ended the connection: packet too large (0x95)"),
        (0x8e, "it ended the connection: session taken over"),
        (0x87, "it ended the connection: not authorized (0x87)"),
    ] {
        broker.send(&[0xe0, 2, code, 0]);
        broker.cut();
        gateway.is_logged(words).await;
        gateway.is_ready().await;
    }
}

#[tokio::test]
async fn a_status_for_the_fleet_that_the_broker_does_not_take_does_not_end_the_connection() {
    let broker = ScriptedBroker::start().await;
    broker.on_connect(|_| welcome(&[0x27, 0, 0, 0, 200]));
    let gateway = quick(&broker).env("FLOODWAY_CONTROL_FLEET_SECONDS", "1").await;
    let mut ws = gateway.ws("T1", "").await;
    gateway.is_logged("other gateways are not told of this one").await;
    broker.count("T1", "A", 0..1);
    ws.expect_numbers(0..1).await;
    assert_eq!(connects(&broker), 1);
    let is_too_large = |seen: &Seen| matches!(seen, Seen::Publish(_, bytes) if *bytes > 200);
    assert_eq!(broker.count_seen(is_too_large), 0);
}

#[tokio::test]
async fn a_message_that_is_too_large_is_skipped_and_counted_and_no_stream_is_told_of_a_gap() {
    let broker = ScriptedBroker::start().await;
    let gateway = quick(&broker).await;
    let mut ws = gateway.ws("T1", "").await;
    for n in 0..3 {
        broker.publish(&topic("T1", "A"), vec![b'x'; 300 * 1024]);
        broker.count("T1", "A", n..n + 1);
        ws.expect_numbers(n..n + 1).await;
    }
    let counted = r#"floodway_ingest_rejected_total{reason="too_large_packet"} 3"#;
    let metrics = gateway.metrics().await;
    assert!(metrics.contains(counted), "{metrics}");
    let lines = gateway.log().into_iter().filter(|line| line.contains("too_large_packet"));
    let lines: Vec<String> = lines.collect();
    assert!(lines.len() == 1 && lines[0].contains(&broker.url()), "{lines:?}");
    assert_eq!(connects(&broker), 1);
}

#[tokio::test]
async fn a_broken_packet_ends_the_connection_and_the_broker_is_told() {
    let broker = ScriptedBroker::start().await;
    let gateway = quick(&broker).await;
    let mut ws = gateway.ws("T1", "").await;
    // A message of QoS 3.
    broker.send(&[0x36, 5, 0, 1, b't', 0, b'A']);
    gateway.is_logged("it sent a packet that is malformed").await;
    wait_until("the broker is told", async || broker.count_seen(|seen| *seen == Seen::Disconnect) == 1).await;
    ws.expect_outage().await;
}

#[tokio::test]
async fn messages_of_qos_1_are_acknowledged() {
    let broker = ScriptedBroker::start().await;
    let gateway = quick(&broker).env("FLOODWAY_MQTT_QOS", "1").await;
    let mut ws = gateway.ws("T1", "").await;
    broker.push_numbered(7, false, &topic("T1", "A"), r#"{"metrics":{"n":0}}"#);
    ws.expect_numbers(0..1).await;
    wait_until("it is acknowledged", async || broker.count_seen(|seen| *seen == Seen::Acknowledged(7)) == 1).await;
}
