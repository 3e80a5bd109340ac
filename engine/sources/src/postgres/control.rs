//! A table of the database as the store of limits and groups: `floodway_control`.
//!
//! Every write tells of its key by NOTIFY in the same transaction, on the channel of the table's name; what is told of is then
//! read. Invariants:
//! * The table is listened to before it is read, so nothing falls between. What a notification did not tell of, since a person
//!   wrote it or a connection broke, is found at the next look, `control.reread_seconds` later at most.
//! * What is read under a key is never older than what was written before: one connection does both, one after the other.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use tokio_postgres::{Client, Error, Row};

use super::Postgres;
use super::config::Config;
use super::error::{self, Asked as Wanted};
use super::listener::Listener;
use crate::control::stores::{Asked, Change, KeyedStore, StoreError};
use crate::control::{self, Follower, Keeper};
use crate::feed::FeedError;

const EXISTS: &str = "select to_regclass('floodway_control') is not null";

/// Of two gateways that make it at once one fails.
const MAKE: &str = "create table if not exists floodway_control (key text primary key, value text not null, \
                    updated timestamptz not null default now(), expires timestamptz)";

/// Codes of those failures: duplicate_table, unique_violation (PostgreSQL 15, appendix A).
const MADE_BY_ANOTHER: [&str; 2] = ["42P07", "23505"];

/// `xmin` is another one for each version of a row, whoever wrote it (PostgreSQL 15, 5.5).
const READ_ALL: &str = "select key, value, xmin::text as version from floodway_control \
                        where expires is null or expires > now()";

const READ: &str = "select key, value, xmin::text as version from floodway_control \
                    where key = any($1) and (expires is null or expires > now())";

const LOOK: &str = "select key, xmin::text as version from floodway_control where expires is null or expires > now()";

const PUT: &str = "with written as (
        insert into floodway_control (key, value, updated, expires)
        values ($1, $2, now(), now() + make_interval(secs => $3::float8))
        on conflict (key) do update set value = excluded.value, updated = excluded.updated, expires = excluded.expires
        returning key, xmin::text as version)
    select version, pg_notify('floodway_control', key) from written";

const DELETE: &str = "with gone as (delete from floodway_control where key = $1 returning key)
    select pg_notify('floodway_control', key) from gone";

/// What has expired is nobody's: who finds it locked leaves it to the other.
const SWEEP: &str = "delete from floodway_control where key in (
    select key from floodway_control where expires < now() for update skip locked)";

/// Names go far below it, and values below what a column takes, 1 GiB.
const MESSAGE_BYTES: usize = 256 << 20;

/// A keeper of the documents in the table `floodway_control` of the servers in `config`.
///
/// # Errors
/// `InvalidInput` if a setting of `config` is wrong; it is named.
pub fn keeper(config: Config, control: &control::Config, follower: Follower) -> io::Result<Keeper> {
    Ok(Keeper::new(Box::new(Table::new(config, control.reread)?), control, follower))
}

/// The table, over one server at a time.
struct Table {
    servers: Postgres,
    /// The endpoint that is connected, or tried next.
    number: usize,
    link: Option<Link>,
    /// The version of each row that was told, or written.
    told: BTreeMap<String, String>,
    /// Keys that are to be read.
    due: BTreeSet<String>,
    reread: Duration,
    next_look: Instant,
}

/// Two connections: an answer that is not read yet would hold notifications back.
struct Link {
    listener: Listener,
    client: Client,
}

impl Table {
    fn new(config: Config, reread: Duration) -> io::Result<Self> {
        Ok(Self {
            servers: Postgres::new(config)?,
            number: 0,
            link: None,
            told: BTreeMap::new(),
            due: BTreeSet::new(),
            reread,
            next_look: Instant::now() + reread,
        })
    }

    async fn open(&mut self) -> Result<Link, StoreError> {
        let (client, wire) = self.servers.connect(self.number).await.map_err(lost)?;
        let mut listener = Listener::new(client, wire, self.servers.config.keep_alive);
        listener.listen("floodway_control", "select 1").await.map_err(lost)?;
        let (client, wire) = self.servers.connect(self.number).await.map_err(lost)?;
        // It ends with its client, or says by that why it ended.
        tokio::spawn(wire);
        make(&client).await?;
        Ok(Link { listener, client })
    }

    fn client(&self) -> Result<&Client, StoreError> {
        let gone = || StoreError::Lost("it is not connected".to_owned());
        self.link.as_ref().map(|link| &link.client).ok_or_else(gone)
    }

    async fn all(&mut self) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        let rows = self.client()?.query(READ_ALL, &[]).await.map_err(failed)?;
        (self.told, self.due) = (BTreeMap::new(), BTreeSet::new());
        self.next_look = Instant::now() + self.reread;
        let taken = rows.iter().map(|row| {
            let (key, value) = (row.get::<_, String>("key"), row.get::<_, String>("value"));
            self.told.insert(key.clone(), version(row));
            (key, value.into_bytes())
        });
        Ok(taken.collect())
    }

    /// Reads what is due. If it is not waited for, it stays due.
    async fn read(&mut self) -> Result<Vec<Change>, StoreError> {
        let keys: Vec<&str> = self.due.iter().map(String::as_str).collect();
        let rows = self.client()?.query(READ, &[&keys]).await.map_err(failed)?;
        let mut changes = Vec::new();
        for row in &rows {
            let key: String = row.get("key");
            self.due.remove(&key);
            let version = version(row);
            if self.told.insert(key.clone(), version.clone()) != Some(version) {
                changes.push(Change { key, value: Some(row.get::<_, String>("value").into_bytes()) });
            }
        }
        // The others are gone.
        for key in std::mem::take(&mut self.due) {
            if self.told.remove(&key).is_some() {
                changes.push(Change { key, value: None });
            }
        }
        Ok(changes)
    }

    /// Looks for what no notification told of.
    async fn look(&mut self) -> Result<(), StoreError> {
        let rows = self.client()?.query(LOOK, &[]).await.map_err(failed)?;
        let there: BTreeMap<String, String> = rows.iter().map(|row| (row.get("key"), version(row))).collect();
        let differs = |(key, version): &(&String, &String)| self.told.get(*key) != Some(version);
        let gone = self.told.keys().filter(|key| !there.contains_key(*key));
        self.due.extend(there.iter().filter(differs).map(|(key, _)| key).chain(gone).cloned());
        // Who may not delete leaves that to the others.
        let _ = self.client()?.execute(SWEEP, &[]).await;
        self.next_look = Instant::now() + self.reread;
        Ok(())
    }

    async fn heard(&mut self) -> Result<Vec<Change>, StoreError> {
        loop {
            if !self.due.is_empty() {
                let changes = self.read().await?;
                if !changes.is_empty() {
                    return Ok(changes);
                }
            }
            self.client()?;
            let Some(link) = &mut self.link else { continue };
            tokio::select! {
                keys = link.listener.hear() => self.due.extend(keys.map_err(lost)?),
                () = sleep_until(self.next_look) => self.look().await?,
            }
        }
    }
}

impl KeyedStore for Table {
    fn name(&self) -> String {
        format!("table floodway_control of {}", self.servers.endpoints[self.number])
    }

    fn bound(&self) -> (usize, &'static str) {
        (MESSAGE_BYTES, "what a row of floodway_control takes")
    }

    fn connect(&mut self) -> Asked<'_, ()> {
        Box::pin(async {
            self.link = None;
            let tried = self.open().await;
            if tried.is_err() {
                self.number = (self.number + 1) % self.servers.endpoints.len();
            }
            self.link = Some(tried?);
            Ok(())
        })
    }

    fn list(&mut self) -> Asked<'_, Vec<(String, Vec<u8>)>> {
        Box::pin(self.all())
    }

    fn put<'a>(&'a mut self, key: &'a str, value: &'a [u8], expiry: Option<Duration>) -> Asked<'a, ()> {
        Box::pin(async move {
            let value = str::from_utf8(value).map_err(|error| StoreError::Refused(error.to_string()))?;
            let seconds = expiry.map(|expiry| expiry.as_secs_f64());
            let written = self.client()?.query_one(PUT, &[&key, &value, &seconds]).await.map_err(failed)?;
            self.told.insert(key.to_owned(), version(&written));
            Ok(())
        })
    }

    fn delete<'a>(&'a mut self, key: &'a str) -> Asked<'a, ()> {
        Box::pin(async move {
            self.client()?.query(DELETE, &[&key]).await.map_err(failed)?;
            self.told.remove(key);
            Ok(())
        })
    }

    fn changes(&mut self) -> Asked<'_, Vec<Change>> {
        Box::pin(self.heard())
    }
}

async fn make(client: &Client) -> Result<(), StoreError> {
    let found = client.query_one(EXISTS, &[]).await.map_err(failed)?;
    if found.get(0) {
        return Ok(());
    }
    match client.batch_execute(MAKE).await {
        Err(error) if error.code().is_some_and(|code| MADE_BY_ANOTHER.contains(&code.code())) => Ok(()),
        made => made.map_err(failed),
    }
}

fn version(row: &Row) -> String {
    row.get("version")
}

/// What the server answers is a refusal, unless it ends the connection (PostgreSQL 15, appendix A: classes 08, 53 and 57), or
/// is a standby by now (25006).
fn failed(error: Error) -> StoreError {
    let words = error::in_words(Wanted::Documents, &error).text;
    let is_answer = error.code().is_some_and(|code| {
        let code = code.code();
        !["08", "53", "57"].iter().any(|class| code.starts_with(class)) && code != "25006"
    });
    if is_answer { StoreError::Refused(words) } else { StoreError::Lost(words) }
}

fn lost(error: FeedError) -> StoreError {
    StoreError::Lost(error.text)
}

#[cfg(all(test, not(floodway_loom)))]
mod tests;
