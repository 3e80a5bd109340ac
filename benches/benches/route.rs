//! What does it cost to route one event to the shards that want it, and to drop one that nobody wants?
//!
//! Inside the timer: topic, parse of a payload of about 100 bytes, id, look-up of the tenant among 1,000, append, one
//! push for each interested shard, and taking the event out again there (the last taker frees it). Outside: MQTT and
//! what a shard does with the event (a `block_on` is inside, some ten ns). `nobody`: a tenant without interest; `stranger`: one that is not in the index.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use floodway_core::event;
use floodway_core::inbox::Inbox;
use floodway_core::index::{ConnectionPermit, Index, Limits};
use floodway_protocol::names::TenantId;
use floodway_sources::router::{Metrics, RawMessage, Router, Topics};
use tokio::runtime;

const SHARDS: usize = 16;
const TENANTS: u32 = 1000;
const PAYLOAD: &[u8] =
    br#"{"ts":"2026-02-16T12:00:00Z","site_id":"SITE-1","metrics":{"temperature":72.10,"humidity":45,"rpm":1480}}"#;

fn route(c: &mut Criterion) {
    let index = Arc::new(Index::new(TENANTS, Limits { connections: 0, ..Limits::default() }));
    let enter = |n| index.enter(&TenantId::parse(&format!("TENANT{n}")).expect("a name")).expect("a permit");
    let permits: Vec<ConnectionPermit> = (0..TENANTS).map(enter).collect();
    let inboxes: Arc<[Inbox]> = (0..SHARDS).map(|_| Inbox::new(64)).collect();
    let (metrics, topics) = (Arc::new(Metrics::default()), Topics::default());
    let mut router =
        Router::new(&event::Config::default(), Arc::clone(&index), Arc::clone(&inboxes), Arc::clone(&metrics));
    let runtime = runtime::Builder::new_current_thread().build().expect("a runtime");
    let mut group = c.benchmark_group("route");
    group.throughput(Throughput::Elements(1));
    let tenants = [("nobody", 0, 0), ("1 shard", 1, 1), ("4 shards", 2, 4), ("16 shards", 3, SHARDS)];
    for (name, tenant, shards) in tenants {
        (0..shards).for_each(|shard| _ = permits[tenant].tenant().declare(shard));
        let topic = format!("tenant/TENANT{tenant}/device/DEV-001/telemetry");
        group.bench_function(name, |bench| {
            bench.iter(|| {
                let message = RawMessage::new(&topics, black_box(topic.as_bytes()), black_box(PAYLOAD));
                runtime.block_on(router.publish(&message));
                inboxes[..shards]
                    .iter()
                    .for_each(|inbox| drop(black_box(inbox.take().expect("the event"))));
            });
        });
    }
    group.bench_function("stranger", |bench| {
        let topic = b"tenant/STRANGER/device/DEV-001/telemetry";
        bench.iter(|| {
            let message = RawMessage::new(&topics, black_box(topic), black_box(PAYLOAD));
            runtime.block_on(router.publish(&message));
        });
    });
    group.finish();
    let counts = metrics.snapshot(false);
    assert_eq!(counts.received, counts.accepted);
    println!("events routed: {}", counts.accepted);
}

criterion_group!(benches, route);
criterion_main!(benches);
