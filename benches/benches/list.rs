//! What does a listing of 10,000 streams cost the shard that has them, and what does it cost an event that comes
//! meanwhile? (No more than one slice of the listing.)
//!
//! * `list`: from the question until the whole answer is there; `per stream` is its share.
//! * `event`: from the inbox until one subscriber of the 10,000 has it, with nobody asking, and in the middle of a
//!   listing. `worst` is the slowest of all that were timed, whatever else the machine did then.
//!
//! Each stream wants another device, so that an event is delivered once. Outside the timer: making the event, and
//! waiting for the listing's end.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use floodway_benches::{Appetite, BenchPipe, Counter, Devices, Rig, config, size};
use floodway_core::shard::{Filter, Select};
use floodway_protocol::messages::client::Names;
use floodway_protocol::names::DeviceId;

fn crowd() -> usize {
    size(10_000, 1_000)
}

fn everybody() -> Select {
    Select { limit: usize::MAX, ..Select::default() }
}

fn gather(count: usize) -> Rig {
    let rig = Rig::new(&config());
    let taken = Rc::new(Counter::default());
    for n in 0..count {
        let device = DeviceId::parse(&Devices::name(n)).expect("a valid name");
        let mut filter = Filter::default();
        filter.add(&Names::Device(device), 1).expect("as many as it may");
        rig.attach(BenchPipe::outlet(Appetite::Everything, &taken), filter);
    }
    rig
}

async fn list(rig: &Rig, count: usize) {
    let listed = rig.handle().list(everybody()).await;
    assert_eq!(listed.expect("the shard runs").len(), count);
}

fn listing(c: &mut Criterion) {
    let count = crowd();
    let rig = gather(count);
    let mut group = c.benchmark_group("list");
    group.throughput(Throughput::Elements(count as u64));
    group.bench_function(BenchmarkId::from_parameter(count), |bench| {
        bench.iter_custom(|times| {
            rig.run(async {
                let start = Instant::now();
                for _ in 0..times {
                    list(&rig, count).await;
                }
                start.elapsed()
            })
        });
    });
    group.finish();
}

fn event_meanwhile(c: &mut Criterion) {
    let count = crowd();
    let rig = gather(count);
    let devices = RefCell::new(Devices::new(rig.tenant()));
    let mut group = c.benchmark_group("event");
    for (name, is_listed) in [("nobody asks", false), ("during a listing", true)] {
        let mut worst = Duration::ZERO;
        group.bench_function(name, |bench| {
            bench.iter_custom(|times| {
                rig.run(async {
                    let mut sum = Duration::ZERO;
                    for n in 0..times {
                        let one = time_one(&rig, &devices, n as usize % count, is_listed).await;
                        sum += one;
                        worst = worst.max(one);
                    }
                    sum
                })
            });
        });
        println!("event, {name}: worst {worst:?}");
    }
    group.finish();
}

/// How long an event takes to its one subscriber.
async fn time_one(rig: &Rig, devices: &RefCell<Devices>, device: usize, is_listed: bool) -> Duration {
    let event = devices.borrow_mut().event(device);
    let delivered = rig.metrics().events.delivered.get();
    let handle = rig.handle().clone();
    let listing = is_listed.then(|| tokio::task::spawn_local(async move { handle.list(everybody()).await }));
    // The listing has begun.
    tokio::task::yield_now().await;
    tokio::task::yield_now().await;
    let start = Instant::now();
    rig.put(&[event]).await;
    rig.until(|metrics| metrics.events.delivered.get() > delivered).await;
    let elapsed = start.elapsed();
    if let Some(listing) = listing {
        assert!(!listing.is_finished(), "it still went on");
        let listed = listing.await.expect("no panic");
        listed.expect("the shard runs");
    }
    elapsed
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1));
    targets = listing, event_meanwhile
}
criterion_main!(benches);
