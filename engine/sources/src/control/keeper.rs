//! Drives a follower over a store of keys and values, beside the sources, on the thread of ingest.
//!
//! Invariants:
//! * The follower hears of a connection only once everything that the store keeps is at hand. It is given all of it, then
//!   its own mark, then every change in the order of the store; so it knows no difference to a broker.
//! * Of what the follower publishes it gets the copy, and the answer, before any later change.
//! * A store that is away holds nobody up: what was read holds, events flow, and writes fail with the reason. Each attempt
//!   that ends is told to the sources that wait for it ([`super::Control::settled`]).

use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::config::Config;
use super::follower::Follower;
use super::handle::Shared;
use super::store::{StoreFacts, StoreReady, StoreRequest};
use super::stores::file::FileStore;
use super::stores::{Change, KeyedStore, StoreError};
use super::topic;
use crate::source::Backoff;

/// The first and the longest pause between two attempts to connect.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));

/// The pause between two looks at what is overdue.
const SWEEP: Duration = Duration::from_secs(1);

/// How long it may take to say that this gateway is gone.
const GOODBYE: Duration = Duration::from_millis(500);

/// A store of keys and values, and the follower of what it keeps.
pub struct Keeper {
    store: Box<dyn KeyedStore>,
    follower: Follower,
    shared: Arc<Shared>,
    /// For one request to the store.
    patience: Duration,
    backoff: Backoff,
    /// Why it was last not reached; the same reason is not logged again.
    logged: Option<String>,
}

impl Keeper {
    /// Of the file at `path`.
    ///
    /// # Errors
    /// Names the file, and why it can't be used. It is as it was.
    pub fn of_file(config: &Config, path: &Path, follower: Follower) -> Result<Self, String> {
        Ok(Self::new(Box::new(FileStore::open(path, config)?), config, follower))
    }

    /// Of any store.
    pub(crate) fn new(store: Box<dyn KeyedStore>, config: &Config, follower: Follower) -> Self {
        let shared = follower.shared();
        shared.attempts.begin();
        Self {
            store,
            follower,
            shared,
            patience: config.write_timeout,
            backoff: Backoff::new(PAUSES.0, PAUSES.1),
            logged: None,
        }
    }

    /// Connects, follows, and connects again, until it is to stop; then it takes this gateway's status back.
    pub(crate) async fn run(&mut self, mut stop: watch::Receiver<bool>) {
        // If it ran before, that ended by a panic.
        self.follower.link_lost();
        self.shared.attempts.lost();
        tokio::select! {
            never = self.keep() => match never {},
            _ = stop.wait_for(|&stop| stop) => {}
        }
        if let Some(topic) = self.follower.topic_to_clear() {
            // Else the status expires.
            let _ = timeout(GOODBYE, self.store.delete(topic::key(&topic))).await;
        }
        self.follower.link_lost();
        self.shared.attempts.ended(false);
    }

    async fn keep(&mut self) -> Infallible {
        loop {
            let began = Instant::now();
            let error = match self.connect().await {
                Ok(kept) => self.follow(kept).await,
                Err(error) => error,
            };
            self.lost(&error);
            if began.elapsed() >= PAUSES.1 {
                self.backoff.reset();
            }
            tokio::select! {
                () = sleep(self.backoff.pause()) => {}
                () = self.shared.attempts.wanted() => {}
            }
        }
    }

    fn lost(&mut self, error: &StoreError) {
        let (store, reason) = (self.store.name(), error.to_string());
        if self.logged.as_ref() != Some(&reason) {
            tracing::warn!(store, reason, "control store not reached: what was read of limits and groups holds");
        }
        self.follower.unreached(&reason, Instant::now());
        self.logged = Some(reason);
        self.shared.attempts.ended(false);
    }

    /// Everything that the store keeps.
    async fn connect(&mut self) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        within(self.patience, self.store.connect()).await?;
        within(self.patience, self.store.list()).await
    }

    /// Follows until the store is lost; returns why.
    async fn follow(&mut self, kept: Vec<(String, Vec<u8>)>) -> StoreError {
        let (message_bytes, message_bytes_setting) = self.store.bound();
        let facts = StoreFacts {
            message_bytes,
            message_bytes_setting,
            is_able: true,
            has_backlog: false,
            refuses_wild_names: false,
        };
        self.follower.link_up(facts, Instant::now());
        let (mut kept, mut is_told) = (Some(kept), false);
        let mut sweep = interval(SWEEP);
        sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            if let Err(error) = self.obey(&mut kept).await {
                return error;
            }
            if self.follower.is_settled() && !std::mem::replace(&mut is_told, true) {
                tracing::info!(store = self.store.name(), "control store connected");
                self.logged = None;
                self.shared.attempts.ended(true);
            }
            tokio::select! {
                changes = self.store.changes() => match changes {
                    Ok(changes) => changes.into_iter().for_each(|change| self.hear(change)),
                    Err(error) => return error,
                },
                () = self.follower.take_order() => {}
                _ = sweep.tick() => self.follower.sweep(Instant::now()),
            }
        }
    }

    /// Does what the follower asks for. What the store keeps is in `kept` the first time.
    async fn obey(&mut self, kept: &mut Option<Vec<(String, Vec<u8>)>>) -> Result<(), StoreError> {
        const READY: StoreReady = StoreReady { publish: true, subscribe: true };
        // Each request is answered before the next: one number is enough.
        const NUMBER: u16 = 1;
        while let Some(request) = self.follower.next_request(READY, Instant::now()) {
            self.follower.sent(NUMBER);
            let done = match request {
                StoreRequest::Follow(_) => {
                    let all = match kept.take() {
                        Some(all) => all,
                        None => within(self.patience, self.store.list()).await?,
                    };
                    all.into_iter().for_each(|(key, value)| self.hear(Change { key, value: Some(value) }));
                    Ok(())
                }
                StoreRequest::Publish { topic, payload, retain: true, expiry } => {
                    let written = self.write(&topic, &payload, expiry).await;
                    if written.is_ok() {
                        self.follower.message(topic.as_bytes(), &payload, true, Instant::now());
                    }
                    written
                }
                // The mark: everything that was listed has been heard.
                StoreRequest::Publish { topic, payload, .. } => {
                    self.follower.message(topic.as_bytes(), &payload, false, Instant::now());
                    Ok(())
                }
            };
            let answer = match done {
                Err(error @ StoreError::Lost(_)) => return Err(error),
                other => other.map_err(|error| error.to_string()),
            };
            self.follower.answered(NUMBER, answer, Instant::now());
        }
        Ok(())
    }

    async fn write(&mut self, topic: &str, payload: &[u8], expiry: Option<u32>) -> Result<(), StoreError> {
        let key = topic::key(topic);
        let expiry = expiry.map(|seconds| Duration::from_secs(seconds.into()));
        let written = match payload {
            [] => self.store.delete(key),
            _ => self.store.put(key, payload, expiry),
        };
        within(self.patience, written).await
    }

    fn hear(&mut self, change: Change) {
        let (topic, value) = (topic::of_key(&change.key), change.value.unwrap_or_default());
        self.follower.message(topic.as_bytes(), &value, true, Instant::now());
    }
}

async fn within<T>(patience: Duration, work: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    let late = |_| Err(StoreError::Lost(format!("no answer within {patience:?} (control.write_timeout_seconds)")));
    timeout(patience, work).await.unwrap_or_else(late)
}

#[cfg(all(test, not(floodway_loom)))]
mod tests;
