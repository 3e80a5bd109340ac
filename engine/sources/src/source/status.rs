//! What a source reports of itself: its state, and what became of its connections.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::watch;

use crate::router::Metrics;
use floodway_core::index::{AuditKind, Index, SourceChange, SourceNumber};
use floodway_core::pulse::Pulse;

/// The pause between two entries in the journal that an endpoint can't be reached for the same reason.
const REPEAT: Duration = Duration::from_secs(60);

/// Whether a stream could begin, as far as the source goes. Ordered by what the source can do.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum SourceState {
    /// It is not connected.
    #[default]
    Away,
    /// It is connected, and the control documents that it keeps are being read.
    Reading,
    /// It refuses all tenants, which are asked for together, for this reason.
    Refused(Arc<str>),
    /// It has not answered in time, though all tenants are asked for together.
    Unanswered,
    /// Tenants are asked for.
    Open,
}

impl SourceState {
    /// Whether the source is connected, and the control documents that it keeps were read.
    pub fn is_open(&self) -> bool {
        !matches!(self, Self::Away | Self::Reading)
    }
}

/// What came of an attempt to connect. Counted under the label at its place in `Attempt::LABELS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// The source has let us in.
    Connected,
    /// It refused us, or does not speak a version that we know.
    Refused,
    /// It did not answer in time.
    Timeout,
    /// There is no way to it.
    Unreachable,
    /// The connection broke off.
    Broken,
    /// What answered does not speak the source's protocol.
    Malformed,
    /// Who answered could not prove to be the source.
    Untrusted,
}

impl Attempt {
    /// The labels of metrics, in the order of the results.
    const LABELS: [&'static str; 7] =
        ["connected", "refused", "timeout", "unreachable", "broken", "malformed", "untrusted"];
}

/// How a source is connected and came to that, for people. Endpoints are named without credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceReport {
    /// What kind of source it is.
    pub kind: &'static str,
    /// The endpoint that is connected, if one is.
    pub endpoint: Option<String>,
    /// What is spoken with it, with the version.
    pub protocol: Option<String>,
    /// Since when it is connected, or since when none was whose documents were read.
    pub since: SystemTime,
    /// Attempts since then that did not get as far; none while it is connected.
    pub failed_attempts: u64,
    /// Why the connection was last lost, or not made.
    pub last_failure: Option<SourceFailure>,
    /// Connections after the first one on which events came.
    pub reconnects: u64,
    /// All attempts, by result; every result is there.
    pub attempts: BTreeMap<&'static str, u64>,
}

/// Why a connection was lost, or not made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFailure {
    /// The endpoint.
    pub endpoint: String,
    /// What went wrong, in words.
    pub error: String,
    /// When.
    pub at: SystemTime,
}

/// What one source reports. Written by the source, read by everybody.
#[derive(Debug)]
pub(crate) struct SourceStatus {
    kind: &'static str,
    number: usize,
    /// Of all sources, by number. Changed before the tenants' own states are.
    states: watch::Sender<Vec<SourceState>>,
    was_connected: AtomicBool,
    /// It takes no tenant whose name NATS takes for a wildcard.
    refuses_wild_names: AtomicBool,
    history: Mutex<History>,
    /// That of the source's loop while it is connected.
    pub(crate) pulse: Pulse,
    metrics: Arc<Metrics>,
    index: Arc<Index>,
}

/// Behind a lock: it changes a few times for a connection, and is read by people.
#[derive(Debug)]
struct History {
    report: SourceReport,
    away_since: SystemTime,
    /// Error and time of the last failure of each endpoint in the journal.
    noted: BTreeMap<String, (String, Instant)>,
}

impl History {
    fn count(&mut self, result: Attempt) {
        *self.report.attempts.entry(Attempt::LABELS[result as usize]).or_default() += 1;
    }

    /// Whether the journal is to name this failure: the endpoint's last one had another error, or is long ago.
    fn is_news(&mut self, failure: &SourceFailure, now: Instant) -> bool {
        let SourceFailure { endpoint, error, .. } = failure;
        let last = self.noted.get(endpoint);
        let is_news = last.is_none_or(|(same, noted)| same != error || now >= *noted + REPEAT);
        if is_news {
            self.noted.insert(endpoint.clone(), (error.clone(), now));
        }
        is_news
    }
}

impl SourceStatus {
    /// That of the source of this kind and number among all `states`.
    pub(super) fn new(
        (kind, number): (&'static str, usize),
        states: watch::Sender<Vec<SourceState>>,
        metrics: Arc<Metrics>,
        index: Arc<Index>,
    ) -> Self {
        let now = SystemTime::now();
        let pulse = Pulse::default();
        pulse.rest();
        Self {
            kind,
            number,
            states,
            was_connected: AtomicBool::new(false),
            refuses_wild_names: AtomicBool::new(false),
            history: Mutex::new(History {
                report: SourceReport {
                    kind,
                    endpoint: None,
                    protocol: None,
                    since: now,
                    failed_attempts: 0,
                    last_failure: None,
                    reconnects: 0,
                    attempts: Attempt::LABELS.map(|result| (result, 0)).into(),
                },
                away_since: now,
                noted: BTreeMap::new(),
            }),
            pulse,
            metrics,
            index,
        }
    }

    /// The source is connected to `endpoint`; what it keeps is to be read yet.
    pub(crate) fn connected(&self, endpoint: &impl Display) {
        self.pulse.beat(Instant::now());
        {
            let mut history = self.history();
            history.count(Attempt::Connected);
            history.report.endpoint = Some(endpoint.to_string());
            history.report.since = SystemTime::now();
        }
        self.set_state(SourceState::Reading);
    }

    /// What is spoken with the endpoint that is about to be connected, and whether it takes tenants whose names NATS takes
    /// for wildcards.
    pub(crate) fn speaks(&self, protocol: String, takes_wild_names: bool) {
        self.refuses_wild_names.store(!takes_wild_names, Ordering::Relaxed);
        self.history().report.protocol = Some(protocol);
    }

    /// It takes no tenant whose name NATS takes for a wildcard.
    pub(crate) fn refuse_wild_names(&self) {
        self.refuses_wild_names.store(true, Ordering::Relaxed);
    }

    /// Whether it takes no tenant whose name NATS takes for a wildcard.
    pub(crate) fn refuses_wild_names(&self) -> bool {
        self.refuses_wild_names.load(Ordering::Relaxed)
    }

    /// What it keeps was read: tenants are asked for from now on.
    pub(crate) fn opened(&self) {
        // First the tenants: who sees that it is open must not take another source's answer for the whole one.
        self.index.set_source_open(SourceNumber::new(self.number), true);
        self.set_state(SourceState::Open);
        let endpoint = {
            let mut history = self.history();
            history.report.failed_attempts = 0;
            history.noted.clear();
            history.report.endpoint.clone().unwrap_or_default()
        };
        self.note(endpoint, SourceChange::Up);
        if self.was_connected.swap(true, Ordering::Relaxed) {
            self.metrics.reconnected();
            self.history().report.reconnects += 1;
        }
    }

    /// The state of the source from now on. Returns the one before.
    pub(crate) fn set_state(&self, state: SourceState) -> SourceState {
        let mut before = SourceState::default();
        self.states.send_if_modified(|states| {
            before = std::mem::replace(&mut states[self.number], state);
            before != states[self.number]
        });
        before
    }

    pub(crate) fn attempt_failed(&self, endpoint: &impl Display, result: Attempt, error: &impl Display) {
        self.history().count(result);
        self.ended(Some(failure(endpoint, error)));
        // The state is as before; who waits for the first attempt learns that it has failed.
        self.states.send_modify(|_| {});
    }

    /// Whether the first attempt to connect is still under way.
    pub(crate) fn is_starting(&self) -> bool {
        !self.was_connected.load(Ordering::Relaxed) && self.history().report.last_failure.is_none()
    }

    pub(crate) fn lost(&self, endpoint: &impl Display, error: &impl Display) {
        self.ended(Some(failure(endpoint, error)));
    }

    /// There is no connection, or no more.
    pub(crate) fn closed(&self) {
        self.ended(None);
    }

    /// A connection that was lost before the documents were read is an attempt that has failed.
    fn ended(&self, failure: Option<SourceFailure>) {
        let was_open = self.set_state(SourceState::Away).is_open();
        if was_open {
            self.index.set_source_open(SourceNumber::new(self.number), false);
        }
        self.pulse.rest();
        let mut history = self.history();
        let endpoint = history.report.endpoint.take();
        history.report.protocol = None;
        if was_open {
            history.away_since = SystemTime::now();
            let error = failure.as_ref().map(|failure| failure.error.clone());
            self.note(endpoint.unwrap_or_default(), SourceChange::Down { error });
        } else if let Some(failure) = &failure {
            history.report.failed_attempts += 1;
            if history.is_news(failure, Instant::now()) {
                let change =
                    SourceChange::Failed { error: failure.error.clone(), attempts: history.report.failed_attempts };
                self.note(failure.endpoint.clone(), change);
            }
        }
        history.report.since = history.away_since;
        if failure.is_some() {
            history.report.last_failure = failure;
        }
    }

    fn note(&self, endpoint: String, change: SourceChange) {
        self.index.journal().note(|| AuditKind::Source { kind: self.kind, endpoint, change });
    }

    pub(super) fn report(&self) -> SourceReport {
        self.history().report.clone()
    }

    fn history(&self) -> MutexGuard<'_, History> {
        // Nothing in it can be half changed.
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn failure(endpoint: &impl Display, error: &impl Display) -> SourceFailure {
    SourceFailure { endpoint: endpoint.to_string(), error: error.to_string(), at: SystemTime::now() }
}

#[cfg(all(test, not(floodway_loom)))]
mod tests;
