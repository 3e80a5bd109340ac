//! A tenant's history: an event goes in, and streams read from it.

use std::hint::black_box;
use std::sync::Arc;

use floodway_benches::{Beginning, Devices, Rig, Visitors, config};
use floodway_core::event::Event;
use floodway_core::index::{Index, Limits, Tenant};
use floodway_core::shard::Filter;
use floodway_protocol::EventId;
use floodway_protocol::names::TenantId;
use gungraun::{library_benchmark, library_benchmark_group};

use crate::shard::settle;
use crate::{KEPT, at_most};

/// As many events as some chunks of a full history hold: each of them is begun once, and one is given up.
const CHUNKS: usize = 4 * 256;

/// A tenant whose history is full, and events that are about to come.
struct Full {
    tenant: Arc<Tenant>,
    events: Vec<Arc<Event>>,
}

impl Full {
    fn new(count: usize) -> Box<Self> {
        let id = TenantId::parse("TENANT1").expect("a valid name");
        let tenant = Index::new(1, Limits::default()).keep(&id);
        let mut devices = Devices::new(&id);
        // As after some time: chunks are given up and begun, and their memory is used again.
        for n in 0..KEPT + KEPT / 4 {
            tenant.append(&devices.event(n % DEVICES));
        }
        let events = (0..count).map(|n| devices.event(n % DEVICES)).collect();
        Box::new(Self { tenant, events })
    }
}

// An event is stored, and the oldest one counts as gone. With `some_chunks` also what is done once for each chunk: its memory,
// and of the events that leave the device is noted and the memory freed, which is a third of it.
#[library_benchmark(setup = Full::new)]
#[bench::one(args = (1), config = at_most(418))] // 380
#[bench::some_chunks(args = (CHUNKS), config = at_most(1_840_000))] // 1,672,849: 1,634 an event
fn append(full: Box<Full>) -> Box<Full> {
    for event in &full.events {
        black_box(full.tenant.append(black_box(event)));
    }
    full
}

/// Devices that publish in turn.
const DEVICES: usize = 1000;

/// A shard, a history, and clients that were there once.
struct Past {
    rig: Rig,
    visitors: Visitors,
    beginning: Beginning,
}

impl Past {
    /// A history of `DEVICES` events behind the one that a client saw last, each of another device.
    fn new(beginning: fn(EventId) -> Beginning) -> Box<Self> {
        let rig = Rig::new(&config());
        let mut devices = Devices::new(rig.tenant());
        let events: Vec<_> = (0..=DEVICES).map(|n| devices.event(n % DEVICES)).collect();
        rig.store(&events);
        let past = Box::new(Self { rig, visitors: Visitors::default(), beginning: beginning(events[0].id()) });
        past.visit();
        settle(&past.rig);
        past
    }

    fn visit(&self) {
        self.rig.run(self.visitors.visit(&self.rig, 1, self.beginning, &Filter::default()));
    }
}

// A client comes, is in step after 1,000 events that it missed, or the last ones of 1,000 devices, and leaves. Of a snapshot
// nothing is kept from the visit before: its list is made, and each event is marked and encoded.
#[library_benchmark(setup = Past::new)]
#[bench::catch_up(args = (Beginning::After), config = at_most(1_018_000))] // 925,169: 925 an event
#[bench::snapshot(args = (|_| Beginning::Snapshot), config = at_most(3_252_000))] // 2,956,355: 2,956 a device
fn read(past: Box<Past>) -> Box<Past> {
    past.visit();
    past
}

library_benchmark_group!(name = histories, benchmarks = [append, read]);
