//! What does one event cost a shard per subscriber, besides the write?
//!
//! Inside the timer: putting a batch of events into the inbox, waking the shard, matching, gathering, and one delivery
//! per event and subscriber that wants it, until the last is counted. Outside: parsing and encoding (the events are
//! used again, so their texts are there), connecting, and the kernel, except in `sockets`.
//! Criterion's times are per batch, its throughput is in deliveries; `best` is the quickest sample, per delivery. With
//! one subscriber and one event it is all that an event costs a shard, the wake-up and two system calls included.
//!
//! * `takes everything`: outlets that count bytes. `one cohort`: all want everything. `10 filters`: each wants one of
//!   ten metrics. `own device`: each wants another device, so each event is delivered once, among so many.
//! * `takes nothing`: outlets that never take a byte, their rings full, under each policy: what a slow consumer costs
//!   the others. The events are of 128 devices in turn, so that under `Latest` none in a ring of 100 is of the same
//!   device. An event dropped or passed over counts as a delivery here.
//! * `sockets`: loopback TCP, read by another thread, for the share of the kernel, which on loopback includes the
//!   receiving side of TCP.

use std::cell::Cell;
use std::io::{self, Read};
use std::net::{Ipv4Addr, TcpListener};
use std::rc::Rc;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use floodway_benches::{Appetite, BenchPipe, Counter, Devices, METRICS, Rig, config, limits, metric, size};
use floodway_core::event::Event;
use floodway_core::index::{Limits, Overflow};
use floodway_core::shard::{Filter, Metrics, Outlet};
use floodway_protocol::Encoding;
use floodway_protocol::messages::client::Names;
use floodway_protocol::names::DeviceId;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

/// Events that come at once.
const BATCHES: [usize; 2] = [1, 64];

fn crowds() -> [usize; 3] {
    size([1, 100, 10_000], [1, 10, 100])
}

#[derive(Clone, Copy)]
enum Audience {
    OneCohort,
    TenFilters,
    OwnDevice,
}

impl Audience {
    const ALL: [(Self, &'static str); 3] =
        [(Self::OneCohort, "one cohort"), (Self::TenFilters, "10 filters"), (Self::OwnDevice, "own device")];

    /// What the `n`th subscriber wants.
    fn filter(self, n: usize) -> Filter {
        let mut filter = Filter::default();
        match self {
            Self::OneCohort => Ok(()),
            Self::TenFilters => filter.set_metrics(vec![metric(n % METRICS)], 1),
            Self::OwnDevice => {
                let device = DeviceId::parse(&Devices::name(n)).expect("a valid name");
                filter.add(&Names::Device(device), 1)
            }
        }
        .expect("as many as it may");
        filter
    }

    /// Batches of `batch` events, to be sent in turn; with devices of their own, somebody wants each.
    fn batches(self, rig: &Rig, crowd: usize, batch: usize) -> Vec<Vec<Arc<Event>>> {
        let mut devices = Devices::new(rig.tenant());
        let count = match self {
            Self::OneCohort | Self::TenFilters => 1,
            Self::OwnDevice => crowd.div_ceil(batch),
        };
        // A step that shares no factor with a crowd: neighbours in a batch are no neighbours in the shard's memory.
        let mut events = (0..).map(|n| devices.event(n * 7919 % crowd));
        (0..count).map(|_| events.by_ref().take(batch).collect()).collect()
    }

    fn deliveries(self, crowd: usize, batch: usize) -> u64 {
        let deliveries = match self {
            Self::OneCohort | Self::TenFilters => crowd * batch,
            Self::OwnDevice => batch,
        };
        deliveries as u64
    }
}

fn takes_everything(c: &mut Criterion) {
    for (audience, name) in Audience::ALL {
        let mut group = c.benchmark_group(format!("takes everything, {name}"));
        for crowd in crowds() {
            let rig = Rig::new(&config());
            let taken = Rc::new(Counter::default());
            for n in 0..crowd {
                let outlet = BenchPipe::outlet(Appetite::Everything, &taken);
                rig.attach(outlet, audience.filter(n));
            }
            for batch in BATCHES {
                to_takers(&mut group, &rig, &taken, (audience, crowd, batch));
            }
            report(&rig, &taken);
        }
        group.finish();
    }
}

fn to_takers(
    group: &mut BenchmarkGroup<'_, WallTime>,
    rig: &Rig,
    taken: &Counter,
    (audience, crowd, batch): (Audience, usize, usize),
) {
    let batches = audience.batches(rig, crowd, batch);
    let deliveries = audience.deliveries(crowd, batch);
    let frame = batches[0][0].frame(audience.filter(0).metrics(), Encoding::Ws);
    let bytes = deliveries * frame.expect("it is wanted").len() as u64;
    let mut next = batches.iter().cycle();
    measure(group, (crowd, batch), deliveries, |rounds| {
        rig.run(async {
            let start = Instant::now();
            for _ in 0..rounds {
                rig.put(next.next().expect("a cycle has no end")).await;
                taken.reach(taken.get() + bytes).await;
            }
            start.elapsed()
        })
    });
}

fn takes_nothing(c: &mut Criterion) {
    let policies = [Overflow::DropNewest, Overflow::DropOldest, Overflow::Latest];
    for overflow in policies {
        let mut group = c.benchmark_group(format!("takes nothing, {overflow:?}"));
        for crowd in crowds() {
            let limits = Limits { overflow, ..limits() };
            let rig = Rig::with_limits(&config(), limits);
            let taken = Rc::new(Counter::default());
            for _ in 0..crowd {
                let outlet = BenchPipe::outlet(Appetite::Nothing, &taken);
                rig.attach(outlet, Filter::default());
            }
            let mut devices = Devices::new(rig.tenant());
            let events: Vec<_> = (0..128).map(|n| devices.event(n)).collect();
            fill_rings(&rig, crowd, &events);
            for batch in BATCHES {
                to_the_slow(&mut group, &rig, crowd, batch, &mut devices);
            }
            report(&rig, &taken);
        }
        group.finish();
    }
}

/// Events that were dropped, or passed over.
fn lost(metrics: &Metrics) -> u64 {
    metrics.events.dropped.get() + metrics.events.conflated.get()
}

/// Sends each event once: more than a ring holds.
fn fill_rings(rig: &Rig, crowd: usize, events: &[Arc<Event>]) {
    let too_many = events.len() - limits().queue_size.get();
    rig.run(async {
        rig.put(events).await;
        rig.until(|metrics| lost(metrics) == (crowd * too_many) as u64).await;
    });
}

fn to_the_slow(group: &mut BenchmarkGroup<'_, WallTime>, rig: &Rig, crowd: usize, batch: usize, devices: &mut Devices) {
    let drops = (crowd * batch) as u64;
    measure(group, (crowd, batch), drops, |rounds| {
        rig.run(async {
            let mut elapsed = Duration::ZERO;
            for _ in 0..rounds {
                // New ones each time: what a subscriber had before is not its own again. Making them is not measured.
                let events: Vec<_> = (0..batch).map(|n| devices.event(n)).collect();
                let all = lost(rig.metrics()) + drops;
                let start = Instant::now();
                rig.put(&events).await;
                rig.until(|metrics| lost(metrics) >= all).await;
                elapsed += start.elapsed();
            }
            elapsed
        })
    });
}

fn sockets(c: &mut Criterion) {
    let crowd = size(100, 10);
    let rig = Rig::new(&config());
    let (near, far) = (0..crowd).map(|_| socket_pair().expect("sockets")).unzip();
    let reader = read_all(far);
    let near: Vec<TcpStream> = near;
    for socket in near {
        rig.attach(Outlet::Socket(socket), Filter::default());
    }
    let mut group = c.benchmark_group("sockets");
    for batch in BATCHES {
        let events = &Audience::OneCohort.batches(&rig, crowd, batch)[0];
        let deliveries = Audience::OneCohort.deliveries(crowd, batch);
        measure(&mut group, (crowd, batch), deliveries, |rounds| {
            rig.run(async {
                let start = Instant::now();
                for _ in 0..rounds {
                    let delivered = rig.metrics().events.delivered.get() + deliveries;
                    rig.put(events).await;
                    rig.until(|metrics| metrics.events.delivered.get() >= delivered).await;
                }
                start.elapsed()
            })
        });
    }
    group.finish();
    let written = rig.metrics().bytes.get();
    // The shard goes, and its ends of the sockets with it: the reader comes to their end.
    drop(rig);
    let read = reader.join().expect("the reader ends").expect("it reads");
    assert_eq!(read, written);
    println!("checksum: {read} bytes read");
}

/// A shard's end, and the other.
fn socket_pair() -> io::Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let far = std::net::TcpStream::connect(listener.local_addr()?)?;
    let (near, _) = listener.accept()?;
    near.set_nodelay(true)?;
    near.set_nonblocking(true)?;
    far.set_nonblocking(true)?;
    Ok((TcpStream::from_std(near), TcpStream::from_std(far)))
}

/// Reads all sockets to their end, on a thread of its own; gives the bytes that came.
fn read_all(mut sockets: Vec<TcpStream>) -> JoinHandle<io::Result<u64>> {
    thread::spawn(move || {
        let mut poll = Poll::new()?;
        for (n, socket) in sockets.iter_mut().enumerate() {
            poll.registry().register(socket, Token(n), Interest::READABLE)?;
        }
        let (mut events, mut open, mut sum) = (Events::with_capacity(1024), sockets.len(), 0);
        while open > 0 {
            poll.poll(&mut events, None)?;
            for event in &events {
                let (bytes, ended) = read_now(&mut sockets[event.token().0])?;
                sum += bytes;
                open -= usize::from(ended);
            }
        }
        Ok(sum)
    })
}

/// Reads what is there; gives its bytes, and whether nothing follows.
fn read_now(socket: &mut TcpStream) -> io::Result<(u64, bool)> {
    let (mut buffer, mut sum) = ([0; 64 * 1024], 0);
    loop {
        match socket.read(&mut buffer) {
            Ok(0) => return Ok((sum, true)),
            Ok(n) => sum += n as u64,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok((sum, false)),
            Err(error) => return Err(error),
        }
    }
}

fn measure(
    group: &mut BenchmarkGroup<'_, WallTime>,
    (crowd, batch): (usize, usize),
    deliveries: u64,
    mut rounds: impl FnMut(u64) -> Duration,
) {
    group.throughput(Throughput::Elements(deliveries));
    let id = BenchmarkId::new(format!("{crowd} subscribers"), format!("{batch} at once"));
    let best = Cell::new(f64::INFINITY);
    group.bench_function(id, |bench| {
        bench.iter_custom(|n| {
            let elapsed = rounds(n);
            let each = elapsed.as_secs_f64() / (n * deliveries) as f64;
            best.set(best.get().min(each));
            elapsed
        });
    });
    println!("  best: {:.1} ns per delivery", best.get() * 1e9);
}

/// A checksum of all that was done, and the law that ties the counts.
fn report(rig: &Rig, taken: &Counter) {
    let metrics = rig.metrics();
    assert_eq!(metrics.bytes.get(), taken.get());
    println!(
        "checksum: {} delivered, {} dropped or passed over, {} bytes",
        metrics.events.delivered.get(),
        lost(metrics),
        taken.get()
    );
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1));
    targets = takes_everything, takes_nothing, sockets
}
criterion_main!(benches);
