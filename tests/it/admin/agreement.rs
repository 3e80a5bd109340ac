//! A thousand streams in twenty tenants: every way of counting them gives the same, and the clients' own counts too.

use std::collections::BTreeMap;

use floodway_tests::{Broker, Gateway, Sse, Ws, token, wait_until};
use futures_util::stream::{self, StreamExt};
use serde_json::{Value, json};

use super::{ask, number};

const TENANTS: u64 = 20;
const OVER_EACH: usize = 500;
/// Streams that shake hands at the same time.
const AT_ONCE: usize = 50;
/// The metric `n` of a round's last event: who has read it has read the round.
const LAST: u64 = 999;

enum Carrier {
    WebSocket(Box<Ws>),
    Sse(Sse),
}

/// A client, and what it has counted.
struct Client {
    carrier: Carrier,
    tenant: u64,
    subject: String,
    /// Wants device A alone, not B.
    only_a: bool,
    received: u64,
}

impl Client {
    /// The `nth` stream of its transport: of tenant 0 there are 6, of tenant 19 there are 44. Over SSE the tenants are
    /// mixed, so that no tenant has as many of one kind as of the other by rule.
    async fn open(gateway: &Gateway, nth: usize, is_sse: bool) -> Self {
        let mut left = nth as u64;
        let mut place = 0;
        while left >= 6 + 2 * place {
            left -= 6 + 2 * place;
            place += 1;
        }
        let tenant = if is_sse { place * 7 % TENANTS } else { place };
        let subject = format!("person-{}", nth % 3);
        let signed = token(&name(tenant)).claim("sub", json!(subject)).sign();
        let only_a = nth.is_multiple_of(4);
        let query = if only_a { "device_id=A" } else { "" };
        let carrier = if is_sse {
            Carrier::Sse(gateway.sse_with(&signed, query).await)
        } else {
            Carrier::WebSocket(Box::new(gateway.ws_with(&signed, query).await))
        };
        Self { carrier, tenant, subject, only_a, received: 0 }
    }

    fn transport(&self) -> &'static str {
        match self.carrier {
            Carrier::WebSocket(_) => "TRANSPORT_WEBSOCKET",
            Carrier::Sse(_) => "TRANSPORT_SSE",
        }
    }

    /// Reads a round of events to its last one.
    async fn read(&mut self) {
        let (of_a, of_b) = events(self.tenant);
        let expected = self.received + if self.only_a { of_a } else { of_a + of_b };
        loop {
            let event = match &mut self.carrier {
                Carrier::WebSocket(ws) => ws.next_event().await,
                Carrier::Sse(sse) => sse.next_event().await,
            };
            self.received += 1;
            if event["metrics"]["n"] == LAST {
                break;
            }
        }
        assert_eq!(self.received, expected, "all that it wants, each once");
    }
}

fn name(tenant: u64) -> String {
    format!("tenant-{tenant:02}")
}

/// Events of the devices A and B in a round.
fn events(tenant: u64) -> (u64, u64) {
    (2 + tenant % 3, 2 + tenant % 4)
}

/// A round of events.
async fn publish(broker: &Broker) {
    let mut publisher = broker.publisher().await;
    for tenant in 0..TENANTS {
        let (of_a, of_b) = events(tenant);
        publisher.count(&name(tenant), "B", 0..of_b).await;
        publisher.count(&name(tenant), "A", 1..of_a).await;
        publisher.telemetry(&name(tenant), "B", "not JSON").await;
        publisher.count(&name(tenant), "A", LAST..LAST + 1).await;
    }
}

/// All pages of a list.
async fn pages(gateway: &Gateway, call: &str, field: &str, mut asked: Value) -> (Vec<Value>, usize) {
    let (mut listed, mut pages) = (Vec::new(), 0);
    loop {
        let answer = ask(gateway, call, asked.clone()).await;
        listed.extend(answer[field].as_array().expect("a list").clone());
        pages += 1;
        asked["page_token"] = answer["next_page_token"].clone();
        if asked["page_token"] == "" {
            return (listed, pages);
        }
    }
}

/// What is known from outside: the live clients, what clients that left have received, and the rounds of events.
struct Truth {
    clients: Vec<Client>,
    /// By tenant.
    of_who_left: BTreeMap<u64, u64>,
    left: u64,
    rounds: u64,
}

impl Truth {
    fn received(&self, tenant: u64) -> u64 {
        let live = self.clients.iter().filter(|one| one.tenant == tenant);
        let live: u64 = live.map(|one| one.received).sum();
        live + self.of_who_left.get(&tenant).copied().unwrap_or_default()
    }

    fn received_by_all(&self) -> u64 {
        (0..TENANTS).map(|tenant| self.received(tenant)).sum()
    }

    fn published(&self, tenant: u64) -> u64 {
        let (of_a, of_b) = events(tenant);
        self.rounds * (of_a + of_b)
    }

    fn published_by_all(&self) -> u64 {
        (0..TENANTS).map(|tenant| self.published(tenant)).sum()
    }

    /// Messages that are no events: one of each tenant a round.
    fn malformed(&self) -> u64 {
        self.rounds * TENANTS
    }

    fn live(&self, wanted: impl Fn(&Client) -> bool) -> u64 {
        self.clients.iter().filter(|one| wanted(one)).count() as u64
    }

    /// A round of events, which every client reads.
    async fn round(&mut self, broker: &Broker) {
        let read = stream::iter(&mut self.clients).for_each_concurrent(None, Client::read);
        tokio::join!(publish(broker), read);
        self.rounds += 1;
    }

    async fn half_leave(&mut self, gateway: &Gateway) {
        let clients = std::mem::take(&mut self.clients);
        for (nth, client) in clients.into_iter().enumerate() {
            if nth % 2 == 0 {
                self.clients.push(client);
            } else {
                *self.of_who_left.entry(client.tenant).or_default() += client.received;
                self.left += 1;
            }
        }
        gateway.has_connections(self.clients.len() as u64).await;
    }

    async fn agrees_with_all(&self, gateway: &Gateway) {
        self.agrees_with_status(gateway).await;
        self.agrees_with_tenants(gateway).await;
        self.agrees_with_connections(gateway).await;
        self.agrees_with_metrics(gateway).await;
    }

    async fn agrees_with_status(&self, gateway: &Gateway) {
        let status = ask(gateway, "GetStatus", json!({})).await["status"].clone();
        let (connections, ingest) = (&status["connections"], &status["ingest"]);
        let live = |transport| self.live(|one| one.transport() == transport);
        assert_eq!(number(&connections["total"]), self.clients.len() as u64);
        assert_eq!(number(&connections["websocket"]), live("TRANSPORT_WEBSOCKET"));
        assert_eq!(number(&connections["sse"]), live("TRANSPORT_SSE"));
        assert_eq!(number(&connections["opened"]), 2 * OVER_EACH as u64);
        let closed = connections["closed_by_reason"].as_object().expect("a map");
        assert_eq!(closed.values().map(number).sum::<u64>(), self.left);
        assert_eq!(number(&connections["tenants"]), TENANTS);
        let by_tenant = connections["by_tenant"].as_array().expect("a list");
        for (tenant, counted) in by_name(by_tenant, "tenant_id") {
            let live = self.live(|one| name(one.tenant) == tenant);
            assert_eq!(number(&counted["total"]), live, "{tenant}");
        }
        let deliveries = &status["deliveries"];
        assert_eq!(number(&deliveries["delivered"]), self.received_by_all());
        assert_eq!(number(&deliveries["dropped"]), 0);
        assert_eq!(number(&ingest["accepted"]), self.published_by_all());
        assert_eq!(number(&ingest["rejected_by_reason"]["not_json"]), self.malformed());
        let received = number(&ingest["received"]) - number(&ingest["accepted"]);
        assert_eq!(received, self.malformed(), "nothing else was refused");
    }

    async fn agrees_with_tenants(&self, gateway: &Gateway) {
        let asked = json!({"page_size": 7});
        let (tenants, pages) = pages(gateway, "ListTenants", "tenants", asked).await;
        assert_eq!((tenants.len() as u64, pages), (TENANTS, 3));
        let tenants = by_name(&tenants, "tenant_id");
        for tenant in 0..TENANTS {
            let listed = &tenants[name(tenant).as_str()];
            let of = |transport: &str| self.live(|one| one.tenant == tenant && one.transport() == transport);
            let (ws, sse) = (of("TRANSPORT_WEBSOCKET"), of("TRANSPORT_SSE"));
            assert_eq!(number(&listed["connections"]), ws + sse, "{listed}");
            assert_eq!(number(&listed["websocket"]), ws, "{listed}");
            assert_eq!(number(&listed["sse"]), sse, "{listed}");
            assert_eq!(number(&listed["events"]), self.published(tenant), "{listed}");
            assert_eq!(number(&listed["delivered"]), self.received(tenant), "{listed}");
            assert_eq!(number(&listed["dropped"]), 0, "{listed}");
        }
    }

    async fn agrees_with_connections(&self, gateway: &Gateway) {
        let list = async |mut asked: Value, size: u64| {
            asked["page_size"] = json!(size);
            let (listed, pages) = pages(gateway, "ListConnections", "connections", asked).await;
            assert!(listed.len() <= pages * size as usize);
            listed
        };
        let all = list(json!({}), 150).await;
        let ids = by_name(&all, "connection_id");
        assert_eq!((all.len(), ids.len()), (self.clients.len(), self.clients.len()));
        let listed = all.iter().map(|one| {
            let text = |field: &str| one[field].as_str().expect("a text").to_owned();
            let only_a = one["filters"]["device_ids"] == json!(["A"]);
            let who = (text("tenant_id"), text("transport"), text("subject"), only_a);
            (who, number(&one["delivered"]), number(&one["dropped"]))
        });
        let known = self.clients.iter().map(|one| {
            let transport = one.transport().to_owned();
            let who = (name(one.tenant), transport, one.subject.clone(), one.only_a);
            (who, one.received, 0)
        });
        let (mut listed, mut known): (Vec<_>, Vec<_>) = (listed.collect(), known.collect());
        listed.sort();
        known.sort();
        assert_eq!(listed, known, "stream by stream");

        let of_tenant = list(json!({"tenant_id": name(19)}), 20).await;
        assert_eq!(of_tenant.len() as u64, self.live(|one| one.tenant == 19));
        let of_subject = list(json!({"subject": "person-1"}), 100).await;
        let known = self.live(|one| one.subject == "person-1");
        assert_eq!(of_subject.len() as u64, known);
        let asked = json!({"tenant_id": name(7), "transport": "TRANSPORT_SSE", "subject": "person-2"});
        let of_all = list(asked, 3).await;
        let known =
            self.live(|one| (one.tenant, one.subject.as_str(), one.transport()) == (7, "person-2", "TRANSPORT_SSE"));
        assert_eq!(of_all.len() as u64, known);
    }

    async fn agrees_with_metrics(&self, gateway: &Gateway) {
        let url = format!("http://{}/metrics", gateway.admin());
        let scraped = gateway.http().get(url).send().await.expect("an answer");
        let scraped = scraped.text().await.expect("a text");
        let sample = |named: &str| {
            let lines = scraped.lines().filter_map(|line| line.rsplit_once(' '));
            let mut found = lines.filter(|(name, _)| *name == named);
            let (_, value) = found.next().unwrap_or_else(|| panic!("no {named}:\n{scraped}"));
            value.parse::<u64>().expect("a whole number")
        };
        for (named, known) in [
            (
                r#"floodway_connections{transport="websocket"}"#,
                self.live(|one| one.transport() == "TRANSPORT_WEBSOCKET"),
            ),
            (r#"floodway_connections{transport="sse"}"#, self.live(|one| one.transport() == "TRANSPORT_SSE")),
            ("floodway_connections_admitted", self.clients.len() as u64),
            (r#"floodway_connections_opened_total{transport="websocket"}"#, OVER_EACH as u64),
            (r#"floodway_connections_opened_total{transport="sse"}"#, OVER_EACH as u64),
            ("floodway_ingest_accepted_total", self.published_by_all()),
            (r#"floodway_ingest_rejected_total{reason="not_json"}"#, self.malformed()),
            ("floodway_deliveries_total", self.received_by_all()),
            ("floodway_drops_total", 0),
        ] {
            assert_eq!(sample(named), known, "{named}");
        }
    }
}

fn by_name<'a>(list: &'a [Value], field: &str) -> BTreeMap<&'a str, &'a Value> {
    let named = list.iter().map(|one| (one[field].as_str().expect("a name"), one));
    named.collect()
}

/// What was read by the clients is counted a moment later: then nothing is in flight.
async fn nothing_is_in_flight(gateway: &Gateway, received: u64) {
    wait_until("what was read is counted", async || {
        let status = ask(gateway, "GetStatus", json!({})).await;
        number(&status["status"]["deliveries"]["delivered"]) == received
    })
    .await;
}

#[tokio::test]
async fn a_thousand_streams_are_counted_alike_by_everyone() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).env("MAX_STREAM_CONNECTIONS_PER_TENANT", "100").await;
    let each = (0..OVER_EACH).flat_map(|nth| [(nth, false), (nth, true)]);
    let opening = stream::iter(each).map(|(nth, is_sse)| Client::open(&gateway, nth, is_sse));
    let mut truth = Truth {
        clients: opening.buffer_unordered(AT_ONCE).collect().await,
        of_who_left: BTreeMap::new(),
        left: 0,
        rounds: 0,
    };
    for _ in 0..2 {
        truth.round(&broker).await;
        nothing_is_in_flight(&gateway, truth.received_by_all()).await;
        truth.agrees_with_all(&gateway).await;
        truth.half_leave(&gateway).await;
    }
    nothing_is_in_flight(&gateway, truth.received_by_all()).await;
    truth.agrees_with_all(&gateway).await;
}
