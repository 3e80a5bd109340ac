//! One thread a shard, with a runtime of its own.

use std::future::Future;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::thread::JoinHandle;

use futures_util::future::select_all;
use tokio::sync::{mpsc, oneshot};
use tokio::task::LocalSet;

use crate::admin::WatchedShard;
use crate::http::{self, Dealt};
use crate::readiness::ShardPulse;
use floodway_core::inbox::Inbox;
use floodway_core::parts;
use floodway_core::shard::{Drain, Handle, Metrics, Shard, TimeSource, answering};

/// Sent to a shard's thread.
enum Order {
    /// Send every client away, to come back later, and answer when the last has gone.
    Drain(Drain, oneshot::Sender<()>),
    /// A task that the shard can't do without has panicked.
    Fail,
}

/// A running shard.
pub(super) struct ShardThread {
    /// What is known of it without asking it.
    pub(super) watched: WatchedShard,
    /// Asks it.
    pub(super) handle: Handle,
    orders: mpsc::Sender<Order>,
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
        let watched = WatchedShard { metrics: Arc::clone(&metrics), runtime: runtime.metrics() };
        let thread = {
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
            // What comes out of it is the end of `received`, which whoever gives orders sees.
            let run = move || _ = parts::caught("shard", run);
            std::thread::Builder::new().name(format!("shard-{id}")).spawn(run)?
        };
        Ok(Self { watched, handle, orders, thread })
    }

    pub(super) fn pulse(&self) -> ShardPulse {
        let WatchedShard { metrics, runtime } = self.watched.clone();
        ShardPulse::new(metrics, runtime)
    }

    /// Returns when the thread has ended, be it by an error or a panic.
    async fn ended(&self) {
        self.orders.closed().await;
    }

    /// Sends the clients of the shard's streams away, to come back later. The answer comes when the last one has gone; it is an
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
    select_all(shards.iter().map(|shard| Box::pin(shard.ended()))).await;
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
