//! One thread a shard, with a runtime of its own.

use std::future::{Future, poll_fn};
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::thread::JoinHandle;

use tokio::runtime::RuntimeMetrics;
use tokio::sync::{mpsc, oneshot};
use tokio::task::LocalSet;

use crate::admin::WatchedShard;
use crate::http::{self, Dealt};
use crate::readiness::ShardPulse;
use floodway_core::inbox::Inbox;
use floodway_core::parts;
use floodway_core::shard::{Drain, Handle, Metrics, Shard, TimeSource, answering};

/// Told to a shard's thread.
enum Order {
    /// Tell every stream to come back later, and say when the last has gone.
    Drain(Drain, oneshot::Sender<()>),
    /// A task that the shard can't do without has panicked.
    Fail,
}

/// A running shard.
pub(super) struct ShardThread {
    metrics: Arc<Metrics>,
    orders: mpsc::Sender<Order>,
    handle: Handle,
    runtime: RuntimeMetrics,
    thread: JoinHandle<()>,
}

impl ShardThread {
    pub(super) fn start(
        id: usize,
        inboxes: Arc<[Inbox]>,
        dealt: mpsc::Receiver<Dealt>,
        shared: http::Shared,
    ) -> io::Result<Self> {
        let metrics = Arc::new(Metrics::default());
        let (orders, received) = mpsc::channel(1);
        // Weak, for the shard ends when nobody is left who gives orders.
        let failed = orders.downgrade();
        let (handle, asked) = answering();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let counted = runtime.metrics();
        let thread = {
            let metrics = Arc::clone(&metrics);
            let run = move || {
                let tokens = shared.verifier.clone();
                let shard = Shard::new(id, &shared.stream, inboxes, metrics, tokens, TimeSource::MACHINE);
                let ended = shard.and_then(|shard| {
                    let tasks = LocalSet::new();
                    let serving = http::serve(dealt, shared, Rc::clone(&shard));
                    tasks.spawn_local(or_fail("requests", serving, failed.clone()));
                    let answering = Rc::clone(&shard);
                    let answering = async move { answering.answer(asked).await };
                    tasks.spawn_local(or_fail("answers", answering, failed));
                    runtime.block_on(tasks.run_until(run(shard, received)))
                });
                if let Err(error) = ended {
                    tracing::error!(shard = id, %error, "shard ended");
                }
            };
            // What comes out of it is the end of `received`, which tells whoever gives orders.
            let run = move || _ = parts::caught("shard", run);
            std::thread::Builder::new().name(format!("shard-{id}")).spawn(run)?
        };
        Ok(Self { metrics, orders, handle, runtime: counted, thread })
    }

    pub(super) fn watched(&self) -> WatchedShard {
        WatchedShard { metrics: Arc::clone(&self.metrics), runtime: self.runtime.clone() }
    }

    pub(super) fn pulse(&self) -> ShardPulse {
        ShardPulse::new(Arc::clone(&self.metrics), self.runtime.clone())
    }

    pub(super) fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Returns when the thread has ended, be it by an error or a panic.
    async fn ended(&self) {
        self.orders.closed().await;
    }

    /// Tells the shard's streams to come back later. The answer comes when the last one has gone; it is an
    /// error if the shard has ended, which then has none left either.
    pub(super) async fn drain(&self, drain: Drain) -> oneshot::Receiver<()> {
        let (done, drained) = oneshot::channel();
        let _ = self.orders.send(Order::Drain(drain, done)).await;
        drained
    }

    /// Ends the thread, and whatever it still has.
    pub(super) fn stop(self) {
        drop(self.orders);
        if self.thread.join().is_err() {
            tracing::error!("a shard's thread panicked");
        }
    }
}

/// Returns when one of the shards has ended.
pub(super) async fn any_ended(shards: &[ShardThread]) {
    let mut ended: Vec<_> = shards.iter().map(|shard| Box::pin(shard.ended())).collect();
    poll_fn(|cx| {
        let is_one = ended.iter_mut().any(|one| one.as_mut().poll(cx).is_ready());
        if is_one { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// Does `work`, of a shard's part `name`, and ends the shard if it panics.
async fn or_fail(name: &str, work: impl Future<Output = ()>, failed: mpsc::WeakSender<Order>) {
    let work = async {
        tokio::select! {
            () = work => {}
            never = parts::faults(name) => match never {},
        }
    };
    if parts::guarded(name, work).await.is_err()
        && let Some(orders) = failed.upgrade()
    {
        // Only an error if it has ended already.
        let _ = orders.send(Order::Fail).await;
    }
}

/// Runs the shard until there is nobody left to give orders.
async fn run(shard: Rc<Shard>, mut orders: mpsc::Receiver<Order>) -> io::Result<()> {
    let obey = async {
        loop {
            let order = tokio::select! {
                order = orders.recv() => order,
                never = parts::faults("shard") => match never {},
            };
            let Some(order) = order else { return Ok(()) };
            let Order::Drain(drain, done) = order else {
                return Err(io::Error::other("one of its tasks has panicked"));
            };
            shard.drain(drain);
            tokio::select! {
                () = shard.drained() => {
                    let _ = done.send(());
                }
                // Whoever gave the order does not want to wait any longer, or there is nobody left to drain.
                _ = orders.recv() => return Ok(()),
            }
        }
    };
    tokio::select! {
        ended = shard.run() => ended,
        ended = obey => ended,
    }
}
