//! What ingest's thread and its handles share.

use std::fmt::Display;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::watch;

use super::broker::Broker;
use super::metrics::Metrics;
use super::state::{Attempt, LinkFailure, LinkReport, LinkState};
use floodway_core::index::{AuditKind, Journal};
use floodway_core::pulse::Pulse;

/// Between two entries in the journal that a broker can't be reached for the same reason.
const REPEAT: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(super) struct Shared {
    /// Changed before the tenants' own states are.
    pub(super) state: watch::Sender<LinkState>,
    was_connected: AtomicBool,
    history: Mutex<History>,
    /// That of ingest's loop while a broker is connected.
    pub(super) pulse: Pulse,
    pub(super) metrics: Arc<Metrics>,
    journal: Arc<Journal>,
}

/// Behind a lock: it changes a few times for a link, and is read by people.
#[derive(Debug)]
struct History {
    broker: Option<String>,
    connected_at: SystemTime,
    away_since: SystemTime,
    failed_attempts: u64,
    last_failure: Option<LinkFailure>,
    attempts: [u64; Attempt::ALL.len()],
    /// Broker, error and time of what the journal was told last; one for each broker.
    told: Vec<(String, String, Instant)>,
}

impl History {
    fn count(&mut self, result: Attempt) {
        self.attempts[result as usize] += 1;
    }

    /// Whether it is news that `broker` fails with `error`: its last one was another, or is long ago.
    fn is_news(&mut self, broker: &str, error: &str, now: Instant) -> bool {
        let mut told = self.told.iter();
        let before = told.position(|(of, ..)| of == broker);
        if let Some(place) = before {
            let (_, same, at) = &self.told[place];
            if same == error && now < *at + REPEAT {
                return false;
            }
            self.told.remove(place);
        }
        self.told.push((broker.to_owned(), error.to_owned(), now));
        true
    }
}

impl Shared {
    pub(super) fn new(journal: Arc<Journal>) -> Self {
        let now = SystemTime::now();
        let pulse = Pulse::default();
        pulse.rest();
        Self {
            state: watch::Sender::default(),
            was_connected: AtomicBool::new(false),
            history: Mutex::new(History {
                broker: None,
                connected_at: now,
                away_since: now,
                failed_attempts: 0,
                last_failure: None,
                attempts: [0; Attempt::ALL.len()],
                told: Vec::new(),
            }),
            pulse,
            metrics: Arc::default(),
            journal,
        }
    }

    /// A broker has let us in; what it keeps is to be read yet.
    pub(super) fn link_began(&self, broker: &Broker) {
        self.pulse.beat(Instant::now());
        {
            let mut history = self.history();
            history.count(Attempt::Connected);
            history.broker = Some(broker.to_string());
            history.connected_at = SystemTime::now();
        }
        self.state.send_replace(LinkState::Reading);
    }

    /// What it keeps was read: tenants are subscribed from now on.
    pub(super) fn link_is_up(&self) {
        self.state.send_replace(LinkState::Open);
        let url = {
            let mut history = self.history();
            history.failed_attempts = 0;
            history.told.clear();
            history.broker.clone().unwrap_or_default()
        };
        self.journal.note(|| AuditKind::BrokerUp { url });
        if self.was_connected.swap(true, Ordering::Relaxed) {
            self.metrics.reconnected();
        }
    }

    /// How an open link stands now.
    pub(super) fn link_stands(&self, state: LinkState) {
        let change = |standing: &mut LinkState| {
            let differs = *standing != state;
            *standing = state;
            differs
        };
        self.state.send_if_modified(change);
    }

    /// An attempt to connect to `broker` has failed.
    pub(super) fn link_failed(&self, broker: &Broker, result: Attempt, error: &impl Display) {
        self.history().count(result);
        self.ended(Some(failure(broker, error)));
    }

    /// The link to `broker` is lost.
    pub(super) fn link_lost(&self, broker: &Broker, error: &impl Display) {
        self.ended(Some(failure(broker, error)));
    }

    /// There is no link, or no more.
    pub(super) fn link_is_down(&self) {
        self.ended(None);
    }

    /// A link that was lost before its documents were read is an attempt that has failed.
    fn ended(&self, failure: Option<LinkFailure>) {
        let was_open = self.state.send_replace(LinkState::Away).is_open();
        self.pulse.rest();
        let mut history = self.history();
        let url = history.broker.take();
        if was_open {
            history.away_since = SystemTime::now();
            let error = failure.as_ref().map(|failure| failure.error.clone());
            history.last_failure = failure.or_else(|| history.last_failure.take());
            let url = url.unwrap_or_default();
            self.journal.note(|| AuditKind::BrokerDown { url, error });
        } else if let Some(LinkFailure { broker, error, .. }) = failure.clone() {
            history.failed_attempts += 1;
            history.last_failure = failure;
            if history.is_news(&broker, &error, Instant::now()) {
                let attempts = history.failed_attempts;
                let url = broker;
                let what = || AuditKind::BrokerFailed {
                    url,
                    error,
                    attempts,
                };
                self.journal.note(what);
            }
        }
    }

    pub(super) fn report(&self) -> LinkReport {
        let history = self.history();
        let attempts = Attempt::ALL.iter().zip(history.attempts);
        LinkReport {
            broker: history.broker.clone(),
            since: match history.broker {
                Some(_) => history.connected_at,
                None => history.away_since,
            },
            failed_attempts: history.failed_attempts,
            last_failure: history.last_failure.clone(),
            attempts: attempts.map(|(result, n)| (result.label(), n)).collect(),
        }
    }

    fn history(&self) -> MutexGuard<'_, History> {
        // Nothing in it can be half changed.
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn failure(broker: &Broker, error: &impl Display) -> LinkFailure {
    LinkFailure {
        broker: broker.to_string(),
        error: error.to_string(),
        at: SystemTime::now(),
    }
}

#[cfg(all(test, not(floodway_loom)))]
mod tests {
    use tokio::time::timeout;

    use super::*;
    use floodway_core::index::{AuditNews, Watcher};

    fn broker(name: &str) -> Broker {
        Broker::parse(&format!("mqtt://me:secret@{name}")).expect("a URL")
    }

    fn shared() -> (Shared, Watcher) {
        let journal = Arc::new(Journal::default());
        let watcher = journal.watch();
        (Shared::new(journal), watcher)
    }

    /// What the journal was told since the last call.
    async fn told(watcher: &mut Watcher) -> Vec<AuditKind> {
        let mut told = Vec::new();
        while let Ok(AuditNews::Happened(happening)) = timeout(Duration::ZERO, watcher.next()).await
        {
            told.push(happening.what);
        }
        told
    }

    fn failed(url: &str, error: &str, attempts: u64) -> AuditKind {
        let (url, error) = (url.to_owned(), error.to_owned());
        AuditKind::BrokerFailed {
            url,
            error,
            attempts,
        }
    }

    #[tokio::test]
    async fn a_failure_is_told_once_for_each_broker_until_it_changes_and_each_is_counted() {
        let (shared, mut watcher) = shared();
        let (a, b) = (broker("a"), broker("b"));
        for _ in 0..50 {
            shared.link_failed(&a, Attempt::Unreachable, &"connection refused");
            shared.link_failed(&b, Attempt::Refused, &"wrong password");
        }
        shared.link_failed(&a, Attempt::Timeout, &"no answer");
        let expected = [
            failed("mqtt://a:1883", "connection refused", 1),
            failed("mqtt://b:1883", "wrong password", 2),
            failed("mqtt://a:1883", "no answer", 101),
        ];
        assert_eq!(told(&mut watcher).await, expected);
        let report = shared.report();
        assert_eq!((report.broker, report.failed_attempts), (None, 101));
        let last = report.last_failure.expect("it failed");
        assert_eq!(
            (last.broker.as_str(), last.error.as_str()),
            ("mqtt://a:1883", "no answer")
        );
        let counts = |result: &str| report.attempts[result];
        let counted = ["refused", "timeout", "unreachable", "connected"].map(counts);
        assert_eq!(counted, [50, 1, 50, 0]);
    }

    #[tokio::test]
    async fn a_link_counts_from_its_documents_on_and_its_loss_is_told_with_the_reason() {
        let (shared, mut watcher) = shared();
        let a = broker("a");
        // One that is lost before that did not come about.
        shared.link_began(&a);
        assert!(!shared.state.borrow().is_open());
        shared.link_lost(&a, &"cut");
        assert_eq!(shared.report().failed_attempts, 1);
        shared.link_began(&a);
        shared.link_is_up();
        let report = shared.report();
        assert_eq!(report.broker.as_deref(), Some("mqtt://a:1883"));
        assert_eq!(report.failed_attempts, 0);
        assert_eq!(report.last_failure.expect("of before").error, "cut");
        shared.link_lost(&a, &"cut again");
        let url = || "mqtt://a:1883".to_owned();
        let error = Some("cut again".to_owned());
        let expected = [
            failed("mqtt://a:1883", "cut", 1),
            AuditKind::BrokerUp { url: url() },
            AuditKind::BrokerDown { url: url(), error },
        ];
        assert_eq!(told(&mut watcher).await, expected);
        assert_eq!(*shared.state.borrow(), LinkState::Away);
        assert_eq!(
            shared.pulse.silence(Instant::now()),
            None,
            "it waits by design"
        );
    }
}
