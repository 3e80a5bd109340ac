//! The ledger from end to end. Random subscribers with real sockets read, stall, leave and come back, and change what they
//! want, under every policy and with little history; and for each of them what it received and what gaps count is what
//! matched, and so is what the gateway reports as delivered, dropped, conflated and held.

mod model;
mod subscriber;

use fastrand::Rng;
use floodway_tests::gateway::Launch;
use floodway_tests::{Broker, Gateway, Publisher, Stream, Transport, topic, wait_until};
use model::{DEVICES, Log, METRICS, Wants};
use serde_json::{Value, json};
use subscriber::Subscriber;

use crate::admin::{Page, ask};

/// Events that a subscriber may lag.
const QUEUE: u64 = 20;
/// Events that are kept.
const KEPT: usize = 120;

fn launch(broker: &Broker) -> Launch {
    let launch = Gateway::start(broker).env("STREAM_QUEUE_SIZE", QUEUE).env("FLOODWAY_REPLAY_EVENTS", KEPT);
    // Kernels hold little, so that streams lag soon; and a stream that ended waits for its reader.
    let launch = launch.env("FLOODWAY_STREAM_UNSENT_BYTES", "4096");
    let launch = launch.env("FLOODWAY_STREAM_CLOSE_TIMEOUT_SECONDS", "120");
    launch.env("MAX_STREAM_CONNECTIONS_PER_TENANT", "0").env("FLOODWAY_SHARD_COUNT", "2")
}

/// A gateway, all that was published, and who is there.
struct World {
    rng: Rng,
    gateway: Gateway,
    publisher: Publisher,
    /// Misses nothing, and so knows the id of each event.
    witness: Stream,
    log: Log,
    subscribers: Vec<Subscriber>,
}

impl World {
    async fn new(broker: &Broker, seed: u64) -> Self {
        let gateway = launch(broker).await;
        let witness = gateway.stream(Transport::WebSocket, "T1", "").await;
        let publisher = broker.publisher().await;
        let (rng, log) = (Rng::with_seed(seed), Log::default());
        Self { rng, gateway, publisher, witness, log, subscribers: Vec::new() }
    }

    /// Publishes some events, none faster than the witness reads; between them those that read do so a little.
    async fn burst(&mut self, events: u64) {
        let pad = "x".repeat(1000);
        for _ in 0..events / (QUEUE / 2) {
            for _ in 0..QUEUE / 2 {
                let (device, metric) = (self.rng.usize(..DEVICES), self.rng.usize(..METRICS.len()));
                let payload = json!({"metrics": {METRICS[metric]: pad}}).to_string();
                self.publisher.send(&topic("T1", &format!("D{device}")), payload).await;
                self.log.sent(device, metric);
            }
            for event in self.log.unconfirmed() {
                event.confirm(&self.witness.next().await);
                let event = &*event;
                self.subscribers.iter_mut().for_each(|subscriber| subscriber.matches(event));
            }
            for subscriber in self.subscribers.iter_mut().filter(|subscriber| subscriber.reads) {
                subscriber.read(self.rng.usize(..12)).await;
            }
        }
    }

    /// Each of them does something, or nothing.
    async fn act(&mut self) {
        for subscriber in &mut self.subscribers {
            match self.rng.u8(..10) {
                0..3 => subscriber.leave_and_come_back(&self.gateway, &mut self.rng, &self.log).await,
                3..5 => subscriber.change_filter(&mut self.rng).await,
                5..8 => subscriber.reads = !subscriber.reads,
                8 => subscriber.read_all().await,
                _ => {}
            }
        }
    }

    /// Waits until the gateway reports this of each stream.
    async fn wait_until_all(&self, what: &str, reports: impl Fn(&Subscriber, Option<&Value>) -> bool) {
        wait_until(what, async || {
            let listed = ask(&self.gateway, "ListConnections", json!({"tenant_id": "T1"})).await;
            let listed = listed["connections"].as_array().expect("a list");
            let of = |subject: &str| listed.iter().find(|connection| connection["subject"] == subject);
            self.subscribers.iter().all(|own| reports(own, of(&own.subject)))
        })
        .await;
    }

    /// Waits until the gateway reports that all that matched each stream is delivered, dropped, conflated or held.
    async fn balances(&self) {
        self.wait_until_all("the ledgers balance", |own, connection| own.may_report(connection.map(sum)))
            .await;
    }

    /// Waits until the gateway has read each change of a filter.
    async fn is_filtered(&self) {
        self.wait_until_all("all filters are changed", Subscriber::is_filtered).await;
    }
}

/// All that became of a stream's events.
fn sum(connection: &Value) -> u64 {
    let fates = ["delivered", "dropped", "conflated", "held"].iter();
    let numbers = fates.map(|name| connection[name].as_str().map_or(0, |text| text.parse().expect("a number")));
    numbers.sum()
}

async fn story(seed: u64) {
    println!("seed {seed}");
    let broker = Broker::start().await;
    let mut world = World::new(&broker, seed).await;
    for number in 0..12 {
        let wants = Wants::any(&mut world.rng);
        let subscriber = Subscriber::open(&world.gateway, number, wants, &mut world.rng, &world.log).await;
        world.subscribers.push(subscriber);
    }
    for _ in 0..6 {
        let events = world.rng.u64(20..300);
        world.burst(events).await;
        world.balances().await;
        world.act().await;
        world.is_filtered().await;
    }
    world.burst(50).await;
    for subscriber in &mut world.subscribers {
        subscriber.read_all().await;
    }
    world.balances().await;
    let page = Page::gateway(&world.gateway).await;
    page.is_consistent();
    assert_eq!(page.sum("held_events", &[]), 0.0, "all is read");
    let lost: u64 = world.subscribers.iter().map(|subscriber| subscriber.lost).sum();
    assert!(lost > 0, "some were to lose something");
}

#[tokio::test]
async fn for_every_stream_received_and_lost_is_what_matched() {
    let given = std::env::var("FLOODWAY_TEST_SEED").ok();
    story(given.map_or_else(|| fastrand::u64(..), |seed| seed.parse().expect("a seed"))).await;
}
