//! A page with a plain `EventSource` in a real browser: whatever happens to its stream, what it gets accounts for
//! everything that was published.

use floodway_tests::broker::free_port;
use floodway_tests::browser::{Browser, Site};
use floodway_tests::gateway::Launch;
use floodway_tests::proxy::Proxy;
use floodway_tests::{Account, Broker, Gateway, Publisher, SSE_PATH, Ws, token, topic, upstream_gap};
use serde_json::json;

const QUEUE: u64 = 20;

/// What a page has got so far.
#[derive(Debug)]
struct Page {
    site: Site,
    _browser: Browser,
    account: Account,
}

impl Page {
    /// Opens the stream of `T1` behind this port.
    async fn open(site: Site, port: u16) -> Self {
        let stream = format!("http://127.0.0.1:{port}{SSE_PATH}?token={}", token("T1").sign());
        let browser = Browser::open(&url_with(&site.origin(), &stream));
        Self { site, _browser: browser, account: Account::of_all() }
    }

    /// Reads until the numbers below `published` are accounted for.
    async fn accounts_for(&mut self, published: u64) {
        while !self.account.is_complete(published) {
            let posted = self.site.posted().await;
            assert!(posted["type"] != "error" || posted["state"] == 0, "it connects again: {posted}");
            self.account.note(&posted);
        }
    }

    /// Reads on until the page reports `connected`.
    async fn is_connected(&mut self) {
        while self.site.posted().await["type"] != "connected" {}
    }

    /// The reasons of the gaps so far.
    fn gaps(&self) -> Vec<&str> {
        self.account.gaps().iter().filter_map(|gap| gap["reason"].as_str()).collect()
    }
}

/// The address `page` with the address `stream` in its query.
fn url_with(page: &str, stream: &str) -> String {
    let stream = stream.replace('&', "%26").replace('?', "%3F").replace('=', "%3D");
    format!("{page}/?stream={stream}")
}

/// Publishes events of a kilobyte, none faster than a neighbour reads them.
async fn flood(publisher: &mut Publisher, neighbour: &mut Ws, numbers: std::ops::Range<u64>) {
    let pad = "x".repeat(1000);
    for n in numbers {
        publisher
            .send(&topic("T1", "A"), json!({"metrics": {"n": n, "pad": pad}}).to_string())
            .await;
        neighbour.expect_numbers(n..n + 1).await;
    }
    publisher.settled().await;
}

#[tokio::test]
async fn what_a_page_gets_accounts_for_everything_that_was_published() {
    let broker = Broker::start().await;
    let site = Site::start(include_str!("../clients/event_source.html")).await;
    let (port, to_broker) = (free_port(), Proxy::start(broker.port()).await);
    let launch = |site: &Site| -> Launch {
        Gateway::start_at(&to_broker.url())
            .env("FLOODWAY_LISTEN", format!("127.0.0.1:{port}"))
            .env("FLOODWAY_ALLOWED_ORIGINS", site.origin())
            .env("FLOODWAY_MQTT_BACKOFF_MAX_SECONDS", "0.2")
            .env("STREAM_QUEUE_SIZE", QUEUE)
    };
    let (gateway, to_gateway) = (launch(&site).await, Proxy::narrow(port).await);
    let mut publisher = broker.publisher().await;
    let mut page = Page::open(site, to_gateway.port()).await;
    page.is_connected().await;

    // The network is cut before the first event, and again after some.
    to_gateway.cut().await;
    publisher.count("T1", "A", 0..10).await;
    to_gateway.restore();
    page.accounts_for(10).await;
    to_gateway.cut().await;
    publisher.count("T1", "A", 10..40).await;
    to_gateway.restore();
    page.accounts_for(40).await;
    assert!(page.gaps().is_empty(), "all of it was kept: {page:?}");

    // The stream is over capacity for a while.
    let mut neighbour = gateway.ws("T1", "").await;
    to_gateway.hold();
    flood(&mut publisher, &mut neighbour, 40..1500).await;
    to_gateway.restore();
    page.accounts_for(1500).await;
    assert!(!page.gaps().is_empty(), "a queue of {QUEUE} holds no flood");
    assert!(page.gaps().iter().all(|reason| *reason == "overflow"), "{page:?}");
    let lost = page.gaps().len();

    // The source is lost for a while.
    to_broker.cut().await;
    neighbour.expect_upstream("down").await;
    publisher.count("T1", "A", 1500..1510).await;
    to_broker.restore();
    neighbour.expect_json(upstream_gap()).await;
    publisher.count("T1", "A", 1510..1520).await;
    page.accounts_for(1520).await;
    assert_eq!(page.gaps()[lost..], ["upstream"]);

    // The gateway restarts: its memory is lost.
    to_gateway.cut().await;
    drop(gateway);
    publisher.count("T1", "A", 1520..1530).await;
    let gateway = launch(&page.site).await;
    let mut neighbour = gateway.ws("T1", "").await;
    publisher.count("T1", "A", 1530..1540).await;
    neighbour.expect_numbers(1530..1540).await;
    to_gateway.restore();
    page.accounts_for(1540).await;
    publisher.count("T1", "A", 1540..1550).await;
    page.accounts_for(1550).await;
    assert_eq!(page.gaps()[lost..], ["upstream", "replay"]);
    // Of each of those two losses ten are missing.
    assert_eq!(page.account.received() + page.account.dropped(), 1530);
}
