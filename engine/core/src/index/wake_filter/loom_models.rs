//! Loom models of `index::wake_filter`.

use super::*;
use loom::sync::Arc;

#[test]
fn an_event_is_found_by_the_shard_or_wakes_it() {
    loom::model(|| {
        let wake_filter = Arc::new(WakeFilter::new());
        let inbox = Arc::new(AtomicU64::new(0));
        let ingest = {
            let (wake_filter, inbox) = (Arc::clone(&wake_filter), Arc::clone(&inbox));
            loom::thread::spawn(move || {
                inbox.store(1, Ordering::Relaxed);
                wake_filter.by("A")
            })
        };
        wake_filter.set(3, None, true);
        let is_found = inbox.load(Ordering::Relaxed) == 1;
        let woken = ingest.join().unwrap();
        assert!(is_found || woken & 1 << 3 != 0, "the event waits unseen");
    });
}
