//! Brokers that know one version of MQTT, both or none.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

/// What a broker answers to CONNECT, or none if it only closes the connection.
type Answer = Option<&'static [u8]>;

const WELCOME_5: Answer = Some(b"\x20\x03\x00\x00\x00");
const WELCOME_4: Answer = Some(b"\x20\x02\x00\x00");
/// As NATS and mosquitto answer a protocol level that they do not know.
const NOT_SPOKEN: Answer = Some(b"\x20\x02\x00\x01");

/// A broker that answers the versions so, and notes the levels that it was asked in.
struct Fake {
    broker: Broker,
    answers: Arc<Mutex<(Answer, Answer)>>,
    asked: Arc<Mutex<Vec<u8>>>,
}

impl Fake {
    /// Its answers to MQTT 5, and to 3.1.1.
    async fn start(five: Answer, four: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let broker = Broker::parse(&format!("mqtt://{}", listener.local_addr().unwrap())).unwrap();
        let (answers, asked) = (Arc::new(Mutex::new((five, four))), Arc::<Mutex<Vec<u8>>>::default());
        let this = Self { broker, answers: Arc::clone(&answers), asked: Arc::clone(&asked) };
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut head = [0; 2];
                stream.read_exact(&mut head).await.unwrap();
                // The whole CONNECT: unread bytes would turn the end into a reset.
                let mut connect = vec![0; usize::from(head[1])];
                stream.read_exact(&mut connect).await.unwrap();
                let level = connect[6];
                asked.lock().unwrap().push(level);
                let (five, four) = *answers.lock().unwrap();
                if let Some(answer) = if level == 5 { five } else { four } {
                    stream.write_all(answer).await.unwrap();
                }
            }
        });
        this
    }

    /// The version that it is connected with, or why not; and the levels that it was asked in for that.
    async fn tried(&self, protocol: Protocol) -> (Result<Version, String>, Vec<u8>) {
        let config = Config { protocol, ..Config::default() };
        let client = Client { id: "id", will: None, session_expiry: None };
        let dialer = Dialer::new(&config, &[]).unwrap();
        let linked = Link::connect(&config, &dialer, &self.broker, client).await;
        let version = linked.map(|(link, _)| link.version).map_err(|error| error.to_string());
        (version, std::mem::take(&mut *self.asked.lock().unwrap()))
    }

    /// How it answers from now on.
    fn becomes(&self, five: Answer, four: Answer) {
        *self.answers.lock().unwrap() = (five, four);
    }
}

#[tokio::test]
async fn a_broker_that_knows_3_1_1_only_is_asked_again_at_once_and_so_from_then_on() {
    for unknown in [NOT_SPOKEN, Some(b"\x20\x02\x00\x84"), Some(b"\x20\x03\x00\x84\x00"), WELCOME_4] {
        let fake = Fake::start(unknown, WELCOME_4).await;
        assert_eq!(fake.tried(Protocol::Auto).await, (Ok(Version::V4), vec![5, 4]));
        assert_eq!(fake.tried(Protocol::Auto).await, (Ok(Version::V4), vec![4]), "it is remembered");
        fake.becomes(WELCOME_5, NOT_SPOKEN);
        assert_eq!(fake.tried(Protocol::Auto).await, (Ok(Version::V5), vec![4, 5]), "until it no longer holds");
        assert_eq!(fake.tried(Protocol::Auto).await, (Ok(Version::V5), vec![5]));
    }
}

#[tokio::test]
async fn one_that_closes_without_a_word_may_know_the_other_version_but_that_is_not_remembered() {
    let fake = Fake::start(None, WELCOME_4).await;
    for _ in 0..2 {
        assert_eq!(fake.tried(Protocol::Auto).await, (Ok(Version::V4), vec![5, 4]));
    }
    fake.becomes(WELCOME_5, WELCOME_4);
    assert_eq!(fake.tried(Protocol::Auto).await, (Ok(Version::V5), vec![5]));
    fake.becomes(None, WELCOME_4);
    let (refused, asked) = fake.tried(Protocol::Auto).await;
    assert!(refused.unwrap_err().contains("without an answer"), "it has spoken MQTT 5 before");
    assert_eq!(asked, [5]);
}

#[tokio::test]
async fn what_is_reported_is_what_tells_most() {
    const LOGIN: Answer = Some(b"\x20\x02\x00\x05");
    for (five, four, words, asked) in [
        (NOT_SPOKEN, LOGIN, "not authorized (0x05); check mqtt.username", vec![5, 4]),
        (NOT_SPOKEN, NOT_SPOKEN, "neither MQTT 5 nor MQTT 3.1.1", vec![5, 4]),
        (NOT_SPOKEN, None, "without an answer", vec![5, 4]),
        (None, LOGIN, "without an answer", vec![5, 4]),
        (None, None, "without an answer", vec![5, 4]),
        // In the form of MQTT 3.1.1, and yet no reason to try that.
        (LOGIN, WELCOME_4, "not authorized", vec![5]),
        (Some(b"\x20\x02\x00\x03"), WELCOME_4, "server unavailable", vec![5]),
        (Some(b"\x20\x03\x00\x87\x00"), WELCOME_4, "not authorized", vec![5]),
        (Some(b"HTTP/1.1"), WELCOME_4, "no MQTT broker", vec![5]),
    ] {
        let fake = Fake::start(five, four).await;
        let (refused, tried) = fake.tried(Protocol::Auto).await;
        let why = refused.unwrap_err();
        assert!(why.contains(words), "{five:x?} {four:x?}: {why}");
        assert_eq!(tried, asked, "{five:x?} {four:x?}");
    }
}

#[tokio::test]
async fn the_setting_may_leave_no_choice() {
    let both = Fake::start(WELCOME_5, WELCOME_4).await;
    assert_eq!(both.tried(Protocol::V311).await, (Ok(Version::V4), vec![4]));
    assert_eq!(both.tried(Protocol::V5).await, (Ok(Version::V5), vec![5]));
    let none = Fake::start(NOT_SPOKEN, NOT_SPOKEN).await;
    for (protocol, level) in [(Protocol::V311, 4), (Protocol::V5, 5)] {
        let (refused, asked) = none.tried(protocol).await;
        assert!(refused.unwrap_err().contains("which mqtt.protocol demands"));
        assert_eq!(asked, [level]);
    }
}
