//! The keys of an identity provider, kept fresh.
//!
//! Invariant: there is always at least one key, since the first fetch must succeed and a later one
//! that fails leaves the keys as they are. Checks of tokens read the keys without waiting; only one
//! task replaces them.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use jsonwebtoken::Header;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::claims::Claims;
use super::fetch::{FetchError, Source};
use super::jwk::{self, NamedKey};
use crate::parts;

/// How often keys are fetched.
#[derive(Clone, Copy)]
pub(super) struct Pace {
    /// From one fetch to the next.
    pub(super) refresh: Duration,
    /// The shortest time between two fetches, however many tokens name unknown keys.
    pub(super) pause: Duration,
    /// For one fetch.
    pub(super) timeout: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            refresh: Duration::from_secs(300),
            pause: Duration::from_secs(30),
            timeout: Duration::from_secs(5),
        }
    }
}

/// The keys as they were fetched last.
pub(super) struct KeySet {
    keys: Arc<ArcSwap<Vec<NamedKey>>>,
    /// Asks for a fetch. That it is closed tells the task that the set is gone.
    wanted: mpsc::Sender<()>,
}

impl KeySet {
    /// Fetches the keys, and starts to keep them fresh.
    pub(super) async fn start(url: &str, pace: Pace) -> Result<Self, FetchError> {
        let source = Source::new(url, pace.timeout)?;
        let keys = Arc::new(ArcSwap::from_pointee(fetch(&source).await?));
        let (wanted, asked) = mpsc::channel(1);
        let (fresh, mut asked) = (Arc::clone(&keys), asked);
        let keep_fresh = async move || keep_fresh(&source, &fresh, &mut asked, pace).await;
        tokio::spawn(parts::kept("jwks", keep_fresh));
        Ok(Self { keys, wanted })
    }

    /// The claims of a token that one of the keys signed. A token that names an unknown key is refused,
    /// and the keys are fetched soon: once they are there, the client may come again.
    pub(super) fn open(&self, token: &str, header: &Header) -> Option<Claims> {
        let keys = self.keys.load();
        let named = |key: &&NamedKey| header.kid.is_none() || key.id == header.kid;
        if !keys.iter().any(|key| named(&key)) {
            // A full channel means that this was asked for already.
            _ = self.wanted.try_send(());
            return None;
        }
        let fitting = keys
            .iter()
            .filter(named)
            .filter(|key| key.key.is_for(header.alg));
        fitting.into_iter().find_map(|key| key.key.open(token))
    }
}

async fn fetch(source: &Source) -> Result<Vec<NamedKey>, FetchError> {
    jwk::read(&source.get().await?)
}

async fn keep_fresh(
    source: &Source,
    keys: &ArcSwap<Vec<NamedKey>>,
    asked: &mut mpsc::Receiver<()>,
    pace: Pace,
) {
    let mut last = Instant::now();
    loop {
        match tokio::time::timeout_at(last + pace.refresh, asked.recv()).await {
            Ok(None) => return,
            Ok(Some(())) => tokio::time::sleep_until(last + pace.pause).await,
            Err(_) => {}
        }
        last = Instant::now();
        match fetch(source).await {
            Ok(fresh) => keys.store(Arc::new(fresh)),
            Err(error) => tracing::warn!(%error, "JWK set not refreshed; its keys are kept"),
        }
    }
}
