//! From a message of the broker to the inbox of a shard, or to nowhere.

use std::hint::black_box;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};

use floodway_core::event;
use floodway_core::inbox::Inbox;
use floodway_core::index::{ConnectionPermit, Index, Limits};
use floodway_protocol::names::TenantId;
use floodway_sources::router::{Metrics, RawMessage, Router, Topics};
use gungraun::{library_benchmark, library_benchmark_group};

use crate::{KEPT, PAYLOAD, at_most};

const TENANTS: u32 = 1000;

/// A router, one shard's inbox, and an index with 1,000 tenants, of which the shard wants one.
struct Way {
    router: Router,
    inboxes: Arc<[Inbox]>,
    topics: Topics,
    topic: String,
    _permits: Vec<ConnectionPermit>,
}

impl Way {
    /// The way of the messages of `tenant`; `TENANT7` is the one that is wanted.
    fn new(tenant: &str) -> Box<Self> {
        let index = Arc::new(Index::new(TENANTS, Limits { connections: 0, ..Limits::default() }));
        let enter = |n| {
            let tenant = TenantId::parse(&format!("TENANT{n}")).expect("a valid name");
            index.enter(&tenant).expect("a permit")
        };
        let permits: Vec<ConnectionPermit> = (0..TENANTS).map(enter).collect();
        permits[7].tenant().declare(0);
        let inboxes: Arc<[Inbox]> = Arc::new([Inbox::new(64)]);
        let router = Router::new(&event::Config::default(), index, Arc::clone(&inboxes), Arc::new(Metrics::default()));
        let mut way = Box::new(Self {
            router,
            inboxes,
            topics: Topics::default(),
            topic: format!("tenant/{tenant}/device/DEV-001/telemetry"),
            _permits: permits,
        });
        // As after some time: the tenant's history is full, and its memory is used again.
        for _ in 0..KEPT + KEPT / 4 {
            way.publish();
        }
        way
    }

    /// One message; returns whether somebody wanted it.
    fn publish(&mut self) -> bool {
        let message = RawMessage::new(&self.topics, self.topic.as_bytes(), black_box(PAYLOAD));
        let publish = pin!(self.router.publish(&message));
        let polled = publish.poll(&mut Context::from_waker(Waker::noop()));
        assert!(polled.is_ready(), "there is room in the inbox");
        self.inboxes[0].take().is_some()
    }
}

// Topic, parse, look-up, history, push, and the event freed again by whom it was taken out.
#[library_benchmark(setup = Way::new)]
#[bench::one_shard(args = ("TENANT7"), config = at_most(7510))] // 7,040
#[bench::nobody(args = ("TENANT8"), config = at_most(7320))] // 6,919
#[bench::stranger(args = ("STRANGER"), config = at_most(7250))] // 6,859
fn route(mut way: Box<Way>) -> Box<Way> {
    black_box(way.publish());
    way
}

library_benchmark_group!(name = routes, benchmarks = route);
