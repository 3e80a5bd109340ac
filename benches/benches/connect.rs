//! What does one connect cost at 10 and at 10,000 subscribers of one tenant? What does it cost to leave, and to change
//! a filter? (It must not grow.)
//!
//! * `come`: a permit of the index, and the way into the shard. Outside the timer: HTTP, the token, making the pipe.
//! * `leave`: from the peer's end of input until the shard has dropped the subscriber and given its permit back; 64 leave
//!   at once, so that each bears its share of the shard's turn only.
//! * `change filter`: one message of a client that changes its filter, from one to another and back: reading it, the
//!   change, and the answer.
//!
//! Who is there already: `alike`, all want everything, and so does the new one, who joins them; `own device` and `own
//! metric`, all want something else, and so does the new one, for whom a cohort is founded, and dissolved behind it.

use std::rc::Rc;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use floodway_benches::{Appetite, BenchPipe, Counter, Devices, Peer, Rig, config, metric, size};
use floodway_core::shard::Filter;
use floodway_protocol::messages::client::Names;
use floodway_protocol::names::DeviceId;

/// How many come, or leave, between two turns of the shard.
const AT_ONCE: u64 = 64;

fn crowds() -> [usize; 2] {
    size([10, 10_000], [10, 100])
}

#[derive(Clone, Copy)]
enum Crowd {
    Alike,
    OwnDevice,
    OwnMetric,
}

impl Crowd {
    const ALL: [(Self, &'static str); 3] =
        [(Self::Alike, "alike"), (Self::OwnDevice, "own device"), (Self::OwnMetric, "own metric")];

    /// What the `n`th of the crowd wants.
    fn filter(self, n: usize) -> Filter {
        match self {
            Self::Alike => Filter::default(),
            Self::OwnDevice => of_device(n),
            Self::OwnMetric => of_metric(n),
        }
    }

    /// What the `n`th may ask for: another filter, and its own again.
    fn changes(self, n: usize) -> [String; 2] {
        let (own, other) = (n, n + 1);
        match self {
            Self::Alike => [of_device_action("subscribe", n), r#"{"action":"clear_filters"}"#.to_owned()],
            Self::OwnDevice => ["subscribe", "unsubscribe"].map(|action| of_device_action(action, other)),
            Self::OwnMetric => [other, own].map(|n| {
                let metrics = metric(n);
                format!(r#"{{"action":"set_metrics","metrics":["{metrics}"]}}"#)
            }),
        }
    }

    /// A shard where so many of this crowd are.
    fn gather(self, count: usize) -> Rig {
        let rig = Rig::new(&config());
        let taken = Rc::new(Counter::default());
        for n in 0..count {
            let outlet = BenchPipe::outlet(Appetite::Everything, &taken);
            rig.attach(outlet, self.filter(n));
        }
        rig
    }
}

fn of_device_action(action: &str, n: usize) -> String {
    let device = Devices::name(n);
    format!(r#"{{"action":"{action}","device_id":"{device}"}}"#)
}

fn of_device(n: usize) -> Filter {
    let device = DeviceId::parse(&Devices::name(n)).expect("a valid name");
    let mut filter = Filter::default();
    filter.add(&Names::Device(device), 1).expect("as many as it may");
    filter
}

fn of_metric(n: usize) -> Filter {
    let mut filter = Filter::default();
    filter.set_metrics(vec![metric(n)], 1).expect("as many as it may");
    filter
}

fn come_and_leave(c: &mut Criterion) {
    for (crowd, name) in Crowd::ALL {
        for count in crowds() {
            let rig = crowd.gather(count);
            let guests = Guests::new(&rig, crowd, count);
            let mut bench = |what: &str, elapsed: fn(Stay) -> Duration| {
                let id = BenchmarkId::new(name, count);
                c.benchmark_group(what).bench_function(id, |bench| {
                    bench.iter_custom(|guests_count| elapsed(rig.run(guests.visit(guests_count))));
                });
            };
            bench("come", |stay| stay.coming);
            bench("leave", |stay| stay.leaving);
            let metrics = rig.metrics();
            assert_eq!(metrics.streams.ws.get(), count as u64, "the crowd is still there");
            assert_eq!(metrics.streams.opened.get(), count as u64 + guests.gone.get());
            println!("checksum: {} came and left", guests.gone.get());
        }
    }
}

/// Those who come to a crowd, and leave it again.
struct Guests<'a> {
    rig: &'a Rig,
    crowd: Crowd,
    /// How many the crowd is.
    count: usize,
    taken: Rc<Counter>,
    gone: Rc<Counter>,
}

#[derive(Clone, Copy, Default)]
struct Stay {
    coming: Duration,
    leaving: Duration,
}

impl<'a> Guests<'a> {
    fn new(rig: &'a Rig, crowd: Crowd, count: usize) -> Self {
        Self { rig, crowd, count, taken: Rc::default(), gone: Rc::default() }
    }

    /// Lets `guests` come and leave, some at once.
    async fn visit(&self, guests: u64) -> Stay {
        let mut stay = Stay::default();
        let mut left = guests;
        while left > 0 {
            let some = left.min(AT_ONCE);
            left -= some;
            let peers: Vec<Rc<Peer>> = (0..some).map(|_| Peer::new(&self.gone)).collect();
            stay.coming += self.come(&peers);
            stay.leaving += self.leave(&peers).await;
        }
        stay
    }

    fn come(&self, peers: &[Rc<Peer>]) -> Duration {
        let guests: Vec<_> = peers
            .iter()
            .zip(self.count..)
            .map(|(peer, n)| (BenchPipe::to(peer, &self.taken), self.crowd.filter(n)))
            .collect();
        let start = Instant::now();
        for (outlet, filter) in guests {
            self.rig.attach(outlet, filter);
        }
        start.elapsed()
    }

    async fn leave(&self, peers: &[Rc<Peer>]) -> Duration {
        let all_gone = self.gone.get() + peers.len() as u64;
        let start = Instant::now();
        for peer in peers {
            peer.leave();
        }
        self.gone.reach(all_gone).await;
        start.elapsed()
    }
}

fn change_filter(c: &mut Criterion) {
    let mut group = c.benchmark_group("change filter");
    for (crowd, name) in Crowd::ALL {
        for count in crowds() {
            let rig = crowd.gather(count);
            let peer = Peer::with_messages(crowd.changes(count).map(frame).to_vec());
            let taken = Rc::new(Counter::default());
            rig.attach(BenchPipe::to(&peer, &taken), crowd.filter(count));
            group.bench_function(BenchmarkId::new(name, count), |bench| {
                bench.iter_custom(|changes| {
                    rig.run(async {
                        let start = Instant::now();
                        peer.send(changes).await;
                        start.elapsed()
                    })
                });
            });
            assert_eq!(rig.metrics().streams.ws.get(), count as u64 + 1, "all are there");
            println!("checksum: {} bytes of answers", taken.get());
        }
    }
    group.finish();
}

/// A client's text frame, with a mask of zeros.
fn frame(action: String) -> Vec<u8> {
    let length = u8::try_from(action.len()).ok().filter(|&length| length < 126);
    let length = length.expect("a short action");
    [&[0x81, 0x80 | length, 0, 0, 0, 0], action.as_bytes()].concat()
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1));
    targets = come_and_leave, change_filter
}
criterion_main!(benches);
