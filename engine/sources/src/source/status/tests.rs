//! Tests of `source::status`.

use tokio::time::timeout;

use super::*;
use floodway_core::index::{Limits, Watcher};

const A: &str = "mqtt://a:1883";
const B: &str = "mqtt://b:1883";

fn status() -> (SourceStatus, Watcher) {
    let index = Arc::new(Index::new(10, Limits::default()));
    let watcher = index.journal().watch();
    let states = watch::Sender::new(vec![SourceState::Away; 2]);
    let status = SourceStatus::new(("mqtt", 1), states, Arc::default(), index);
    (status, watcher)
}

/// What the journal has noted since the last call.
async fn noted(watcher: &mut Watcher) -> Vec<AuditKind> {
    let mut noted = Vec::new();
    while let Ok(Ok(event)) = timeout(Duration::ZERO, watcher.next()).await {
        noted.push(event.what);
    }
    noted
}

fn change(endpoint: &str, change: SourceChange) -> AuditKind {
    AuditKind::Source { kind: "mqtt", endpoint: endpoint.to_owned(), change }
}

fn failed(endpoint: &str, error: &str, attempts: u64) -> AuditKind {
    let error = error.to_owned();
    change(endpoint, SourceChange::Failed { error, attempts })
}

#[tokio::test]
async fn a_failure_is_noted_once_for_each_endpoint_until_it_changes_and_each_is_counted() {
    let (status, mut watcher) = status();
    for _ in 0..50 {
        status.attempt_failed(&A, Attempt::Unreachable, &"connection refused");
        status.attempt_failed(&B, Attempt::Refused, &"wrong password");
    }
    status.attempt_failed(&A, Attempt::Timeout, &"no answer");
    let expected = [failed(A, "connection refused", 1), failed(B, "wrong password", 2), failed(A, "no answer", 101)];
    assert_eq!(noted(&mut watcher).await, expected);
    let report = status.report();
    assert_eq!((report.endpoint, report.failed_attempts), (None, 101));
    let last = report.last_failure.expect("it failed");
    assert_eq!((last.endpoint.as_str(), last.error.as_str()), (A, "no answer"));
    let counts = |result: &str| report.attempts[result];
    let counted = ["refused", "timeout", "unreachable", "connected"].map(counts);
    assert_eq!(counted, [50, 1, 50, 0]);
}

#[tokio::test]
async fn a_connection_counts_from_its_documents_on_and_its_loss_is_noted_with_the_reason() {
    let (status, mut watcher) = status();
    let state = || status.states.borrow()[1].clone();
    // One that is lost before that did not come about.
    status.connected(&A);
    assert!(!state().is_open());
    status.lost(&A, &"cut");
    assert_eq!(status.report().failed_attempts, 1);
    status.connected(&A);
    status.opened();
    let report = status.report();
    assert_eq!(report.endpoint.as_deref(), Some(A));
    assert_eq!(report.failed_attempts, 0);
    assert_eq!(report.last_failure.expect("of before").error, "cut");
    status.lost(&A, &"cut again");
    let error = Some("cut again".to_owned());
    let expected = [failed(A, "cut", 1), change(A, SourceChange::Up), change(A, SourceChange::Down { error })];
    assert_eq!(noted(&mut watcher).await, expected);
    assert_eq!(state(), SourceState::Away);
    assert_eq!(status.states.borrow()[0], SourceState::Away, "not its own");
    assert_eq!(status.pulse.silence(Instant::now()), None, "it waits by design");
}
