//! What a broker may say before it has let us in.

use std::time::Duration;

use rumqttc::v5::mqttbytes::v5::{Connect, LastWill, Login, Packet};
use tokio::io::{DuplexStream, duplex};

use super::*;
use crate::mqtt::config::Session;

async fn greeted(answer: &[u8]) -> Result<Welcome, LinkError> {
    let (mut ours, mut theirs) = duplex(1024);
    theirs.write_all(answer).await.unwrap();
    theirs.shutdown().await.unwrap();
    greet(Version::V5, &mut ours, b"CONNECT", &mut BytesMut::new()).await
}

#[tokio::test]
async fn each_refusal_is_told_in_words_and_with_what_to_look_at() {
    for (answer, words) in [
        // A broker of MQTT 3.1.1 only, as it says so itself, and in the form of MQTT 5; one that lets us in.
        (&b"\x20\x02\x00\x01"[..], "does not speak MQTT 5, which mqtt.protocol demands"),
        (b"\x20\x02\x00\x84", "does not speak MQTT 5"),
        (b"\x20\x03\x00\x84\x00", "does not speak MQTT 5"),
        (b"\x20\x02\x00\x00", "does not speak MQTT 5"),
        // In the form of MQTT 3.1.1.
        (b"\x20\x02\x00\x05", "mqtt.username and mqtt.password"),
        (b"\x20\x02\x00\x04", "bad user name or password (0x04); check mqtt.username and mqtt.password"),
        (b"\x20\x02\x00\x03", "server unavailable"),
        (b"\x20\x02\x00\x02", "mqtt.client_id"),
        (b"\x20\x02\x00\x87", "mqtt.username and mqtt.password"),
        // In that of MQTT 5.
        (b"\x20\x03\x00\x86\x00", "bad user name or password (0x86); check mqtt.username"),
        (b"\x20\x03\x00\x87\x00", "not authorized (0x87); check mqtt.username"),
        (b"\x20\x03\x00\x85\x00", "mqtt.client_id"),
        (b"\x20\x03\x00\x89\x00", "server busy"),
        (b"\x20\x03\x00\x95\x00", "packet too large"),
        (b"\x20\x03\x00\xfe\x00", "does not know (0xfe)"),
        (b"\x20\x08\x00\x97\x05\x1f\x00\x02no", "quota exceeded (0x97), \"no\""),
        (b"\x20\x08\x00\x97\x05\x1f\x00\x02\n\x1b", r#""\n\u{1b}""#),
        (b"\x15\x03\x01\x00\x02\x02\x46", "speaks TLS, as with mqtts://"),
        (b"HTTP/1.1 400 Bad Request\r\n", "no MQTT broker (its first byte is 0x48)"),
        (b"\x20\x01\x00", "malformed"),
        (b"\x20\x05\x00\x00\x02\xff\x00", "malformed"),
        (b"\x20\xff\xff\xff\x7f", "malformed"),
        (b"\x20\xff\xff\xff\xff\xff", "malformed"),
        (b"", "closed the connection without an answer"),
        (b"\x20\x09\x00\x00", "closed the connection"),
    ] {
        let why = greeted(answer).await.unwrap_err().to_string();
        assert!(why.contains(words), "{answer:x?}: {why}");
    }
}

#[tokio::test]
async fn only_what_the_will_may_be_the_reason_for_is_tried_without_it() {
    for (answer, is_it) in [
        (&b"\x20\x03\x00\x9a\x00"[..], true),
        (b"\x20\x03\x00\x87\x00", true),
        (b"\x20\x03\x00\x95\x00", true),
        (b"", true),
        (b"\x20\x03\x00\x86\x00", false),
        (b"\x20\x02\x00\x01", false),
        (b"HTTP/1.1", false),
    ] {
        let refused = greeted(answer).await.unwrap_err();
        assert_eq!(refused.may_be_for_the_will(), is_it, "{refused}");
    }
}

#[tokio::test]
async fn a_connack_may_come_byte_by_byte_and_what_follows_it_stays() {
    let answer = b"\x20\x06\x00\x00\x03\x13\x00\x07\xd0";
    let (mut ours, theirs) = duplex(1);
    let slow = |mut theirs: DuplexStream| async move { theirs.write_all(answer).await };
    let broker = tokio::spawn(slow(theirs));
    let mut read = BytesMut::new();
    let welcome = greet(Version::V5, &mut ours, b"", &mut read).await.unwrap();
    assert_eq!(welcome.keep_alive, Some(7));
    assert!(b"\xd0".starts_with(&read));
    drop(ours);
    // Whether the last byte was still taken.
    let _ = broker.await.unwrap();
}

fn sent(config: &Config, url: &str, will: Option<&str>) -> (Connect, Option<LastWill>, Option<Login>) {
    let broker = Broker::parse(url).unwrap();
    let session_expiry = (config.session == Session::Persistent).then_some(config.session_expiry);
    let client = Client { id: "me", will: will.map(str::to_owned), session_expiry };
    let bytes = connect(Version::V5, config, &broker, &client).unwrap();
    match Packet::read(&mut BytesMut::from(&bytes[..]), None).unwrap() {
        Packet::Connect(connect, will, login) => (connect, will, login),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_connect_announces_what_we_take_and_who_we_are() {
    let config = Config {
        username: Some("U".to_owned()),
        password: Some("P".to_owned()),
        keep_alive: Duration::from_millis(1500),
        ..Config::default()
    };
    let (connect, will, login) = sent(&config, "mqtt://h", Some("w"));
    assert_eq!((connect.client_id.as_str(), connect.clean_start), ("me", true));
    assert_eq!(connect.properties.as_ref().unwrap().session_expiry_interval, None);
    assert_eq!(connect.keep_alive, 2, "not less than the pause between two pings");
    let announced = connect.properties.unwrap();
    assert_eq!(announced.max_packet_size, Some(256 * 1024));
    assert_eq!(announced.receive_maximum, Some(u16::MAX));
    assert_eq!(announced.topic_alias_max, None, "none is taken");
    let will = will.unwrap();
    assert_eq!((&will.topic[..], &will.message[..], will.retain), (&b"w"[..], &b""[..], true));
    assert_eq!(login, Some(Login::new("U", "P")));
    let config = Config {
        session: Session::Persistent,
        session_expiry: Duration::from_millis(1500),
        ..config
    };
    let (connect, will, login) = sent(&config, "mqtt://me:secret@h", None);
    assert!(!connect.clean_start);
    assert_eq!(connect.properties.unwrap().session_expiry_interval, Some(2));
    assert_eq!((will, login), (None, Some(Login::new("me", "secret"))));
}
