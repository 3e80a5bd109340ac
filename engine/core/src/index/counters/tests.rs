//! Tests of `index::counters`.

use super::*;

#[test]
fn shards_count_by_themselves_and_are_added_up() {
    let counters = TenantCounterTable::default();
    std::thread::scope(|scope| {
        for shard in 0..8 {
            let counters = &counters;
            scope.spawn(move || {
                for _ in 0..100 {
                    counters.of(shard).delivered.add(1);
                    counters.of(shard).ws.add(1);
                    counters.of(shard).ws.sub(1);
                }
            });
        }
    });
    let sum = counters.sum();
    assert_eq!((sum.delivered, sum.ws, sum.dropped), (800, 0, 0));
    assert_eq!(counters.0.load().len(), 8);
}
