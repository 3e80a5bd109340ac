//! Tests of `router::metrics`.

use super::*;

#[test]
fn each_reason_has_a_count_and_a_label_of_its_own() {
    let metrics = Metrics::default();
    for (times, reason) in Reason::all().enumerate() {
        assert_eq!(reason.index(), times);
        (0..times).for_each(|_| _ = metrics.rejected(reason, Duration::ZERO));
    }
    let snapshot = metrics.snapshot(true);
    for (times, reason) in Reason::all().enumerate() {
        assert_eq!(snapshot.rejected[times], (reason, times as u64));
    }
    let mut labels: Vec<_> = Reason::all().map(Reason::label).collect();
    labels.sort_unstable();
    labels.dedup();
    assert_eq!(labels.len(), Reason::COUNT);
}
