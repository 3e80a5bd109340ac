//! Loom models of `index::handover`.

use super::*;
use loom::sync::Arc;

#[test]
fn an_event_is_stored_for_a_new_subscriber_or_pushed_to_its_shard() {
    loom::model(|| {
        let handover = Arc::new(Handover::default());
        let ingest = {
            let handover = Arc::clone(&handover);
            loom::thread::spawn(move || [1, 2].map(|id| (id, handover.appended(id))))
        };
        let stored = handover.declare(3);
        for (id, pushed_to) in ingest.join().unwrap() {
            assert!(id <= stored || pushed_to & 1 << 3 != 0, "event {id} reached the shard in neither way");
        }
    });
}

#[test]
fn two_shards_that_declare_at_once_are_both_seen() {
    loom::model(|| {
        let handover = Arc::new(Handover::default());
        let other = {
            let handover = Arc::clone(&handover);
            loom::thread::spawn(move || handover.declare(1))
        };
        let mine = handover.declare(0);
        let pushed_to = handover.appended(7);
        let theirs = other.join().unwrap();
        assert!(pushed_to & 1 != 0 && mine == 0);
        assert!(theirs == 7 || pushed_to & 2 != 0, "the event reached the other shard in neither way");
    });
}
