//! A key-value bucket as the store of limits and groups, which `bucket` reads and writes.
//!
//! Invariant: a value is told unless a newer one of its key was, or was written: numbers of the stream say which is newer.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use async_nats::HeaderMap;

use super::Nats;
use super::bucket::{Heard, Link, MARKER};
use super::config::Config;
use super::connection::Connection;
use super::error::NatsError;
use crate::control::stores::{Asked, Change, KeyedStore, StoreError};
use crate::control::{self, Follower, Keeper};

/// Of a message, besides subject and value.
const HEADER_BYTES: usize = 256;

const SETTING: &str = "max_payload of the NATS server";

/// A keeper of the documents in the bucket `floodway_control` of the servers in `config`.
///
/// # Errors
/// `InvalidInput` if `config` has no URL or a wrong one.
pub fn keeper(config: Config, control: &control::Config, follower: Follower) -> io::Result<Keeper> {
    Ok(Keeper::new(Box::new(Bucket::new(config)?), control, follower))
}

/// The bucket, over one server at a time.
pub(super) struct Bucket {
    nats: Nats,
    /// The server that is connected, or tried next.
    number: usize,
    link: Option<Link>,
    /// The number of the newest message of each key that was told, or written.
    told: BTreeMap<String, u64>,
}

impl Bucket {
    pub(super) fn new(config: Config) -> io::Result<Self> {
        Ok(Self { nats: Nats::new(config)?, number: 0, link: None, told: BTreeMap::new() })
    }

    async fn open(&self) -> Result<Link, NatsError> {
        let Nats { config, servers, .. } = &self.nats;
        let tls = self.nats.connector().map_err(NatsError::Files)?;
        let connection = Connection::open(config, servers, self.number, tls).await?;
        Link::of(connection).await
    }

    fn link(&mut self) -> Result<&mut Link, StoreError> {
        self.link.as_mut().ok_or_else(|| StoreError::Lost("it is not connected".to_owned()))
    }

    async fn all(&mut self) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        let patience = self.nats.config.request_timeout;
        let mut pending = self.link()?.watch(patience).await.map_err(failed)?;
        self.told.clear();
        let mut all = BTreeMap::new();
        while pending > 0 {
            let heard = self.link()?.message().await.map_err(failed)?;
            pending = heard.pending;
            match self.news(heard) {
                Some(Change { key, value: Some(value) }) => _ = all.insert(key, value),
                Some(Change { key, value: None }) => _ = all.remove(&key),
                None => {}
            }
        }
        Ok(all.into_iter().collect())
    }

    /// What was heard, unless something newer is known.
    fn news(&mut self, heard: Heard) -> Option<Change> {
        let change = heard.change?;
        let told = self.told.get(&change.key).copied().unwrap_or_default();
        if change.value.is_none() && told <= heard.number {
            // Nothing older than what the consumer has brought will come.
            self.told.remove(&change.key);
        } else if told < heard.number {
            self.told.insert(change.key.clone(), heard.number);
        }
        (told < heard.number).then_some(change)
    }

    async fn heard(&mut self) -> Result<Vec<Change>, StoreError> {
        loop {
            let mut changes = Vec::new();
            let mut heard = self.link()?.message().await.map_err(failed)?;
            loop {
                changes.extend(self.news(heard));
                match self.link()?.message_now() {
                    Some(more) => heard = more.map_err(failed)?,
                    None => break,
                }
            }
            if !changes.is_empty() {
                return Ok(changes);
            }
        }
    }

    async fn publish(
        &mut self,
        key: &str,
        mut headers: HeaderMap,
        lives: Option<Duration>,
        value: Vec<u8>,
    ) -> Result<(), StoreError> {
        let link = self.link()?;
        if let Some(lives) = lives.filter(|_| link.forgets) {
            // In whole seconds (NATS, ADR-43).
            headers.insert("Nats-TTL", format!("{}s", lives.as_secs().max(1)));
        }
        let number = link.publish(key, headers, value).await.map_err(failed)?;
        self.told.insert(key.to_owned(), number);
        Ok(())
    }
}

impl KeyedStore for Bucket {
    fn name(&self) -> String {
        format!("bucket floodway_control of {}", super::shown(&self.nats.servers[self.number]))
    }

    fn bound(&self) -> (usize, &'static str) {
        let payload = self.link.as_ref().map_or(0, |link| link.connection.client.max_payload());
        (payload.saturating_sub(HEADER_BYTES), SETTING)
    }

    fn connect(&mut self) -> Asked<'_, ()> {
        Box::pin(async {
            self.link = None;
            let tried = self.open().await;
            if tried.is_err() {
                self.number = (self.number + 1) % self.nats.servers.len();
            }
            self.link = Some(tried.map_err(failed)?);
            Ok(())
        })
    }

    fn list(&mut self) -> Asked<'_, Vec<(String, Vec<u8>)>> {
        Box::pin(self.all())
    }

    fn put<'a>(&'a mut self, key: &'a str, value: &'a [u8], expiry: Option<Duration>) -> Asked<'a, ()> {
        Box::pin(self.publish(key, HeaderMap::new(), expiry, value.to_vec()))
    }

    fn delete<'a>(&'a mut self, key: &'a str) -> Asked<'a, ()> {
        let mut headers = HeaderMap::new();
        headers.insert("KV-Operation", "DEL");
        Box::pin(self.publish(key, headers, Some(MARKER), Vec::new()))
    }

    fn changes(&mut self) -> Asked<'_, Vec<Change>> {
        Box::pin(self.heard())
    }
}

/// What JetStream refuses, or the server forbids, is a refusal.
fn failed(error: NatsError) -> StoreError {
    let words = error.to_string();
    match error {
        NatsError::Refused { .. } | NatsError::Denied(_) => StoreError::Refused(words),
        _ => StoreError::Lost(words),
    }
}
