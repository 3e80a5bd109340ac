//! A shard and subscribers that lag: into their rings, over their rings, and out again.

use std::rc::Rc;
use std::sync::Arc;

use floodway_benches::{Appetite, BenchPipe, Counter, Devices, Rig, config, limits};
use floodway_core::event::Event;
use floodway_core::index::{Limits, Overflow};
use floodway_core::shard::Filter;
use gungraun::{library_benchmark, library_benchmark_group};

use crate::at_most;
use crate::shard::{frame_bytes, settle};
use crate::valve::Valve;

/// Subscribers that lag.
const LAGGARDS: usize = 100;
/// Events that come at once.
const BATCH: usize = 64;

/// A shard with laggards, and behind them one that keeps up: when it has a batch, so has every ring.
struct Lag {
    rig: Rig,
    valve: Rc<Valve>,
    kept_up: Rc<Counter>,
    devices: Devices,
    next: Vec<Arc<Event>>,
    /// What one subscriber takes of a batch.
    bytes: u64,
}

impl Lag {
    /// Laggards with `queue_size` places each, who lag by one batch.
    fn new(overflow: Overflow, queue_size: usize) -> Box<Self> {
        let limits = Limits { overflow, queue_size: queue_size.try_into().expect("at least one"), ..limits() };
        let rig = Rig::with_limits(&config(), limits);
        let (valve, kept_up) = (Rc::<Valve>::default(), Rc::<Counter>::default());
        for _ in 0..LAGGARDS {
            rig.attach(valve.outlet(), Filter::default());
        }
        let outlet = BenchPipe::outlet(Appetite::Everything, &kept_up);
        rig.attach(outlet, Filter::default());
        let devices = Devices::new(rig.tenant());
        let mut lag = Box::new(Self { rig, valve, kept_up, devices, next: Vec::new(), bytes: 0 });
        lag.prepare();
        lag.send();
        lag.prepare();
        settle(&lag.rig);
        lag
    }

    /// Rings with room for one more batch.
    fn with_room() -> Box<Self> {
        Self::new(Overflow::DropNewest, 2 * BATCH)
    }

    /// Rings that are full.
    fn full(overflow: Overflow) -> Box<Self> {
        let mut lag = Self::new(overflow, BATCH);
        // The first that is dropped finds no gap to be counted in.
        lag.send();
        lag.prepare();
        settle(&lag.rig);
        lag
    }

    fn prepare(&mut self) {
        self.next = (0..BATCH).map(|n| self.devices.event(n)).collect();
        self.bytes = (BATCH * frame_bytes(&self.next[0], &Filter::default())) as u64;
    }

    fn send(&self) {
        self.rig.run(async {
            let all = self.kept_up.get() + self.bytes;
            self.rig.put(&self.next).await;
            self.kept_up.reach(all).await;
        });
    }

    fn open(&self) {
        self.rig.run(async {
            self.valve.open();
            self.valve.taken.reach(LAGGARDS as u64 * self.bytes).await;
        });
    }

    /// Events that were dropped, or passed over.
    fn lost(&self) -> u64 {
        let events = &self.rig.metrics().events;
        events.dropped.get() + events.conflated.get()
    }
}

fn none_is_lost(lag: Box<Lag>) {
    assert_eq!(lag.lost(), 0);
}

fn a_batch_is_lost_twice(lag: Box<Lag>) {
    assert_eq!(lag.lost(), 2 * (LAGGARDS * BATCH) as u64);
}

// A batch goes into rings that have room for it.
#[library_benchmark(setup = Lag::with_room, teardown = none_is_lost)]
#[bench::with_room(config = at_most(764_400))] // 694,910: 109 an event and ring
fn push(lag: Box<Lag>) -> Box<Lag> {
    lag.send();
    lag
}

// A batch comes to rings that are full: it is dropped, or what waits longest is, or what waits of the same devices is passed over.
#[library_benchmark(setup = Lag::full, teardown = a_batch_is_lost_twice)]
#[bench::newest(args = (Overflow::DropNewest), config = at_most(432_900))] // 393,566: 61 an event and ring
#[bench::oldest(args = (Overflow::DropOldest), config = at_most(3_300_000))] // 2,999,821: 469
#[bench::latest(args = (Overflow::Latest), config = at_most(6_983_000))] // 6,347,843: 992 an event and ring
fn overflow(lag: Box<Lag>) -> Box<Lag> {
    lag.send();
    lag
}

// The outlets take again, and the rings are written out, a batch with one `write`, and freed.
#[library_benchmark(setup = Lag::with_room, teardown = none_is_lost)]
#[bench::all(config = at_most(1_359_000))] // 1,235,102: 193 an event and ring
fn drain(lag: Box<Lag>) -> Box<Lag> {
    lag.open();
    lag
}

library_benchmark_group!(name = rings, benchmarks = [push, overflow, drain]);
