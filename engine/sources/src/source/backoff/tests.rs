//! Tests of `source::backoff`.

use super::*;

#[test]
fn pauses_stay_within_a_bound_that_doubles_to_the_longest() {
    let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_millis(350));
    for _ in 0..50 {
        backoff.reset();
        for bound in [100, 200, 350, 350] {
            assert_eq!(backoff.bound, Duration::from_millis(bound));
            assert!(backoff.pause() <= Duration::from_millis(bound));
        }
    }
}

#[test]
fn pauses_differ() {
    let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(1));
    let pauses: std::collections::BTreeSet<_> = (0..20).map(|_| backoff.pause()).collect();
    assert!(pauses.len() > 10);
}
