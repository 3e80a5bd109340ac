//! Streams that come back to a source which numbers its events, and gives back what history does not hold any more.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use floodway_core::history::{Located, Numbering};
use floodway_core::index::Tenant;
use floodway_core::shard::Backlog;
use floodway_protocol::EventId;

/// Requests that wait to be looked at. Beyond it a stream begins with the gap and what history holds.
pub(super) const READ_BACKS: usize = 1024;

/// How long this gateway may be behind the one that a client comes from.
const BEHIND: Duration = Duration::from_secs(2);

/// A stream comes back.
#[derive(Debug)]
pub(crate) struct ReadBack {
    pub(crate) tenant: Arc<Tenant>,
    /// It has seen everything up to this id.
    pub(crate) after: EventId,
    /// Gets what is to be sent before what history holds; nothing if it can't be had.
    pub(crate) answer: oneshot::Sender<Option<Backlog>>,
}

/// What a stream of `tenant` that has seen everything up to `after` gets before what history holds. None: history holds all
/// of it, or what it lacks is not to be had.
pub(super) async fn read_back(
    requests: &mpsc::Sender<ReadBack>,
    numbering: &Numbering,
    tenant: &Arc<Tenant>,
    after: EventId,
) -> Option<Backlog> {
    numbering.reached()?;
    let mut reached = numbering.watch();
    let is_reached = |reached: &Option<u64>| reached.is_none_or(|reached| reached >= after.get());
    // An id that never comes is of another source, or of none.
    timeout(BEHIND, reached.wait_for(is_reached)).await.ok()?.ok()?;
    if let Located::Behind(_) = tenant.history().locate(Some(after), std::time::Instant::now()) {
        return None;
    }
    let (answer, answered) = oneshot::channel();
    requests.try_send(ReadBack { tenant: Arc::clone(tenant), after, answer }).ok()?;
    answered.await.ok()?
}
