//! Tests of `index::journal`.

use super::*;

fn up(endpoint: &str) -> AuditKind {
    AuditKind::Source { kind: "mqtt", endpoint: endpoint.to_owned(), change: SourceChange::Up }
}

#[tokio::test]
async fn events_reach_each_watcher_and_are_not_even_made_without_one() {
    let journal = Arc::new(Journal::default());
    journal.note(|| panic!("no one watches"));
    let (mut one, mut other) = (journal.watch(), journal.watch());
    journal.note(|| up("a"));
    for watcher in [&mut one, &mut other] {
        let Ok(event) = watcher.next().await else {
            panic!("nothing was missed");
        };
        assert_eq!(event.what, up("a"));
    }
    drop((one, other));
    journal.note(|| panic!("no one watches any more"));
}

#[tokio::test]
async fn a_slow_watcher_learns_how_many_events_it_missed() {
    let journal = Arc::new(Journal::default());
    let mut watcher = journal.watch();
    for _ in 0..KEPT + 10 {
        journal.note(|| up("b"));
    }
    assert_eq!(watcher.next().await, Err(Missed(10)));
    let mut received = 0;
    while let Ok(Ok(_)) = tokio::time::timeout(std::time::Duration::ZERO, watcher.next()).await {
        received += 1;
    }
    assert_eq!(received, KEPT);
}
