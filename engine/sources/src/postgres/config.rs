//! Settings of the way in.

use std::fmt;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use crate::tls::Files;

/// How the gateway reaches its database.
#[derive(Clone)]
pub struct Config {
    /// `postgres.url`: servers, tried in turn, each as a URL or as libpq's pairs of keys and values, of one host or several.
    /// Default none: the source is off. Shown without a login.
    pub urls: Vec<String>,
    /// `postgres.channel`: the channel that is listened to, as it is written. Default `floodway_telemetry`.
    pub channel: String,
    /// `postgres.table`: the table (or view) of the events, which gives them their ids, with its schema before a dot if need
    /// be. Default none: notifications carry the events.
    pub table: Option<String>,
    /// `postgres.username`, where the URL names none. Default none: the one of the process, as with libpq.
    pub username: Option<String>,
    /// `postgres.password`, where the URL has none. Default none. Never shown.
    pub password: Option<String>,
    /// `postgres.tls.ca`: PEM file with the authorities one of which must have signed the server's certificate. With it TLS
    /// is demanded. Default none: those of the system.
    pub ca: Option<PathBuf>,
    /// `postgres.tls.cert`, `postgres.tls.key`: what the gateway shows a server that wants a certificate. Default none.
    pub tls: Option<Files>,
    /// `postgres.connect_timeout_seconds`: until the channel is listened to and the table can be read. Default 5 s.
    pub connect_timeout: Duration,
    /// `postgres.backoff_max_seconds`: the longest pause between two attempts (they start at 100 ms, double, and are
    /// jittered). Default 10 s.
    pub backoff_max: Duration,
    /// `postgres.keep_alive_seconds`: silence after which the server is asked for a sign of life; a dead one is noticed within
    /// twice of it. Default 15 s.
    pub keep_alive: Duration,
    /// `postgres.page_rows`: rows that are read at once. Default 1,000.
    pub page_rows: NonZeroU32,
    /// `postgres.read_pause_microseconds`: between two reads of the table while notifications come fast. Default 1,000 µs, by
    /// which an event may then be later; one that comes alone is not. 0: none.
    pub read_pause_us: u32,
    /// Bytes beyond which a payload is dropped anyway (`event.payload_bytes`): not much more is read of a row.
    pub payload_bytes: usize,
}

/// Without what may hold a password.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("channel", &self.channel)
            .field("table", &self.table)
            .field("ca", &self.ca)
            .field("page_rows", &self.page_rows)
            .finish_non_exhaustive()
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            urls: Vec::new(),
            channel: "floodway_telemetry".to_owned(),
            table: None,
            username: None,
            password: None,
            ca: None,
            tls: None,
            connect_timeout: Duration::from_secs(5),
            backoff_max: Duration::from_secs(10),
            keep_alive: Duration::from_secs(15),
            page_rows: NonZeroU32::new(1000).expect("not 0"),
            read_pause_us: 1000,
            payload_bytes: 128 * 1024,
        }
    }
}
