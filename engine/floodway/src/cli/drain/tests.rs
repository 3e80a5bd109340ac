//! Tests of `cli::drain`.

use super::*;

#[test]
fn a_drain_shows_its_progress() {
    let drain = DrainProgress {
        started_at: Some(prost_types::Timestamp::default()),
        spread: Some(prost_types::Duration { seconds: 60, nanos: 0 }),
        connections: 40,
        untold: 30,
        remaining: 35,
        stopping: true,
    };
    assert_eq!(
        progress(&drain),
        "since 1970-01-01T00:00:00Z: 40 streams to be told over 1m00s, 30 not told yet, 35 left, the gateway stops then"
    );
    assert_eq!(cancelled(None), "no drain was under way\n");
}
