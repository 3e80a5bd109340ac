//! A link whose broker is the other end of a pipe.

use tokio::io::{AsyncWriteExt, DuplexStream, duplex};
use tokio::time::timeout;

use super::*;
use crate::control::StoreRequest;

const WELCOME: &[u8] = b"\x20\x03\x00\x00\x00";

/// The broker's end.
struct Peer(DuplexStream);

impl Peer {
    async fn says(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.unwrap();
    }

    async fn hears(&mut self, expected: &[u8]) {
        let mut bytes = vec![0; expected.len()];
        let read = self.0.read_exact(&mut bytes);
        timeout(Duration::from_secs(20), read).await.expect("it is sent").unwrap();
        assert_eq!(bytes, expected);
    }

    /// Nothing more has been sent than was heard.
    fn hears_nothing(&mut self) {
        let mut cx = Context::from_waker(Waker::noop());
        let mut byte = [0];
        let read = pin!(self.0.read(&mut byte)).poll(&mut cx);
        assert!(read.is_pending(), "{read:?} {byte:?}");
    }
}

fn config() -> Config {
    Config { packet_bytes: 1024, read_pause_us: 0, ..Config::default() }
}

async fn linked_by(connack: &[u8]) -> (Link, StoreFacts, Peer) {
    let (ours, theirs) = duplex(64 * 1024);
    let mut peer = Peer(theirs);
    peer.says(connack).await;
    let (link, facts) = Link::over(Box::new(ours), Version::V5, &config(), b"").await.unwrap();
    (link, facts, peer)
}

async fn linked() -> (Link, Peer) {
    let (link, _, peer) = linked_by(WELCOME).await;
    (link, peer)
}

impl Link {
    async fn gives(&mut self) -> LinkEvent {
        let next = timeout(Duration::from_secs(20), self.next());
        next.await.expect("something happens").unwrap()
    }

    async fn ends(&mut self) -> String {
        let next = timeout(Duration::from_secs(20), self.next());
        next.await.expect("it ends").unwrap_err().to_string()
    }

    /// Sends what waits, and reads what is there.
    fn turn(&mut self) {
        let mut cx = Context::from_waker(Waker::noop());
        let next = pin!(self.next()).poll(&mut cx);
        assert!(next.is_pending(), "{next:?}");
    }
}

fn published(topic: &'static str, payload: &'static str) -> LinkEvent {
    numbered(0, topic, payload)
}

/// Of QoS 1.
fn numbered(id: u16, topic: &'static str, payload: &'static str) -> LinkEvent {
    LinkEvent::Published(Message { topic: topic.into(), payload: payload.into(), retain: false, dup: false, id })
}

fn status(payload: Vec<u8>) -> Request {
    Request::Control(StoreRequest::Publish { topic: "s".to_owned(), payload, retain: true, expiry: None })
}

fn filter(path: &str) -> Request {
    Request::Subscribe(vec![path.to_owned()])
}

#[tokio::test]
async fn requests_get_ids_of_their_own_until_they_are_answered() {
    let (mut link, mut peer) = linked().await;
    assert_eq!(link.send(filter("a")), Ok(1));
    assert_eq!(link.send(Request::Unsubscribe("b".to_owned())), Ok(2));
    assert_eq!(link.send(status(b"x".to_vec())), Ok(3));
    link.turn();
    peer.hears(b"\x82\x07\x00\x01\x00\x00\x01a\x00").await;
    peer.hears(b"\xa2\x06\x00\x02\x00\x00\x01b").await;
    peer.hears(b"\x33\x07\x00\x01s\x00\x03\x00x").await;
    // Of an id that nobody has, and of the wrong kind; then the answers.
    peer.says(b"\x90\x04\x00\x09\x00\x00\x40\x02\x00\x01").await;
    peer.says(b"\xb0\x04\x00\x02\x00\x00\x40\x03\x00\x03\x87\x90\x04\x00\x01\x00\x01").await;
    assert_eq!(link.gives().await, LinkEvent::Answered(2, vec![Ok(())]));
    let refused = Err("NotAuthorized".to_owned());
    assert_eq!(link.gives().await, LinkEvent::Answered(3, vec![refused]));
    assert_eq!(link.gives().await, LinkEvent::Answered(1, vec![Ok(())]));
}

#[tokio::test]
async fn no_more_is_published_ahead_than_the_broker_takes_and_the_rest_goes_on() {
    let (mut link, _, mut peer) = linked_by(b"\x20\x06\x00\x00\x03\x21\x00\x01").await;
    assert!(link.may_publish());
    assert_eq!(link.send(status(vec![])), Ok(1));
    assert!(!link.may_publish() && link.may_send());
    assert_eq!(link.send(status(vec![])), Err(Unsent::Full));
    assert_eq!(link.send(filter("a")), Ok(2));
    peer.says(b"\x40\x02\x00\x01").await;
    assert_eq!(link.gives().await, LinkEvent::Answered(1, vec![Ok(())]));
    assert!(link.may_publish());
}

#[tokio::test]
async fn what_is_larger_than_the_broker_takes_is_refused_and_not_sent() {
    let (mut link, facts, mut peer) = linked_by(b"\x20\x08\x00\x00\x05\x27\x00\x00\x00\x20").await;
    assert_eq!((facts.message_bytes, facts.is_able), (32, true));
    let too_large = Unsent::TooLarge { bytes: 33, limit: 32 };
    assert_eq!(link.send(status(vec![b'x'; 25])), Err(too_large));
    assert_eq!(link.send(status(vec![b'x'; 24])), Ok(1));
    assert_eq!(link.send(filter(&"x".repeat(40))), Err(Unsent::TooLarge { bytes: 48, limit: 32 }));
    link.disconnect(Some("x".repeat(40)));
    link.turn();
    let expected = [b"\x33\x1e\x00\x01s\x00\x01\x00".to_vec(), vec![b'x'; 24], b"\xe0\x02\x00\x00".to_vec()];
    peer.hears(&expected.concat()).await;
}

#[tokio::test]
async fn what_waits_to_be_sent_is_bounded() {
    let (mut link, _peer) = linked().await;
    let sent = (0..).take_while(|_| link.may_send() && link.send(filter(&"x".repeat(1000))).is_ok());
    assert!((60..70).contains(&sent.count()));
    assert_eq!(link.send(filter("x")), Err(Unsent::Full));
}

#[tokio::test]
async fn a_message_of_qos_1_is_acknowledged_once_it_was_taken() {
    let (mut link, mut peer) = linked().await;
    peer.says(b"\x32\x07\x00\x01t\x00\x05\x00A\x30\x05\x00\x01t\x00B").await;
    assert_eq!(link.gives().await, numbered(5, "t", "A"));
    peer.hears_nothing();
    assert_eq!(link.event(), Some(published("t", "B")));
    assert_eq!(link.event(), None);
    link.turn();
    peer.hears(b"\x40\x02\x00\x05").await;
    peer.hears_nothing();
}

#[tokio::test]
async fn waiting_may_be_given_up_at_any_byte() {
    let (mut link, mut peer) = linked().await;
    for byte in b"\x30\x05\x00\x01t\x00" {
        peer.says(&[*byte]).await;
        link.turn();
    }
    peer.says(b"A").await;
    assert_eq!(link.gives().await, published("t", "A"));
}

#[tokio::test]
async fn a_message_that_is_too_large_is_skipped_and_acknowledged_and_the_next_one_comes() {
    const BYTES: usize = 1024 * 1024;
    let (mut link, mut peer) = linked().await;
    let sending = async {
        peer.says(b"\x32\x80\x80\x40\x00\x01t\x00\x05\x00").await;
        peer.says(&vec![b'x'; BYTES - 6]).await;
        peer.says(b"\x30\x05\x00\x01t\x00A").await;
    };
    let (happened, ()) = tokio::join!(link.gives(), sending);
    let message = Oversized { topic: "t".into(), bytes: BYTES + 4 };
    assert_eq!(happened, LinkEvent::TooLarge(message));
    assert_eq!(link.gives().await, published("t", "A"));
    link.turn();
    peer.hears(b"\x40\x02\x00\x05").await;
    assert!(link.incoming.read.capacity() <= 4 * READ_BYTES);
}

#[tokio::test]
async fn a_broken_packet_ends_the_link_after_what_came_before_it_and_the_broker_is_told() {
    let (mut link, mut peer) = linked().await;
    peer.says(b"\x30\x05\x00\x01t\x00A\x36\x05\x00\x01t\x00B\x30\x05\x00\x01t\x00C").await;
    assert_eq!(link.gives().await, published("t", "A"));
    assert_eq!(link.event(), None);
    assert!(link.ends().await.contains("malformed"));
    peer.hears(b"\xe0\x02\x81\x00").await;
}

#[tokio::test]
async fn an_end_is_told_after_the_last_message() {
    for (end, words) in [(&b"\xe0\x02\x97\x00"[..], "quota exceeded"), (b"", "closed the connection")] {
        let (mut link, mut peer) = linked().await;
        peer.says(b"\x30\x05\x00\x01t\x00A").await;
        peer.says(end).await;
        drop(peer);
        link.send(filter("a")).unwrap();
        assert_eq!(link.gives().await, published("t", "A"));
        let why = link.ends().await;
        assert!(why.contains(words), "{why}");
    }
}

#[tokio::test]
async fn who_leaves_says_so_last_and_still_takes_what_comes() {
    let (mut link, mut peer) = linked().await;
    link.disconnect(Some("s".to_owned()));
    assert!(!link.may_send() && !link.may_publish());
    peer.says(b"\x32\x07\x00\x01t\x00\x05\x00A").await;
    assert_eq!(link.gives().await, numbered(5, "t", "A"));
    link.turn();
    peer.hears(b"\x31\x04\x00\x01s\x00\xe0\x02\x00\x00").await;
    peer.hears_nothing();
    drop(peer);
    assert_eq!(link.gives().await, LinkEvent::Disconnected);
}

#[tokio::test]
async fn a_broker_that_does_not_answer_a_ping_is_gone() {
    let (ours, theirs) = duplex(1024);
    let mut peer = Peer(theirs);
    peer.says(WELCOME).await;
    let config = Config { keep_alive: Duration::from_millis(20), ..config() };
    let (mut link, _) = Link::over(Box::new(ours), Version::V5, &config, b"").await.unwrap();
    let why = link.ends().await;
    assert!(why.contains("nothing for 10ms after a ping"), "{why}");
    peer.hears(b"\xc0\x00").await;
}

#[tokio::test]
async fn an_answer_to_connect_that_does_not_come_in_time_is_told_as_that() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let broker = format!("mqtt://{}", listener.local_addr().unwrap());
    let broker = Broker::parse(&broker).unwrap();
    let config = Config { connect_timeout: Duration::from_millis(100), ..config() };
    let dialer = Dialer::new(&config, &[]).unwrap();
    let connected =
        Link::connect(&config, &dialer, &broker, Client { id: "id", will: None, session_expiry: None }).await;
    let why = connected.err().expect("nobody answers").to_string();
    assert_eq!(why, "no answer to CONNECT within 100ms (mqtt.connect_timeout_seconds)");
}

#[tokio::test]
async fn what_the_broker_lacks_is_known() {
    assert!(linked_by(b"\x20\x03\x01\x00\x00").await.1.has_backlog, "it has kept the session");
    // No retained messages; no QoS 1; a packet limit above ours; limits of 0, which MQTT does not know.
    for (connack, packet_bytes, is_able) in [
        (&b"\x20\x05\x00\x00\x02\x25\x00"[..], 1024, false),
        (b"\x20\x05\x00\x00\x02\x24\x00", 1024, false),
        (b"\x20\x08\x00\x00\x05\x27\x00\x01\x00\x00", 1024, true),
        (b"\x20\x0b\x00\x00\x08\x27\x00\x00\x00\x00\x21\x00\x00", 1024, true),
    ] {
        let (link, facts, _) = linked_by(connack).await;
        assert!(link.may_publish());
        assert_eq!(
            facts,
            StoreFacts {
                message_bytes: packet_bytes,
                message_bytes_setting: facts.message_bytes_setting,
                is_able,
                refuses_wild_names: false,
                has_backlog: false,
            }
        );
    }
}
