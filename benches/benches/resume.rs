//! How long does a client that was away wait until it has what it missed, and what does that cost who was there?
//!
//! * `one client`: it missed 10,000 events. `1,000 at once`: each missed the same 1,000 events. From their coming until
//!   nothing waits for them any more: finding their place, matching what they missed, encoding it, and handing it to outlets
//!   that take everything. The events are new each time, so each text is made inside the timer, once, however many want it.
//!   `every device`: all want everything. `one of ten`: the events are of ten devices, and all want the same one. `a metric`:
//!   all want one of ten metrics, so each event is encoded for them. Criterion's throughput is in events missed, wanted or not,
//!   times clients.
//! * `neighbour`: what one that keeps up waits for an event, from putting it into the inbox until it was delivered and the
//!   turn of the shard is over. `alone`: nobody else does anything. `beside a resume`: another client reads 10,000 events from
//!   history meanwhile; that turn includes its share, so this is what an event waits that comes just when the share begins.
//!
//! Outside the timer: parsing, making the pipes, leaving, and the kernel.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use floodway_benches::{Appetite, Beginning, BenchPipe, Counter, Devices, Peer, Rig, Visitors, config, metric, size};
use floodway_core::event::Event;
use floodway_core::shard::Filter;
use floodway_protocol::EventId;
use floodway_protocol::messages::client::Names;
use floodway_protocol::names::DeviceId;

/// Devices that publish in turn.
const DEVICES: usize = 10;

/// What one client alone missed.
fn missed_by_one() -> usize {
    size(10_000, 300)
}

/// How many come at once, and what each of them missed.
fn crowd() -> (usize, usize) {
    size((1000, 1000), (20, 300))
}

#[derive(Clone, Copy)]
enum Wanted {
    EveryDevice,
    OneOfTen,
    Metric,
}

impl Wanted {
    const ALL: [(Self, &'static str); 3] =
        [(Self::EveryDevice, "every device"), (Self::OneOfTen, "one of ten"), (Self::Metric, "a metric")];

    fn filter(self) -> Filter {
        let mut filter = Filter::default();
        match self {
            Self::EveryDevice => Ok(()),
            Self::OneOfTen => {
                let device = DeviceId::parse(&Devices::name(0)).expect("a valid name");
                filter.add(&Names::Device(device), 1)
            }
            Self::Metric => filter.set_metrics(vec![metric(0)], 1),
        }
        .expect("as many as it may");
        filter
    }

    /// How many of so many events are wanted.
    fn of(self, events: usize) -> usize {
        match self {
            Self::EveryDevice | Self::Metric => events,
            Self::OneOfTen => events / DEVICES,
        }
    }
}

fn come_back(c: &mut Criterion) {
    let (clients, missed) = crowd();
    for (group, clients, missed) in [("one client", 1, missed_by_one()), ("1,000 at once", clients, missed)] {
        let mut group = c.benchmark_group(group);
        group.throughput(Throughput::Elements((clients * missed) as u64));
        for (wanted, name) in Wanted::ALL {
            let rig = Rig::new(&config());
            let (visitors, filter, mut devices) = (Visitors::default(), wanted.filter(), Devices::new(rig.tenant()));
            let (rounds, best) = (Cell::new(0), Cell::new(f64::INFINITY));
            group.bench_function(BenchmarkId::new(name, missed), |bench| {
                bench.iter_custom(|n| {
                    rounds.set(rounds.get() + n);
                    let elapsed = (0..n).map(|_| {
                        let seen = publish(&rig, &mut devices, missed);
                        let round = rig.run(visitors.visit(&rig, clients, Beginning::After(seen), &filter));
                        best.set(best.get().min(round.as_secs_f64() / (clients * missed) as f64));
                        round
                    });
                    elapsed.sum()
                });
            });
            println!("  best: {:.1} ns per event missed", best.get() * 1e9);
            let metrics = rig.metrics();
            let all = rounds.get() * (clients * wanted.of(missed)) as u64;
            assert_eq!(metrics.events.delivered.get(), all, "each has all that it missed");
            assert_eq!(metrics.resumes.incomplete.get(), 0);
            println!("checksum: {all} delivered, {} bytes", visitors.taken());
        }
        group.finish();
    }
}

/// Publishes `missed` events while nobody is there, and one before them; returns its id.
fn publish(rig: &Rig, devices: &mut Devices, missed: usize) -> EventId {
    let events: Vec<Arc<Event>> = (0..=missed).map(|n| devices.event(n % DEVICES)).collect();
    rig.store(&events);
    events[0].id()
}

fn neighbour(c: &mut Criterion) {
    let mut group = c.benchmark_group("neighbour");
    for (name, is_beside) in [("alone", false), ("beside a resume", true)] {
        let mut street = Street::new();
        group.bench_function(name, |bench| {
            bench.iter_custom(|events| (0..events).map(|_| street.deliver(is_beside)).sum());
        });
        println!("checksum: {} bytes to the neighbour", street.kept_up.get());
    }
    group.finish();
}

/// A shard with one that keeps up, and perhaps one beside it that reads from history.
struct Street {
    rig: Rig,
    kept_up: Rc<Counter>,
    devices: Devices,
    visitors: Visitors,
    /// Who came last.
    beside: Vec<Rc<Peer>>,
    newest: EventId,
}

impl Street {
    fn new() -> Self {
        let rig = Rig::new(&config());
        let mut devices = Devices::new(rig.tenant());
        let first = publish(&rig, &mut devices, missed_by_one());
        let kept_up = Rc::new(Counter::default());
        rig.attach(BenchPipe::outlet(Appetite::Everything, &kept_up), Filter::default());
        let newest = EventId::new(first.get() + missed_by_one() as u64);
        Self { rig, kept_up, devices, visitors: Visitors::default(), beside: Vec::new(), newest }
    }

    /// Delivers one event to the one that keeps up; returns how long that took.
    fn deliver(&mut self, is_beside: bool) -> Duration {
        let event = self.devices.event(0);
        self.newest = event.id();
        let (rig, kept_up) = (&self.rig, &self.kept_up);
        rig.run(async {
            if is_beside && rig.metrics().streams.lagging.get() == 0 {
                // The one before has read everything.
                self.visitors.leave(&std::mem::take(&mut self.beside)).await;
                let seen = EventId::new(self.newest.get() - missed_by_one() as u64);
                self.beside.push(self.visitors.come(rig, Beginning::After(seen)));
            }
            let before = kept_up.get();
            let start = Instant::now();
            rig.put(&[event]).await;
            kept_up.reach(before + 1).await;
            start.elapsed()
        })
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(2));
    targets = come_back, neighbour
}
criterion_main!(benches);
