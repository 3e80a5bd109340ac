//! The source of NATS JetStream: one stream, of which every gateway reads all, and whose numbers are the events' ids.
//!
//! Invariants: of what the stream holds nothing is missing and nothing comes twice, over servers that die, gateways that are
//! restarted, and from one gateway to another; no name that NATS would take for a wildcard reaches a subject.
//!
//! In the order of a message's way: `connection` connects and asks, `stream` finds the stream or makes it, `open` puts a consumer at
//! the right place, `link` reads it and mends it, `subject` says which topic a subject is. Beside it, `reader` reads what came
//! before, and `control` keeps limits and groups in a `bucket`.

mod bucket;
mod config;
mod connection;
pub mod control;
mod error;
mod link;
mod open;
mod reader;
mod stream;
mod subject;
#[cfg(all(test, not(floodway_loom)))]
mod tests;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use async_nats::ServerAddr;

pub use config::{Capture, Config};

use crate::feed::{Feed, FeedError, FeedSource, Opened};
use crate::router::Topics;
use crate::source::Source;
use crate::tls::{self, Connector, Pem, Roots};
use error::NatsError;
use floodway_core::history;
use floodway_core::index::{Index, SourceNumber};
use link::Link;
use open::Followed;
use stream::StreamState;
use subject::Templates;

/// The stream of `config` as the source of this number, which serves the tenants of `index`, each for as long after its last
/// stream as `history` says.
///
/// # Errors
/// `InvalidInput` if `config` has no URL or a wrong one.
pub fn source(
    config: Config,
    index: Arc<Index>,
    number: SourceNumber,
    history: &history::Config,
    topics: Arc<Topics>,
) -> io::Result<Box<dyn Source>> {
    Ok(Box::new(FeedSource::new(Nats::new(config)?, index, number, history, topics)))
}

/// The servers of one setting `nats.url`, of which one is connected at a time.
pub(crate) struct Nats {
    config: Config,
    servers: Vec<ServerAddr>,
    templates: Templates,
    /// When the stream was made that was read last.
    created: Option<String>,
}

impl Nats {
    /// The servers of `config`.
    ///
    /// # Errors
    /// `InvalidInput` if `config` has no URL or a wrong one.
    pub(crate) fn new(config: Config) -> io::Result<Self> {
        let servers: Vec<ServerAddr> = config.urls.iter().map(|url| server(url)).collect::<io::Result<_>>()?;
        if servers.is_empty() {
            return Err(invalid("nats.url names no server"));
        }
        let templates = Templates::new(&config.topics, config.tenant.as_deref());
        Ok(Self { servers, templates, config, created: None })
    }

    /// How servers are trusted, where one may speak TLS.
    fn connector(&self) -> Result<Option<Connector>, tls::Error> {
        let Config { ca, tls, .. } = &self.config;
        if ca.is_none() && tls.is_none() && !self.servers.iter().any(ServerAddr::tls_required) {
            return Ok(None);
        }
        let pair = tls.as_ref().map(|files| files.named("nats.tls.cert", "nats.tls.key"));
        let ca = ca.as_deref().map(|path| Pem { setting: "nats.tls.ca", path });
        let roots = ca.map_or_else(Roots::of_system, Roots::of)?;
        tls::connector(roots, pair, &[]).map(Some)
    }
}

impl Feed for Nats {
    type Link = Link;

    fn kind(&self) -> &'static str {
        "nats"
    }

    fn endpoints(&self) -> Vec<String> {
        self.servers.iter().map(shown).collect()
    }

    fn backoff_max(&self) -> Duration {
        self.config.backoff_max
    }

    fn is_numbered(&self) -> bool {
        true
    }

    fn takes_wild_names(&self) -> bool {
        false
    }

    async fn open(&mut self, endpoint: usize, after: Option<u64>) -> Result<Opened<Link>, FeedError> {
        let tls = self.connector().map_err(NatsError::Files)?;
        let opened = Followed::open(&self.config, &self.templates, &self.servers, endpoint, tls).await;
        let (followed, state) = opened?;
        let is_other = self
            .created
            .replace(followed.created.clone())
            .is_some_and(|before| before != followed.created);
        let (behind, has_lost) = begin(state, after.filter(|_| !is_other));
        let link = Link::open(followed, behind).await?;
        Ok(Opened { link, behind, has_lost: has_lost || is_other })
    }
}

/// Behind which number a stream that holds this is read on by one who has all up to `after`, and whether some may be missing
/// then.
fn begin(state: StreamState, after: Option<u64>) -> (u64, bool) {
    match after {
        None => (state.last_seq, false),
        // The numbers are of another stream: this one began anew.
        Some(after) if after > state.last_seq => (state.last_seq, true),
        Some(after) => (after, after + 1 < state.first_seq),
    }
}

fn server(url: &str) -> io::Result<ServerAddr> {
    if !["nats://", "tls://"].iter().any(|scheme| url.starts_with(scheme)) {
        return Err(invalid("nats.url must begin with nats:// or tls://"));
    }
    let server: ServerAddr = url.parse().map_err(|_| invalid("nats.url is no address such as nats://host:4222"))?;
    if server.has_user_pass() {
        return Err(invalid("nats.url holds a login; set nats.username and nats.password, or nats.token"));
    }
    Ok(server)
}

/// A server without credentials.
fn shown(server: &ServerAddr) -> String {
    format!("{}://{}:{}", server.scheme(), host(server), server.port())
}

fn host(server: &ServerAddr) -> String {
    let host = server.host();
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

fn invalid(text: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, text)
}
