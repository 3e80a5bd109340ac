//! Tests of `readiness`.

use std::future::Future;
use std::sync::mpsc;
use std::thread;

use super::*;

/// A thread like a shard's whose loop rests, which runs what `work` makes of a receiver.
fn resting<F: Future>(work: impl FnOnce(mpsc::Receiver<()>) -> F + Send + 'static) -> Thread {
    let (end, ended) = mpsc::channel();
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.expect("a runtime");
    let metrics = Arc::new(shard::Metrics::default());
    metrics.pulse.rest();
    let pulse = ShardPulse::new(metrics, runtime.metrics());
    thread::spawn(move || drop(runtime.block_on(work(ended))));
    Thread { pulse, end }
}

struct Thread {
    pulse: ShardPulse,
    end: mpsc::Sender<()>,
}

impl Thread {
    /// How long it is silent if looked at now, and then not before `later`.
    fn silence(&self, later: Duration) -> Duration {
        let now = Instant::now();
        self.pulse.silence(now);
        self.pulse.silence(now + later)
    }
}

#[test]
fn a_resting_shard_is_well_while_its_thread_sleeps_and_stuck_while_it_neither_sleeps_nor_wakes() {
    let sleeps = resting(|_| std::future::pending::<()>());
    while sleeps.pulse.runtime.worker_park_count(0) == 0 {
        thread::yield_now();
    }
    assert_eq!(sleeps.silence(STUCK_AFTER), Duration::ZERO);
    let blocks = resting(|ended| async move { ended.recv() });
    assert!(blocks.silence(STUCK_AFTER) >= STUCK_AFTER);
    blocks.end.send(()).expect("it waits for it");
}

#[test]
fn each_reason_has_a_label_of_its_own() {
    let silence = Duration::from_secs(7);
    let all = [
        Unready::Draining,
        Unready::NoKeys,
        Unready::NoSource,
        Unready::ControlUnread,
        Unready::SubscriptionUnanswered,
        Unready::SubscriptionRefused("NotAuthorized".into()),
        Unready::IngestStuck(silence),
        Unready::ShardStuck(3, silence),
    ];
    assert_eq!(all.each_ref().map(Unready::label), *Unready::LABELS);
    assert_eq!(all[7].to_string(), "Shard 3 has been stuck for 7 s");
}
