//! Tests of `parts`.

use super::*;

#[test]
fn a_panic_does_not_pass() {
    assert_eq!(caught("it", || panic!("on purpose")), Err::<(), _>(Panicked));
    assert_eq!(caught("it", || 7), Ok(7));
}

#[tokio::test]
async fn a_part_that_panics_is_started_again() {
    let mut starts = 0;
    let ended = kept("it", async || {
        starts += 1;
        sleep(LOOK).await;
        assert!(starts > 1, "on purpose");
        "done"
    });
    assert_eq!(ended.await, "done");
    assert_eq!(starts, 2);
}

#[test]
fn panics_are_counted_by_kinds_of_threads() {
    let kinds = ["shard-12", "ingest", "broker-v4", "tokio-runtime-worker"];
    assert_eq!(kinds.map(|thread| THREADS[kind(thread)]), ["shard", "ingest", "broker", "other"]);
}
