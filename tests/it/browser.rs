//! A page with a plain `EventSource` in a real browser: whatever happens to its stream, what it gets accounts for
//! everything that was published.

use floodway_tests::broker::free_port;
use floodway_tests::browser::{Browser, Site};
use floodway_tests::gateway::Launch;
use floodway_tests::proxy::Proxy;
use floodway_tests::{Broker, Gateway, Publisher, SSE_PATH, Ws, token, topic, upstream_gap};
use serde_json::{Value, json};

const QUEUE: u64 = 20;

/// What a page has got so far.
#[derive(Debug)]
struct Page {
    site: Site,
    _browser: Browser,
    last_id: u64,
    /// The number that comes next if nothing is missing.
    next: u64,
    /// What gaps since the last event count; `None`: one of them does not know.
    missing: Option<u64>,
    gaps: Vec<String>,
}

impl Page {
    /// Opens the stream of `T1` behind this port.
    async fn open(site: Site, port: u16) -> Self {
        let stream = format!("http://127.0.0.1:{port}{SSE_PATH}?token={}", token("T1").sign());
        let url = url_with(&site.origin(), &stream);
        let browser = Browser::open(&url);
        Self { site, _browser: browser, last_id: 0, next: 0, missing: Some(0), gaps: Vec::new() }
    }

    /// Reads up to the event with this number. Fails if one came twice, or is missing where no gap accounts for it.
    async fn reads_to(&mut self, last: u64) {
        while self.next <= last {
            let posted = self.site.posted().await;
            match posted["name"].as_str() {
                None => self.note_event(&posted),
                Some("gap") => self.note_gap(&posted),
                Some("error") => assert_eq!(posted["state"], 0, "it connects again: {posted}"),
                Some(_) => {}
            }
        }
        assert_eq!(self.next, last + 1, "no event comes before its time");
    }

    fn note_event(&mut self, event: &Value) {
        let id: u64 = event["id"].as_str().and_then(|id| id.parse().ok()).expect("an id");
        assert!(id > self.last_id, "ids grow: {event} after {}", self.last_id);
        let n = event["n"].as_u64().expect("a number");
        match self.missing {
            Some(missing) => assert_eq!(n, self.next + missing, "a gap is exact: {:?}", self.gaps),
            None => assert!(n >= self.next, "{n} came twice: {:?}", self.gaps),
        }
        (self.last_id, self.next, self.missing) = (id, n + 1, Some(0));
    }

    fn note_gap(&mut self, gap: &Value) {
        self.missing = self.missing.and_then(|missing| Some(missing + gap["dropped"].as_u64()?));
        self.gaps.push(format!("{} before {}", gap["reason"], self.next));
    }

    /// Reads on until the page reports this.
    async fn reads(&mut self, name: &str) {
        while self.site.posted().await["name"] != name {}
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
    page.reads("connected").await;

    // The network is cut before the first event, and again after some.
    to_gateway.cut().await;
    publisher.count("T1", "A", 0..10).await;
    to_gateway.restore();
    page.reads_to(9).await;
    to_gateway.cut().await;
    publisher.count("T1", "A", 10..40).await;
    to_gateway.restore();
    page.reads_to(39).await;
    assert!(page.gaps.is_empty(), "all of it was kept: {:?}", page.gaps);

    // The stream is over capacity for a while.
    let mut neighbour = gateway.ws("T1", "").await;
    to_gateway.hold();
    flood(&mut publisher, &mut neighbour, 40..1500).await;
    to_gateway.restore();
    publisher.count("T1", "A", 1500..1501).await;
    page.reads_to(1500).await;
    assert!(page.gaps[0].starts_with("\"overflow\""), "{:?}", page.gaps);
    let lost = page.gaps.len();

    // The source is lost for a while.
    neighbour.expect_numbers(1500..1501).await;
    to_broker.cut().await;
    neighbour.expect_upstream("down").await;
    publisher.count("T1", "A", 1501..1510).await;
    to_broker.restore();
    neighbour.expect_json(upstream_gap()).await;
    publisher.count("T1", "A", 1510..1520).await;
    page.reads_to(1519).await;
    assert_eq!(page.gaps[lost..], ["\"upstream\" before 1501"]);

    // The gateway restarts: its memory is lost.
    to_gateway.cut().await;
    drop(gateway);
    publisher.count("T1", "A", 1520..1530).await;
    let gateway = launch(&page.site).await;
    let mut neighbour = gateway.ws("T1", "").await;
    publisher.count("T1", "A", 1530..1540).await;
    neighbour.expect_numbers(1530..1540).await;
    to_gateway.restore();
    page.reads_to(1539).await;
    assert_eq!(page.gaps[lost + 1..], ["\"replay\" before 1520"]);
    publisher.count("T1", "A", 1540..1550).await;
    page.reads_to(1549).await;
    assert_eq!(page.gaps.len(), lost + 2);
}
