//! The feed against a real `nats-server`, which is started by each test on ports of its own.

mod consumers;
mod control;
mod failures;
mod history;
mod mqtt;
mod server;

use std::time::Duration;

use serde_json::json;
use tokio::time::timeout;

use super::*;
use crate::feed::{FeedLink, FeedMessage, FeedReader, Page, Whose};
use crate::source::Attempt;
use floodway_protocol::names::TenantId;
use server::Server;

/// For what happens in milliseconds on a machine with nothing else to do.
const DEADLINE: Duration = Duration::from_secs(30);

async fn within<F: Future>(what: &str, future: F) -> F::Output {
    timeout(DEADLINE, future).await.unwrap_or_else(|_| panic!("{what}: waited in vain"))
}

fn nats(config: Config) -> Nats {
    Nats::new(config).expect("a configuration")
}

impl Nats {
    /// Opens its first endpoint.
    async fn link(&mut self, after: Option<u64>) -> Opened<Link> {
        within("a link", self.open(0, after))
            .await
            .unwrap_or_else(|error| panic!("no link: {error}"))
    }

    async fn failure(&mut self) -> FeedError {
        let opened = within("a failure", self.open(0, None)).await;
        opened.err().expect("it can't be opened")
    }
}

impl Link {
    /// Reads until there are `count` messages.
    async fn read(&mut self, count: usize) -> Vec<FeedMessage> {
        let mut messages = Vec::new();
        while messages.len() < count {
            messages.extend(within("messages", self.next()).await.unwrap_or_else(|error| panic!("{error}")));
        }
        messages
    }

    /// All older messages of a tenant up to `until`, in pages of `most`.
    async fn history(&self, tenant: &str, until: u64, most: usize) -> Vec<FeedMessage> {
        let (reader, tenant) = (self.reader(), TenantId::parse(tenant).expect("a name"));
        let mut messages = Vec::new();
        loop {
            let after = messages.last().map_or(0, |message: &FeedMessage| message.number);
            let page: Page = within("a page", reader.read(&tenant, after, until, most)).await.expect("a page");
            assert!(page.messages.len() <= most);
            messages.extend(page.messages);
            if page.is_last {
                return messages;
            }
        }
    }
}

fn message(number: u64, topic: &str, payload: &str) -> FeedMessage {
    FeedMessage { number, whose: Whose::Topic(topic.into()), payload: payload.to_owned().into() }
}

fn numbers(messages: &[FeedMessage]) -> Vec<u64> {
    messages.iter().map(|message| message.number).collect()
}

#[tokio::test]
async fn the_stream_is_made_and_its_messages_come_with_their_numbers() {
    let server = Server::start("").await;
    let mut opened = nats(server.config()).link(None).await;
    assert_eq!((opened.behind, opened.has_lost), (0, false));
    server.publish("tenant.T.device.a//b.telemetry", "{}").await;
    server.publish("tenant.T.other", "{}").await;
    server.publish("tenant.U.device.D.telemetry", "[1]").await;
    let expected =
        [message(1, "tenant/T/device/a.b/telemetry", "{}"), message(2, "tenant/U/device/D/telemetry", "[1]")];
    assert_eq!(opened.link.read(2).await, expected);
    let config = server.ask("STREAM.INFO.floodway", json!({})).await["config"].take();
    assert_eq!(config["subjects"], json!(["tenant.*.device.*.telemetry"]));
    assert_eq!((&config["max_age"], &config["max_bytes"]), (&json!(3_600_000_000_000_u64), &json!(1 << 30)));
}

#[tokio::test]
async fn a_stream_that_exists_is_used_as_it_is() {
    let server = Server::start("").await;
    let own = json!({"name": "mine", "subjects": ["tenant.>"], "allow_direct": true, "max_msgs": 100});
    server.ask("STREAM.CREATE.mine", own).await;
    server.publish("tenant.T.device.D.telemetry", "1").await;
    let mut opened = nats(Config { stream: "mine".to_owned(), ..server.config() }).link(None).await;
    assert_eq!((opened.behind, opened.has_lost), (1, false));
    server.publish("tenant.T.status", "2").await;
    server.publish("tenant.T.device.D.telemetry", "3").await;
    assert_eq!(opened.link.read(1).await, [message(3, "tenant/T/device/D/telemetry", "3")]);
    assert_eq!(server.ask("STREAM.INFO.mine", json!({})).await["config"]["max_msgs"], 100);
}

#[test]
fn a_stream_is_read_on_where_its_reader_stood() {
    let holds = |first_seq, last_seq| StreamState { first_seq, last_seq };
    assert_eq!(begin(holds(1, 9), None), (9, false));
    assert_eq!(begin(holds(1, 9), Some(4)), (4, false));
    assert_eq!(begin(holds(5, 9), Some(4)), (4, false));
    assert_eq!(begin(holds(6, 9), Some(4)), (4, true));
    assert_eq!(begin(holds(10, 9), Some(9)), (9, false));
    assert_eq!(begin(holds(0, 0), Some(9)), (0, true));
}

#[test]
fn a_url_says_what_it_must_be() {
    for (url, hint) in [
        ("nats://a b", "no address"),
        ("mqtt://a:1", "nats:// or tls://"),
        ("ws://a:1", "nats:// or tls://"),
        ("nats://user:secret@a:1", "nats.username"),
    ] {
        let urls = vec![url.to_owned()];
        let error = Nats::new(Config { urls, ..Config::default() }).err().expect("an error").to_string();
        assert!(error.contains(hint) && !error.contains("secret"), "{error}");
    }
    let urls = vec!["nats://[::1]:4222".to_owned(), "tls://b".to_owned()];
    assert_eq!(nats(Config { urls, ..Config::default() }).endpoints(), ["nats://[::1]:4222", "tls://b:4222"]);
}
