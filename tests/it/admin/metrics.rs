//! The pages for Prometheus, read by Prometheus's own client for Python while streams come, lag and go.

use std::collections::BTreeMap;

use floodway_tests::process::{run, script};
use floodway_tests::{Broker, Gateway, token, topic, wait_until};
use serde_json::json;

use super::ask;

type Labels = BTreeMap<String, String>;

/// A page: its samples.
pub(crate) struct Page(Vec<(String, Labels, f64)>);

impl Page {
    async fn of(gateway: &Gateway, path: &str) -> Self {
        let mut command = script("metrics_page.py");
        command.arg(format!("http://{}{path}", gateway.admin()));
        let samples = run("metrics_page.py", command).await.succeeded();
        Self(serde_json::from_str(&samples).expect("samples"))
    }

    pub(crate) async fn gateway(gateway: &Gateway) -> Self {
        Self::of(gateway, "/metrics").await
    }

    async fn tenants(gateway: &Gateway) -> Self {
        Self::of(gateway, "/metrics/tenants").await
    }

    /// The samples of a name with, among others, these labels.
    fn each<'a>(&'a self, name: &str, labels: &'a [(&'a str, &'a str)]) -> impl Iterator<Item = (&'a Labels, f64)> {
        let name = format!("floodway_{name}");
        let fits = move |(found, given, _): &&(String, Labels, f64)| {
            let has = |&(label, value): &(&str, &str)| given.get(label).is_some_and(|is| is == value);
            *found == name && labels.iter().all(has)
        };
        self.0.iter().filter(fits).map(|(_, labels, value)| (labels, *value))
    }

    /// The sum of the same.
    pub(crate) fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.each(name, labels).map(|(_, value)| value).sum()
    }

    fn has(&self, name: &str, labels: &[(&str, &str)]) -> bool {
        self.each(name, labels).next().is_some()
    }

    /// Nothing is counted twice or forgotten, and each delivery has its time.
    pub(crate) fn is_consistent(&self) {
        let fates = ["deliveries_total", "drops_total", "conflated_total", "held_events"];
        let fates: f64 = fates.iter().map(|name| self.sum(name, &[])).sum();
        assert_eq!(self.sum("matched_total", &[]), fates);
        let delivered = self.sum("deliveries_total", &[]);
        assert_eq!(self.sum("delivery_seconds_count", &[]), delivered);
        assert_eq!(self.sum("delivery_seconds_bucket", &[("le", "+Inf")]), delivered);
        let seconds = self.sum("delivery_seconds_sum", &[]);
        assert!(seconds > 0.0 && seconds < 60.0 * delivered, "{seconds} s");
    }
}

/// Waits until that much is delivered, and counted with its times; then the gateway is at rest.
async fn has_delivered(gateway: &Gateway, deliveries: f64) -> Page {
    let mut last = None;
    wait_until(&format!("{deliveries} deliveries are counted"), async || {
        let page = Page::gateway(gateway).await;
        let is_there = ["deliveries_total", "delivery_seconds_count"]
            .iter()
            .all(|name| page.sum(name, &[]) == deliveries);
        last = Some(page);
        is_there
    })
    .await;
    last.expect("looked at")
}

/// Each counter of tenants, and that of the gateway.
const SAME: [(&str, &str); 6] = [
    ("tenant_connections", "connections"),
    ("tenant_ingest_accepted_total", "ingest_accepted_total"),
    ("tenant_deliveries_total", "deliveries_total"),
    ("tenant_drops_total", "drops_total"),
    ("tenant_conflated_total", "conflated_total"),
    ("tenant_sent_bytes_total", "sent_bytes_total"),
];

fn sums_agree(tenants: &Page, gateway: &Page) {
    for (of_tenants, of_gateway) in SAME {
        let (sum, total) = (tenants.sum(of_tenants, &[]), gateway.sum(of_gateway, &[]));
        assert_eq!(sum, total, "{of_tenants}");
    }
}

#[tokio::test]
async fn both_pages_tell_what_was_delivered_to_whom() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker)
        .env("FLOODWAY_SHARD_COUNT", 2)
        .env("FLOODWAY_ADMIN_METRICS_TENANTS", 3)
        .env("FLOODWAY_MQTT_SUBSCRIBE", "all")
        .await;
    let mut publisher = broker.publisher().await;
    let strange = r#"a "b" \ é"#;
    // Each tenant, its events, and how it is shown; the last is not among the three busiest.
    let tenants = [("T1", 40, "T1"), ("_other", 20, "__other"), (strange, 10, strange), ("T4", 5, "_other")];
    let mut streams = Vec::new();
    for (tenant, events, _) in tenants {
        let (mut first, mut second) = (gateway.ws(tenant, "").await, gateway.ws(tenant, "").await);
        let mut sse = gateway.sse(tenant, "").await;
        publisher.count(tenant, "A", 0..events).await;
        first.expect_numbers(0..events).await;
        second.expect_numbers(0..events).await;
        sse.expect_numbers(0..events).await;
        streams.push((first, second, sse));
    }
    // A tenant without streams is among the others, with what came in.
    publisher.count("NOBODY", "A", 0..7).await;
    wait_until("all came in", async || Page::gateway(&gateway).await.sum("ingest_accepted_total", &[]) == 82.0).await;

    let page = has_delivered(&gateway, 225.0).await;
    page.is_consistent();
    assert_eq!(page.sum("connections", &[("transport", "websocket")]), 8.0);
    assert_eq!(page.sum("connections_opened_total", &[("transport", "sse")]), 4.0);
    assert_eq!((page.sum("tenants", &[]), page.sum("broker_up", &[])), (4.0, 1.0));
    for shard in ["0", "1"] {
        let shard = [("shard", shard)];
        assert_eq!(page.sum("inbox_items", &shard), 0.0);
        assert_eq!(page.sum("inbox_capacity_items", &shard), 8192.0);
        assert!(page.sum("shard_busy_seconds_total", &shard) > 0.0);
    }

    let told = Page::tenants(&gateway).await;
    sums_agree(&told, &page);
    for (_, events, shown) in tenants {
        let tenant = [("tenant", shown)];
        assert_eq!(told.sum("tenant_deliveries_total", &tenant), (3 * events) as f64, "{shown}");
        let sse = [("tenant", shown), ("transport", "sse")];
        assert_eq!(told.sum("tenant_connections", &sse), 1.0, "{shown}");
    }
    assert_eq!(told.sum("tenant_ingest_accepted_total", &[("tenant", "_other")]), 12.0);
    assert_eq!(told.each("tenant_drops_total", &[]).count(), 4);
}

#[tokio::test]
async fn who_has_left_is_counted_under_how_it_ended_and_stays_in_the_sums() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker)
        .env("FLOODWAY_MQTT_LINGER_SECONDS", 0)
        .env("FLOODWAY_REPLAY_SECONDS", 0)
        .env("MAX_STREAM_CONNECTIONS_PER_TENANT", 3)
        .await;
    let mut publisher = broker.publisher().await;
    let (mut kept, closing) = (gateway.ws("T1", "").await, gateway.ws("T1", "").await);
    let mut gone = gateway.sse("T1", "").await;
    publisher.count("T1", "A", 0..10).await;
    gone.expect_numbers(0..10).await;
    has_delivered(&gateway, 30.0).await;
    let named = Page::tenants(&gateway).await;
    assert_eq!(named.sum("tenant_deliveries_total", &[("tenant", "T1")]), 30.0);

    gateway.ws_refused(Some(&token("T1").sign()), "").await;
    gateway.ws_refused(None, "").await;
    gateway.ws_refused(Some("no.such.token"), "").await;
    gateway.sse_refused(Some("no.such.token"), "").await;
    let page = Page::gateway(&gateway).await;
    let refused = |reason| page.sum("connections_refused_total", &[("reason", reason)]);
    let counts = ["tenant_limit", "no_token", "bad_token", "draining"].map(refused);
    assert_eq!(counts, [1.0, 1.0, 2.0, 0.0]);

    closing.close().await;
    drop(gone);
    gateway.has_connections(1).await;
    ask(&gateway, "Disconnect", json!({"tenant_id": "T1"})).await;
    assert_eq!(kept.close_code().await.0, 4010);
    wait_until("the tenant has left", async || {
        !Page::tenants(&gateway).await.has("tenant_drops_total", &[("tenant", "T1")])
    })
    .await;
    let (told, page) = (Page::tenants(&gateway).await, Page::gateway(&gateway).await);
    page.is_consistent();
    sums_agree(&told, &page);
    assert_eq!(told.sum("tenant_deliveries_total", &[("tenant", "_other")]), 30.0);
    for (transport, code) in [("websocket", "1000"), ("websocket", "4010"), ("sse", "none")] {
        let labels = [("transport", transport), ("code", code)];
        assert_eq!(page.sum("connections_closed_by_code_total", &labels), 1.0, "{labels:?}");
    }
    assert_eq!(page.sum("connections_closed_by_code_total", &[]), 3.0);
    assert_eq!(page.sum("connections_closed_total", &[]), 3.0);
    assert_eq!(page.sum("connections", &[]), 0.0);
}

#[tokio::test]
async fn what_lags_is_held_and_gaps_are_counted_by_reason() {
    let mut broker = Broker::start().await;
    let gateway = Gateway::start(&broker)
        .env("STREAM_QUEUE_SIZE", 20)
        .env("FLOODWAY_MQTT_BACKOFF_MAX_SECONDS", "0.5")
        .await;
    let (mut neighbour, mut stalled) = (gateway.ws("T1", "").await, gateway.ws_narrow("T1", "").await);
    let mut publisher = broker.publisher().await;
    let pad = "x".repeat(1000);
    let mut sent = 0;
    let mut page = Page::gateway(&gateway).await;
    while page.sum("drops_total", &[]) == 0.0 {
        for n in sent..sent + 10 {
            let payload = json!({"metrics": {"n": n, "pad": pad}}).to_string();
            publisher.send(&topic("T1", "A"), payload).await;
        }
        neighbour.expect_numbers(sent..sent + 10).await;
        sent += 10;
        page = Page::gateway(&gateway).await;
    }
    wait_until("all was matched with both", async || {
        page = Page::gateway(&gateway).await;
        page.sum("matched_total", &[]) == 2.0 * sent as f64
    })
    .await;
    assert_eq!(page.sum("lagging_connections", &[]), 1.0);
    let held = page.sum("held_events", &[]);
    assert!((20.0..=21.0).contains(&held), "a full ring, and one that is partly written: {held}");
    let mut lost = 0;
    let mut received = 0;
    while received + lost < sent {
        let message = stalled.next().await;
        match message["dropped"].as_u64() {
            Some(dropped) => lost += dropped,
            None => received += 1,
        }
    }
    let page = has_delivered(&gateway, (sent + received) as f64).await;
    page.is_consistent();
    assert_eq!(page.sum("drops_total", &[]), lost as f64);
    assert_eq!((page.sum("held_events", &[]), page.sum("lagging_connections", &[])), (0.0, 0.0));
    assert!(page.sum("gaps_total", &[("reason", "overflow")]) >= 1.0);
    assert_eq!(page.sum("gaps_total", &[("reason", "upstream")]), 0.0);

    broker.stop();
    wait_until("the broker is missed", async || Page::gateway(&gateway).await.sum("broker_up", &[]) == 0.0).await;
    broker.start_again().await;
    neighbour.expect_outage().await;
    stalled.expect_outage().await;
    wait_until("both gaps are counted", async || {
        let page = Page::gateway(&gateway).await;
        page.sum("gaps_total", &[("reason", "upstream")]) == 2.0
    })
    .await;
}
