//! A shard and subscribers that keep up with it: delivering, coming and leaving.
//!
//! The outlets take everything and look at no byte, so a delivery is what the shard spends besides the `write`.

use std::rc::Rc;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use floodway_benches::{Appetite, BenchPipe, Counter, Devices, METRICS, Peer, Rig, config, metric};
use floodway_core::event::Event;
use floodway_core::shard::{Filter, Outlet};
use floodway_protocol::Encoding;
use floodway_protocol::messages::client::Names;
use floodway_protocol::names::DeviceId;
use gungraun::{library_benchmark, library_benchmark_group};

use crate::at_most;

const CROWD: usize = 1000;
const GUESTS: usize = 64;

/// Brings a shard to rest: nothing is under way, no subscriber is still to be looked at, and what is due by the clock is done,
/// so that nothing will be due in the few milliseconds that are counted.
pub(crate) fn settle(rig: &Rig) {
    /// A shard looks after the clock ten times a second.
    const CLOCK_STEP: Duration = Duration::from_millis(100);
    /// In one turn it looks at 256 subscribers.
    const TURNS: usize = 32;
    thread::sleep(CLOCK_STEP);
    rig.run(async {
        for _ in 0..TURNS {
            tokio::task::yield_now().await;
        }
    });
}

/// The bytes of an event for who wants `filter`.
pub(crate) fn frame_bytes(event: &Event, filter: &Filter) -> usize {
    event.frame(filter.metrics(), Encoding::Ws).expect("it is wanted").len()
}

#[derive(Clone, Copy)]
enum Audience {
    OneCohort,
    TenFilters,
    OwnDevice,
}

impl Audience {
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

    /// How many of [`CROWD`] want an event.
    fn wants(self) -> usize {
        match self {
            Self::OneCohort | Self::TenFilters => CROWD,
            Self::OwnDevice => 1,
        }
    }
}

/// A shard with [`CROWD`] subscribers, and events for them.
struct Crowd {
    rig: Rig,
    taken: Rc<Counter>,
    events: Vec<Arc<Event>>,
    /// What the crowd takes of the events.
    bytes: u64,
}

impl Crowd {
    /// A crowd, and `count` events that it has received once: their texts are there, and so are the shard's buffers.
    fn new(audience: Audience, count: usize) -> Box<Self> {
        let rig = Rig::new(&config());
        let taken = Rc::new(Counter::default());
        for n in 0..CROWD {
            let outlet = BenchPipe::outlet(Appetite::Everything, &taken);
            rig.attach(outlet, audience.filter(n));
        }
        let mut devices = Devices::new(rig.tenant());
        let events: Vec<_> = (0..count).map(|n| devices.event(n)).collect();
        let frame = frame_bytes(&events[0], &audience.filter(0));
        let bytes = (audience.wants() * count * frame) as u64;
        let crowd = Box::new(Self { rig, taken, events, bytes });
        crowd.deliver();
        settle(&crowd.rig);
        crowd
    }

    /// Puts the events into the inbox at once, and lets the shard run until the last delivery is counted.
    fn deliver(&self) {
        self.rig.run(async {
            let all = self.taken.get() + self.bytes;
            self.rig.put(&self.events).await;
            self.taken.reach(all).await;
        });
    }
}

// History, inbox, wake-up, matching, gathering, and one delivery per event and subscriber that wants it.
#[library_benchmark(setup = Crowd::new)]
#[bench::one_cohort(args = (Audience::OneCohort, 1), config = at_most(148_600))] // 135,094: 135 a delivery
#[bench::one_cohort_64_events(args = (Audience::OneCohort, 64), config = at_most(245_300))] // 223,000: 3.5 a delivery, 0.5 of it the history
#[bench::ten_filters(args = (Audience::TenFilters, 1), config = at_most(154_400))] // 140,353: 140 a delivery
#[bench::own_device(args = (Audience::OwnDevice, 1), config = at_most(8680))] // 7,889
fn deliver(crowd: Box<Crowd>) -> Box<Crowd> {
    crowd.deliver();
    crowd
}

/// A crowd, and some who are about to come, or to leave.
struct Visit {
    crowd: Box<Crowd>,
    gone: Rc<Counter>,
    peers: Vec<Rc<Peer>>,
    guests: Vec<(Outlet, Filter)>,
}

impl Visit {
    /// Guests at the door. Others like them have come and left before.
    fn at_the_door(audience: Audience) -> Box<Self> {
        let mut visit = Box::new(Self {
            crowd: Crowd::new(audience, 1),
            gone: Rc::default(),
            peers: Vec::new(),
            guests: Vec::new(),
        });
        visit.invite(audience);
        visit.come();
        visit.leave();
        visit.invite(audience);
        settle(&visit.crowd.rig);
        visit
    }

    /// Guests who have come.
    fn inside(audience: Audience) -> Box<Self> {
        let mut visit = Self::at_the_door(audience);
        visit.come();
        settle(&visit.crowd.rig);
        visit
    }

    fn invite(&mut self, audience: Audience) {
        self.peers = (0..GUESTS).map(|_| Peer::new(&self.gone)).collect();
        let guest = |(n, peer)| {
            // What the guests take is nobody's affair: the crowd's deliveries are waited for by their bytes.
            (BenchPipe::to(peer, &Rc::default()), audience.filter(n))
        };
        self.guests = (CROWD..).zip(&self.peers).map(guest).collect();
    }

    fn come(&mut self) {
        for (outlet, filter) in self.guests.drain(..) {
            self.crowd.rig.attach(outlet, filter);
        }
    }

    fn leave(&self) {
        self.crowd.rig.run(async {
            let all = self.gone.get() + GUESTS as u64;
            self.peers.iter().for_each(|peer| peer.leave());
            self.gone.reach(all).await;
        });
    }
}

// A permit of the index, the way into the shard, and the greeting, which is two thirds of it.
#[library_benchmark(setup = Visit::at_the_door)]
#[bench::alike(args = (Audience::OneCohort), config = at_most(474_400))] // 431,251: 6,738 each
#[bench::own_device(args = (Audience::OwnDevice), config = at_most(618_200))] // 562,016: 8,782 each
fn come(mut visit: Box<Visit>) -> Box<Visit> {
    visit.come();
    visit
}

// From the peer's end of input until the subscriber is dropped and its permit given back.
#[library_benchmark(setup = Visit::inside)]
#[bench::alike(args = (Audience::OneCohort), config = at_most(120_800))] // 109,792: 1,716 each
#[bench::own_device(args = (Audience::OwnDevice), config = at_most(222_400))] // 202,191: 3,159 each
fn leave(visit: Box<Visit>) -> Box<Visit> {
    visit.leave();
    visit
}

library_benchmark_group!(name = shards, benchmarks = [deliver, come, leave]);
