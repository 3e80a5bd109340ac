//! How long does a client wait for the last event of each of 10,000 devices?
//!
//! From its coming until nothing waits for it any more: making the list of last events, marking and encoding them, and
//! handing them to an outlet that takes everything. Outside the timer: parsing, making the pipes, leaving, and the kernel.
//! Criterion's throughput is in devices times clients.
//!
//! * `list made`: nobody else is there, so the shard makes the list from the tenant's history.
//! * `list shared`: somebody asked for it a moment ago, and no event has come since.
//! * `100 at once`: the first of them has the list made, the others share it.

use std::rc::Rc;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use floodway_benches::{Appetite, Beginning, BenchPipe, Counter, Devices, Rig, Visitors, config, size};
use floodway_core::shard::Filter;

fn devices() -> usize {
    size(10_000, 300)
}

fn snapshot(c: &mut Criterion) {
    let mut group = c.benchmark_group("snapshot");
    for (name, clients, has_resident) in
        [("list made", 1, false), ("list shared", 1, true), ("100 at once", size(100, 10), false)]
    {
        let rig = Rig::new(&config());
        let mut devices_of = Devices::new(rig.tenant());
        let events: Vec<_> = (0..devices()).map(|n| devices_of.event(n)).collect();
        rig.store(&events);
        if has_resident {
            // As long as it is there, the shard keeps the tenant's list.
            rig.attach(BenchPipe::outlet(Appetite::Everything, &Rc::<Counter>::default()), Filter::default());
        }
        let (visitors, filter) = (Visitors::default(), Filter::default());
        let visit = || rig.run(visitors.visit(&rig, clients, Beginning::Snapshot, &filter));
        visit();
        let once = visitors.taken();
        group.throughput(Throughput::Elements((clients * devices()) as u64));
        let mut visits = 1;
        group.bench_function(name, |bench| {
            bench.iter_custom(|n| {
                visits += n;
                (0..n).map(|_| visit()).sum::<Duration>()
            });
        });
        assert_eq!(visitors.taken(), visits * once, "each has the same");
        println!("checksum: {} bytes", visitors.taken());
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(2));
    targets = snapshot
}
criterion_main!(benches);
