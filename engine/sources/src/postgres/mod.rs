//! The source of PostgreSQL: events that come by NOTIFY, or as rows of a table of which NOTIFY tells. The only room that
//! knows it.
//!
//! Invariants: a link listens before it looks what is there, so nothing falls between; rows come in the order of their ids, each
//! once; a statement holds names only as quoted identifiers, and values only as parameters; no error names a password.
//!
//! `endpoint` and `tls` say where to connect and how, `listener` hears notifications, `notification` reads them, `reading`
//! reads the table, `progress` and `cursor` decide when; `link` holds these together, `error` puts into words what fails.
//! `control` keeps limits and groups in a table of its own.
//! The table and its triggers, which are the user's: `docs/postgres.md`.

mod config;
pub mod control;
mod cursor;
mod endpoint;
mod error;
mod link;
mod listener;
mod names;
mod notification;
mod progress;
mod reading;
#[cfg(all(test, not(floodway_loom)))]
mod test_kit;
mod tls;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use tokio_postgres_rustls::MakeRustlsConnect;

pub use config::Config;

use crate::feed::{Feed, FeedError, FeedSource, Opened};
use crate::router::Topics;
use crate::source::{Attempt, Source};
use cursor::Cursor;
use endpoint::Endpoint;
use error::Asked;
use floodway_core::history;
use floodway_core::index::{Index, SourceNumber};
use link::Link;
use listener::{Listener, Wire};
use reading::Reading;
use tokio_postgres::Client;

/// Tells servers apart: who is reached through a name or a proxy of several may get two.
const SERVER: &str = "select pg_postmaster_start_time()::text as server";

/// The same, and whether the connection is encrypted.
const SERVER_AND_TLS: &str = "select pg_postmaster_start_time()::text as server, (select ssl from pg_stat_ssl where pid = pg_backend_pid()) as tls";

/// The servers of the setting `postgres.url`, of which one is connected at a time.
struct Postgres {
    config: Config,
    endpoints: Vec<Endpoint>,
    tls: MakeRustlsConnect,
    /// `postgres.channel` as an identifier.
    channel: String,
    /// `postgres.table` as identifiers.
    table: Option<String>,
    was_open: bool,
    /// What an attempt to connect waits for.
    awaited: &'static str,
}

impl Postgres {
    /// The servers of `config`.
    ///
    /// # Errors
    /// `InvalidInput` if a setting is wrong, or the authorities' file can't be read; it is named.
    fn new(config: Config) -> io::Result<Self> {
        let invalid = |text| io::Error::new(io::ErrorKind::InvalidInput, text);
        let of = |setting: &str, why: String| invalid(format!("{setting} {why}"));
        let parsed = config.urls.iter().map(|url| endpoint::parse(url, &config));
        let endpoints: Result<Vec<_>, _> = parsed.collect();
        let endpoints: Vec<_> = endpoints.map_err(|why| of("postgres.url", why))?.into_iter().flatten().collect();
        if endpoints.is_empty() {
            return Err(invalid("postgres.url names no server".to_owned()));
        }
        let table = config.table.as_deref().map(names::table).transpose();
        Ok(Self {
            tls: tls::client(&config).map_err(|error| invalid(error.to_string()))?,
            channel: names::channel(&config.channel).map_err(|why| of("postgres.channel", why))?,
            table: table.map_err(|why| of("postgres.table", why))?,
            endpoints,
            config,
            was_open: false,
            awaited: "",
        })
    }

    async fn connect(&mut self, number: usize) -> Result<(Client, Wire), FeedError> {
        self.awaited = "connection";
        let connected = self.endpoints[number].pg.connect(self.tls.clone()).await;
        connected.map_err(|error| error::in_words(Asked::Connection, &error))
    }

    /// Listens, and only then looks where the table stands: what comes behind that is heard of.
    async fn link(&mut self, number: usize, after: Option<u64>) -> Result<Opened<Link>, FeedError> {
        let (client, wire) = self.connect(number).await?;
        let mut listener = Listener::new(client, wire, self.config.keep_alive);
        self.awaited = "answer to LISTEN";
        let row = listener.listen(&self.channel, SERVER_AND_TLS).await?;
        self.warn_in_the_clear(number, row.get("tls") == Some("t"));
        let Some(table) = self.table.clone() else {
            return Ok(Opened { link: Link::new(listener, None), behind: 0, has_lost: self.was_open });
        };
        let (client, wire) = self.connect(number).await?;
        // It ends when the last of those who read has gone.
        let ended = tokio::spawn(wire);
        self.awaited = "newest id of postgres.table (has it an index of its ids?)";
        let reading = Arc::new(Reading::new(client, &table, &self.config).await?);
        let server: String = reading.row(SERVER).await?.get("server");
        if row.get("server") != Some(&*server) {
            return Err(two_servers());
        }
        let newest = reading.newest().await?;
        // Of numbers that began anew nothing is known before now.
        let last = after.filter(|&after| !newest.never_was_at(after));
        let behind = last.unwrap_or(newest.row);
        let pause = Duration::from_micros(self.config.read_pause_us.into());
        let cursor = Cursor::new(reading, ended, behind, pause);
        Ok(Opened {
            link: Link::new(listener, Some(cursor)),
            behind,
            has_lost: last.is_none() && after.is_some(),
        })
    }

    /// Says once that a connection is not encrypted though nobody asked for that.
    fn warn_in_the_clear(&mut self, number: usize, is_encrypted: bool) {
        let endpoint = &mut self.endpoints[number];
        if std::mem::take(&mut endpoint.may_go_in_the_clear) && !is_encrypted {
            tracing::warn!(
                %endpoint,
                "the connection to the database is not encrypted; set sslmode=verify-full in postgres.url, or sslmode=disable \
                 where nobody can listen on the way"
            );
        }
    }
}

fn two_servers() -> FeedError {
    FeedError {
        result: Attempt::Malformed,
        text: "two connections to it reached two servers: name one server in postgres.url, or several with commas between them"
            .to_owned(),
    }
}

impl Feed for Postgres {
    type Link = Link;

    fn kind(&self) -> &'static str {
        "postgres"
    }

    fn endpoints(&self) -> Vec<String> {
        self.endpoints.iter().map(Endpoint::to_string).collect()
    }

    fn backoff_max(&self) -> Duration {
        self.config.backoff_max
    }

    fn is_numbered(&self) -> bool {
        self.table.is_some()
    }

    /// The columns say where metrics and timestamp stand.
    fn has_usual_payloads(&self) -> bool {
        true
    }

    async fn open(&mut self, endpoint: usize, after: Option<u64>) -> Result<Opened<Link>, FeedError> {
        let within = self.config.connect_timeout;
        let opened = timeout(within, self.link(endpoint, after)).await;
        let opened = opened.unwrap_or_else(|_| Err(error::timed_out(self.awaited, within)))?;
        self.was_open = true;
        Ok(opened)
    }
}

/// The database of `config` as a source of the gateway, of this number. The tenants of `index` are served from it, each for
/// as long after its last stream as `history` says.
///
/// # Errors
/// `InvalidInput` if a setting is wrong, or a file that one names can't be used; it is named.
pub fn source(
    config: Config,
    index: Arc<Index>,
    number: SourceNumber,
    history: &history::Config,
    topics: Arc<Topics>,
) -> io::Result<Box<dyn Source>> {
    Ok(Box::new(FeedSource::new(Postgres::new(config)?, index, number, history, topics)))
}

/// Checks one item of `postgres.url`.
///
/// # Errors
/// Says what would be right, without a word of the URL: it may hold a password.
pub fn check_url(url: &str) -> Result<(), String> {
    endpoint::parse(url, &Config::default()).map(drop)
}

/// Checks `postgres.channel`.
///
/// # Errors
/// Says what would be right.
pub fn check_channel(name: &str) -> Result<(), String> {
    names::channel(name).map(drop)
}

/// Checks `postgres.table`.
///
/// # Errors
/// Says what would be right.
pub fn check_table(text: &str) -> Result<(), String> {
    names::table(text).map(drop)
}
