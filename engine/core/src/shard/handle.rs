//! How other threads ask a shard, and how it answers between its turns.
//!
//! Invariant: what is asked waits in a bounded queue, and one slice of an answer is given between two turns of the
//! shard: a listing of ten thousand streams holds up no event by more than the looks at 256 of them.

use std::fmt;

use tokio::sync::{mpsc, oneshot};
use tokio::task::yield_now;

use super::registry::{Connection, Ending, Select, Slowest, Whom};
use super::run::Shard;
use crate::index::ConnectionId;

/// Questions that wait for one shard; who asks more waits.
const ASKED: usize = 64;

/// The shard has ended, and nobody answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the shard has ended")]
pub struct Stopped;

enum Ask {
    List(Select, oneshot::Sender<Vec<Connection>>),
    Get(ConnectionId, oneshot::Sender<Option<Connection>>),
    End(Whom, String, oneshot::Sender<u64>),
    Run(Box<dyn FnOnce(&Shard) + Send>),
}

/// A way to a shard from any thread. Cheap to clone.
#[derive(Clone)]
pub struct Handle(mpsc::Sender<Ask>);

/// The shard's end of it, for [`Shard::answer`].
pub struct Answering(mpsc::Receiver<Ask>);

/// Both ends of a way to a shard.
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
        self.ask(|told| Ask::List(select, told)).await
    }

    /// A live stream, if the shard has it.
    ///
    /// # Errors
    /// If the shard has ended.
    pub async fn get(&self, id: ConnectionId) -> Result<Option<Connection>, Stopped> {
        self.ask(|told| Ask::Get(id, told)).await
    }

    /// Ends live streams, which are told the reason; returns how many. Who comes meanwhile is not meant.
    ///
    /// # Errors
    /// If the shard has ended, and all its streams with it.
    pub async fn end(&self, whom: Whom, reason: &str) -> Result<u64, Stopped> {
        let reason = reason.to_owned();
        self.ask(|told| Ask::End(whom, reason, told)).await
    }

    /// Runs `act` on the shard's thread, between two turns: it must not take long.
    ///
    /// # Errors
    /// If the shard has ended. `act` has not run then, or not to its end.
    pub async fn run<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Shard) -> T + Send + 'static,
    ) -> Result<T, Stopped> {
        self.ask(|told| {
            Ask::Run(Box::new(move |shard| {
                // An error says that nobody waits for the answer any more.
                let _ = told.send(act(shard));
            }))
        })
        .await
    }

    async fn ask<T>(&self, ask: impl FnOnce(oneshot::Sender<T>) -> Ask) -> Result<T, Stopped> {
        let (told, answer) = oneshot::channel();
        self.0.send(ask(told)).await.map_err(|_| Stopped)?;
        answer.await.map_err(|_| Stopped)
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").finish_non_exhaustive()
    }
}

impl Shard {
    /// Answers, on the shard's thread beside [`Shard::run`], until nobody is left to ask.
    pub async fn answer(&self, mut asked: Answering) {
        while let Some(ask) = asked.0.recv().await {
            match ask {
                Ask::List(select, told) => self.list(select, told).await,
                Ask::Get(id, told) => _ = told.send(self.state().get(id)),
                Ask::End(whom, reason, told) => self.end(whom, reason, told).await,
                Ask::Run(act) => act(self),
            }
            yield_now().await;
        }
    }

    async fn list(&self, mut select: Select, answer: oneshot::Sender<Vec<Connection>>) {
        let mut found = Vec::new();
        if select.slowest {
            let mut slowest = Slowest::new();
            while self.state().rank(&mut select, &mut slowest) && !answer.is_closed() {
                yield_now().await;
            }
            for (_, id) in slowest {
                // It may have caught up meanwhile, or ended.
                let connection = self.state().get(id);
                found.extend(connection.filter(|one| one.held > 0));
                yield_now().await;
            }
        } else {
            while self.state().list(&mut select, &mut found) && !answer.is_closed() {
                yield_now().await;
            }
        }
        let _ = answer.send(found);
    }

    async fn end(&self, whom: Whom, reason: String, told: oneshot::Sender<u64>) {
        let newest = self.state().roll.newest();
        let mut ending = Ending::new(whom, newest, reason);
        // Begun is carried out, whether or not somebody waits to be told.
        while self.state().end_some(&mut ending) {
            yield_now().await;
        }
        self.wake();
        let _ = told.send(ending.ended);
    }
}

#[cfg(all(test, not(floodway_loom)))]
#[path = "handle_tests.rs"]
mod tests;
