//! Waiting for conditions.
//!
//! Invariant: nothing waits longer than [`DEADLINE`], and what was waited for is named when it never came.

use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;

/// How long any one condition may take. Far more than needed: the machine may be busy with other tests.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// Between two looks at a condition.
pub(crate) const LOOK: Duration = Duration::from_millis(10);

/// Waits for `future`, and fails with `what` if it takes longer than [`DEADLINE`].
pub async fn within<F: Future>(what: &str, future: F) -> F::Output {
    match tokio::time::timeout(DEADLINE, future).await {
        Ok(output) => output,
        Err(_) => panic!("waited {DEADLINE:?} in vain for {what}"),
    }
}

/// Looks at `condition` until it is true, and fails with `what` if that takes longer than [`DEADLINE`].
pub async fn wait_until(what: &str, condition: impl AsyncFnMut() -> bool) {
    wait_until_by(what, DEADLINE, condition).await;
}

/// [`wait_until`] with a deadline of its own, for what takes many seconds even when all is well.
pub async fn wait_until_by(what: &str, deadline: Duration, mut condition: impl AsyncFnMut() -> bool) {
    let end = Instant::now() + deadline;
    while !condition().await {
        assert!(Instant::now() < end, "waited {deadline:?} in vain until {what}");
        tokio::time::sleep(LOOK).await;
    }
}
