//! How other threads ask a shard, and how it answers between its turns.
//!
//! Invariant: questions wait in a bounded queue, and between two turns the shard works on one slice of an answer: a listing
//! of ten thousand streams delays no event by more than 256 of them take.

use std::fmt;

use tokio::sync::{mpsc, oneshot};
use tokio::task::yield_now;

use super::listing::{Connection, Ending, Select, Slowest};
use super::run::Shard;
use crate::index::ConnectionId;
use floodway_protocol::End;

/// Questions that wait for one shard; further ones wait for room.
const ASKED: usize = 64;

/// The shard has ended, and answers no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the shard has ended")]
pub struct Stopped;

enum Ask {
    List(Select, oneshot::Sender<Vec<Connection>>),
    End(Select, String, oneshot::Sender<u64>),
    Run(Box<dyn FnOnce(&Shard) + Send>),
}

/// A way to a shard from any thread. Cheap to clone.
#[derive(Clone)]
pub struct Handle(mpsc::Sender<Ask>);

/// The shard's end of a [`Handle`], for [`Shard::answer`].
pub struct Answering(mpsc::Receiver<Ask>);

/// A handle of a shard, and the shard's end of it.
pub fn answering() -> (Handle, Answering) {
    let (asked, received) = mpsc::channel(ASKED);
    (Handle(asked), Answering(received))
}

impl Handle {
    /// The live streams that are selected, in the order that is asked for.
    ///
    /// # Errors
    /// If the shard has ended.
    pub async fn list(&self, select: Select) -> Result<Vec<Connection>, Stopped> {
        self.ask(|reply| Ask::List(select, reply)).await
    }

    /// A live stream, if the shard has it.
    ///
    /// # Errors
    /// If the shard has ended.
    pub async fn get(&self, id: ConnectionId) -> Result<Option<Connection>, Stopped> {
        self.run(move |shard| shard.state().get(id)).await
    }

    /// Ends the live streams that are selected, which are sent the reason; returns how many. Streams that come meanwhile
    /// stay.
    ///
    /// # Errors
    /// If the shard has ended, and all its streams with it.
    pub async fn end(&self, select: Select, reason: &str) -> Result<u64, Stopped> {
        let reason = reason.to_owned();
        self.ask(|reply| Ask::End(select, reason, reply)).await
    }

    /// Runs `act` on the shard's thread, between two turns: it must not take long.
    ///
    /// # Errors
    /// If the shard has ended. `act` has not run then, or not to its end.
    pub async fn run<T: Send + 'static>(&self, act: impl FnOnce(&Shard) -> T + Send + 'static) -> Result<T, Stopped> {
        self.ask(|reply| {
            Ask::Run(Box::new(move |shard| {
                // It fails if nobody waits for the answer any more.
                let _ = reply.send(act(shard));
            }))
        })
        .await
    }

    async fn ask<T>(&self, ask: impl FnOnce(oneshot::Sender<T>) -> Ask) -> Result<T, Stopped> {
        let (reply, answer) = oneshot::channel();
        self.0.send(ask(reply)).await.map_err(|_| Stopped)?;
        answer.await.map_err(|_| Stopped)
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").finish_non_exhaustive()
    }
}

impl Shard {
    /// Answers, on the shard's thread beside [`Shard::run`], until every handle is dropped.
    pub async fn answer(&self, mut asked: Answering) {
        while let Some(ask) = asked.0.recv().await {
            match ask {
                Ask::List(select, reply) => self.list(select, reply).await,
                Ask::End(select, reason, reply) => self.end(select, reason, reply).await,
                Ask::Run(act) => act(self),
            }
            yield_now().await;
        }
    }

    async fn list(&self, mut select: Select, reply: oneshot::Sender<Vec<Connection>>) {
        let mut found = Vec::new();
        if select.slowest {
            let mut slowest = Slowest::new();
            while self.state().rank(&mut select, &mut slowest) && !reply.is_closed() {
                yield_now().await;
            }
            for (_, id) in slowest {
                // It may have caught up meanwhile, or ended.
                let connection = self.state().get(id);
                found.extend(connection.filter(|one| one.counts.held > 0));
                yield_now().await;
            }
        } else {
            while self.state().list(&mut select, &mut found) && !reply.is_closed() {
                yield_now().await;
            }
        }
        let _ = reply.send(found);
    }

    async fn end(&self, mut select: Select, reason: String, reply: oneshot::Sender<u64>) {
        let mut newest = self.state().registry.live.newest();
        if let Some(id) = select.id {
            // No other one is looked at.
            (select.after, newest) = (Some(ConnectionId::from(id.get().saturating_sub(1))), id);
        }
        let mut ending = Ending { select, newest, end: End::Administrator(reason), ended: 0 };
        // Once begun it is finished, whether or not somebody waits for the reply.
        while self.state().end_some(&mut ending) {
            yield_now().await;
        }
        self.wake();
        let _ = reply.send(ending.ended);
    }
}

#[cfg(all(test, not(floodway_loom)))]
mod tests;
