//! The keys of an identity provider, kept fresh.
//!
//! Invariant: once there are keys, there are always some: a fetch that fails leaves them as they are. Checks of tokens
//! read the keys without waiting; only one task replaces them. A token of an unknown key waits for a fetch. All that wait
//! share one fetch: there is at most one every `pause`, however many tokens name unknown keys.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use jsonwebtoken::{Algorithm, Header};
use tokio::sync::{Semaphore, SemaphorePermit, watch};
use tokio::time::{Instant, sleep_until, timeout};

use super::claims::Claims;
use super::fetch::{FetchError, Source};
use super::jwk::{self, NamedKey};
use super::refusal::{Fault, Refusal};
use floodway_core::parts;

/// How often keys are fetched, and how many wait for them.
#[derive(Clone, Copy)]
pub(super) struct Pace {
    /// The longest time for which a key still counts after the provider has withdrawn it.
    pub(super) refresh: Duration,
    /// The shortest time from one fetch to the next.
    pub(super) pause: Duration,
    /// The time for one fetch.
    pub(super) timeout: Duration,
    /// Tokens that wait for a fetch at once.
    pub(super) waiting: usize,
}

impl Pace {
    pub(super) fn new(refresh: Duration, waiting: usize) -> Self {
        Self { refresh, pause: Duration::from_secs(5), timeout: Duration::from_secs(5), waiting }
    }

    /// From one fetch to the next, so that the next one has ended before `refresh` is over.
    fn period(&self) -> Duration {
        let early = self.refresh.saturating_sub(self.timeout);
        early.max(self.refresh / 2)
    }

    /// The longest time from a request for a fetch to its end: another fetch may be under way.
    fn patience(&self) -> Duration {
        self.pause.max(self.timeout) + self.timeout
    }
}

/// How far fetching has come.
#[derive(Clone, Copy, Debug, Default)]
struct Fetches {
    /// The number of the latest fetch that has begun.
    begun: u64,
    /// The number of the latest one that has ended.
    ended: u64,
    has_keys: bool,
    /// The latest one gave no keys.
    has_failed: bool,
}

/// The keys as they were fetched last.
pub(super) struct KeySet {
    keys: Arc<ArcSwap<Vec<NamedKey>>>,
    fetches: watch::Receiver<Fetches>,
    /// The number of the fetch that is wanted. When the set is gone it is closed, which ends the task.
    wanted: watch::Sender<u64>,
    turns: Semaphore,
    patience: Duration,
}

impl KeySet {
    /// Begins to fetch the keys, and to keep them fresh.
    ///
    /// # Errors
    /// If no keys can be fetched from `url`. A server that does not answer is no error.
    pub(super) fn start(url: &str, pace: Pace) -> Result<Self, FetchError> {
        let source = Source::new(url, pace.timeout)?;
        let keys = Arc::default();
        let (fetches, all_fetches) = watch::channel(Fetches::default());
        let (wanted, mut asked) = watch::channel(0);
        let refresher = KeyRefresher { source, keys: Arc::clone(&keys), fetches, pace };
        let refresh = async move || refresher.run(&mut asked).await;
        tokio::spawn(parts::kept("jwks", refresh));
        Ok(Self {
            keys,
            fetches: all_fetches,
            wanted,
            turns: Semaphore::new(pace.waiting),
            patience: pace.patience(),
        })
    }

    /// Whether tokens can be checked.
    pub(super) fn is_ready(&self) -> bool {
        self.fetches.borrow().has_keys
    }

    /// Returns when tokens can be checked. From then on they always can.
    pub(super) async fn ready(&self) {
        let mut fetches = self.fetches.clone();
        let ready = fetches.wait_for(|fetches| fetches.has_keys).await;
        if ready.is_err() {
            std::future::pending().await
        }
    }

    /// Returns once there are keys. It waits only for the first fetch: if that has failed, the provider is known to be away.
    pub(super) async fn first(&self) -> Result<(), Refusal> {
        if self.fetches.borrow().ended == 0 {
            let _turn = self.turn()?;
            let mut fetches = self.fetches.clone();
            // The state shows what came of it.
            let _ = timeout(self.patience, fetches.wait_for(|fetches| fetches.ended > 0)).await;
        }
        if self.is_ready() { Ok(()) } else { Err(Refusal::NoKeys) }
    }

    /// The claims of a token that one of the keys signed, as far as they are known now.
    pub(super) fn open_now(&self, token: &str, header: &Header) -> Result<Claims, Fault> {
        use Algorithm::{HS256, HS384, HS512};
        // No provider publishes a secret, so no fetch can bring such a key.
        if matches!(header.alg, HS256 | HS384 | HS512) {
            return Err(Fault::Algorithm);
        }
        let keys = self.keys.load();
        let is_named = |key: &&NamedKey| header.kid.is_none() || key.id == header.kid;
        let mut fault = Fault::UnknownKey;
        for key in keys.iter().filter(is_named) {
            match key.key.open(token) {
                // Without a name it may be of any key, also of one that is not known yet.
                Err(Fault::Signature | Fault::Algorithm) if header.kid.is_none() => {}
                Err(other) => fault = other,
                Ok(claims) => return Ok(claims),
            }
        }
        Err(fault)
    }

    /// As [`KeySet::open_now`], but a token whose key may be new waits for a fetch that begins after it came, unless an earlier
    /// one brings the key. If the provider does not answer, the token can't be judged.
    pub(super) async fn open(&self, token: &str, header: &Header) -> Result<Claims, Refusal> {
        // `wait_for` holds the channel's lock while it calls this, so this must not use the channel.
        let is_unknown = || matches!(self.open_now(token, header), Err(Fault::UnknownKey));
        let opened = self.open_now(token, header);
        if !matches!(opened, Err(Fault::UnknownKey)) {
            return opened.map_err(Refusal::Invalid);
        }
        let _turn = self.turn()?;
        let target = self.ask();
        let mut fetches = self.fetches.clone();
        let learnt = fetches.wait_for(|fetches| fetches.ended >= target || !is_unknown());
        let has_failed = match timeout(self.patience, learnt).await {
            Ok(Ok(fetches)) => fetches.has_failed,
            Ok(Err(_)) | Err(_) => true,
        };
        match self.open_now(token, header) {
            Err(Fault::UnknownKey) if has_failed => Err(Refusal::NoKeys),
            opened => opened.map_err(Refusal::Invalid),
        }
    }

    fn turn(&self) -> Result<SemaphorePermit<'_>, Refusal> {
        self.turns.try_acquire().map_err(|_| Refusal::NoKeys)
    }

    /// Asks for a fetch that begins after this call. Returns its number.
    pub(super) fn ask(&self) -> u64 {
        let target = self.fetches.borrow().begun + 1;
        self.wanted.send_if_modified(|wanted| {
            let is_later = *wanted < target;
            *wanted = target.max(*wanted);
            is_later
        });
        target
    }
}

/// The task that fetches.
struct KeyRefresher {
    source: Source,
    keys: Arc<ArcSwap<Vec<NamedKey>>>,
    fetches: watch::Sender<Fetches>,
    pace: Pace,
}

impl KeyRefresher {
    async fn run(&self, asked: &mut watch::Receiver<u64>) {
        let mut trouble = Trouble::default();
        // A fetch that a panic interrupted has no end: the next one gets another number.
        let first = self.fetches.borrow().begun + 1;
        for number in first.. {
            let began = Instant::now();
            self.fetches.send_modify(|fetches| fetches.begun = number);
            let fetched = self.fetch().await;
            let has_failed = fetched.is_err();
            match fetched {
                Ok(keys) => self.take(keys, &mut trouble),
                Err(error) => self.log_failure(&error, &mut trouble),
            }
            self.fetches.send_modify(|fetches| {
                fetches.ended = number;
                fetches.has_keys |= !has_failed;
                fetches.has_failed = has_failed;
            });
            let pause = if has_failed { self.pace.pause } else { self.pace.period() };
            tokio::select! {
                wanted = asked.wait_for(|wanted| *wanted > number) => {
                    if wanted.is_err() {
                        return;
                    }
                }
                () = sleep_until(began + pause) => {}
            }
            sleep_until(began + self.pace.pause).await;
        }
    }

    async fn fetch(&self) -> Result<Vec<NamedKey>, FetchError> {
        jwk::read(&self.source.get().await?)
    }

    fn take(&self, keys: Vec<NamedKey>, trouble: &mut Trouble) {
        let Trouble { failures, .. } = std::mem::take(trouble);
        if failures > 0 || self.keys.load().is_empty() {
            tracing::info!(keys = keys.len(), failures, "auth.jwks_url: JWK set fetched");
        }
        self.keys.store(Arc::new(keys));
    }

    /// Logs a failure: the first one and each other reason as a warning, a repeated one for debugging.
    fn log_failure(&self, error: &FetchError, trouble: &mut Trouble) {
        let what = if self.keys.load().is_empty() {
            "auth.jwks_url: no JWK set yet, streams are refused until there is one"
        } else {
            "auth.jwks_url: JWK set not refreshed, its keys are kept"
        };
        trouble.failures += 1;
        let (failures, error) = (trouble.failures, error.to_string());
        if trouble.error.as_ref() == Some(&error) {
            tracing::debug!(error, failures, "{what}");
        } else {
            tracing::warn!(error, failures, "{what}");
            trouble.error = Some(error);
        }
    }
}

/// The fetches that failed since the last good one.
#[derive(Default)]
struct Trouble {
    failures: u64,
    /// Of the latest.
    error: Option<String>,
}
