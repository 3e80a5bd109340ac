//! Loom models of `index::handover`.

use super::*;
use loom::sync::Arc;

#[test]
fn an_event_is_stored_for_a_new_subscriber_or_pushed_to_its_shard() {
    loom::model(|| {
        let handover = Arc::new(Handover::new(0));
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
        let handover = Arc::new(Handover::new(0));
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

/// The slots of a history are written once and read by others. They need no order of their own: a relaxed read must find what
/// was stored. A shard that begins with what is stored and goes on with what is pushed sees each entry, and knows which come
/// twice.
#[test]
fn what_is_stored_and_what_is_pushed_meet_without_a_seam() {
    loom::model(|| {
        let handover = Arc::new(Handover::new(0));
        let slots: Arc<[AtomicU64; 2]> = Arc::new([AtomicU64::new(0), AtomicU64::new(0)]);
        let ingest = {
            let (handover, slots) = (Arc::clone(&handover), Arc::clone(&slots));
            loom::thread::spawn(move || {
                [1, 2].map(|position| {
                    slots[position - 1].store(10 * position as u64, Ordering::Relaxed);
                    handover.appended(position as u64)
                })
            })
        };
        let newest = handover.declare(3);
        let mut seen: Vec<u64> = (0..newest).map(|at| slots[at as usize].load(Ordering::Relaxed)).collect();
        for (pushed_to, position) in ingest.join().unwrap().into_iter().zip(1..) {
            if pushed_to & 1 << 3 != 0 && position > newest {
                seen.push(10 * position);
            }
        }
        assert_eq!(seen, [10, 20]);
    });
}
