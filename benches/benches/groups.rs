//! How long does a changed group keep ingest from the next message, where its tenant has 1,000 groups of 1,000 devices
//! each? And what does it cost an event to learn which groups its device is in?
//!
//! * `apart`: each group has devices of its own, a million in all; `alike`: all have the same 1,000.
//! * `change`: one group gets one device more; all of its devices are exchanged for others. The state before is held
//!   meanwhile, as shards hold it.
//! * `whole`: all groups from nothing, which a change would cost if states shared nothing; a gateway does so, group
//!   by group, while it reads them from the broker.
//! * `of`: the groups of one device, looked at one by one.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use floodway_benches::size;
use floodway_core::index::Groups;
use floodway_protocol::names::{DeviceId, GroupId};

fn count() -> usize {
    size(1_000, 50)
}

fn group(n: usize) -> GroupId {
    GroupId::parse(&format!("group-{n}")).expect("a valid name")
}

/// So many devices from `first` on, sorted.
fn devices(first: usize) -> Vec<DeviceId> {
    let names = (first..first + count()).map(|n| DeviceId::parse(&format!("{n:07}")));
    names.map(|name| name.expect("a valid name")).collect()
}

/// Each group, and its members.
fn documents(is_alike: bool) -> Vec<(GroupId, Vec<DeviceId>)> {
    let first = |n: usize| if is_alike { 0 } else { n * count() };
    (0..count()).map(|n| (group(n), devices(first(n)))).collect()
}

fn whole(documents: &[(GroupId, Vec<DeviceId>)]) -> Groups {
    let mut groups = Groups::default();
    for (name, members) in documents {
        groups.change(name, &[], members);
    }
    groups
}

fn changes(c: &mut Criterion) {
    let mut bench = c.benchmark_group("groups");
    for (name, is_alike) in [("apart", false), ("alike", true)] {
        let documents = documents(is_alike);
        let before = whole(&documents);
        let (id, members) = &documents[0];
        let mut one_more = members.clone();
        one_more.extend(devices(5_000_000).into_iter().take(1));
        let exchanged = devices(5_000_000);
        for (what, after) in [("one more", &one_more), ("exchanged", &exchanged)] {
            bench.bench_function(BenchmarkId::new(format!("change, {what}"), name), |bench| {
                bench.iter(|| {
                    let mut groups = before.clone();
                    groups.change(id, members, after);
                    groups
                });
            });
        }
        bench.bench_function(BenchmarkId::new("whole", name), |bench| {
            bench.iter_batched(|| (), |()| whole(&documents), BatchSize::PerIteration);
        });
        let mut n = 0;
        bench.bench_function(BenchmarkId::new("of", name), |bench| {
            bench.iter(|| {
                n = (n + 7919) % documents.len();
                let device = &documents[n].1[n];
                before.of(device.as_str()).for_each(|group| {
                    black_box(group);
                });
            });
        });
    }
    bench.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1));
    targets = changes
}
criterion_main!(benches);
