//! What a source of events is: the seam between the gateway and a broker, a database or a log of events.
//!
//! A [`Source`] brings tenants' raw messages. It knows nothing of shards, streams and listeners; the gateway knows nothing
//! of its protocol. Through its [`Port`] a source
//! * reports what becomes of its connection, to which endpoint and why (`SourceStatus`);
//! * learns which tenants somebody waits for, confirms each once whatever is published from then on will arrive
//!   (`Port::confirm`), or says that it is refused (`Port::refuse`);
//! * hands over raw messages in the order in which they must reach subscribers ([`Router::publish`]).
//!
//! It owes live streams the truth about what they may have missed: `TrackedTenant` remembers for a tenant what is still
//! to be sent, and when it may leave the index. One source of a gateway may own the control documents: it then carries a
//! [`crate::control::Follower`].
//!
//! All sources run on the one thread of ingest ([`Ingest`]), so none of this needs a lock. [`IngestHandle`] is for the
//! other threads.
//!
//! With several sources, each owes its own gaps and notices, and sends them; a new stream begins when every source that is
//! open has answered for its tenant, and one of them sends its events. A source knows its number in the gateway, under which
//! its answers are kept; ids of events are the gateway's own then.

mod backoff;
mod handle;
mod ingest;
mod read_back;
mod status;
#[cfg(all(test, not(floodway_loom)))]
mod tests;
mod tracked;

use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::{mpsc, watch};

pub(crate) use backoff::Backoff;
pub use handle::{IngestHandle, Unavailable};
pub use ingest::Ingest;
pub(crate) use read_back::ReadBack;
pub(crate) use status::SourceStatus;
pub use status::{Attempt, SourceFailure, SourceReport, SourceState};
pub(crate) use tracked::{Confirmation, TrackedTenant};

use crate::control::Control;
use crate::router::Router;
use floodway_core::index::{Answer, Tenant};
use floodway_protocol::messages::notice::SourceState as Notice;

/// Where tenants' events come from.
pub trait Source: Send {
    /// What the gateway must know of it before it runs.
    fn terms(&self) -> Terms;

    /// Connects, serves and connects again, until the port says to stop.
    fn run<'a>(&'a mut self, port: Port<'a>) -> Pin<Box<dyn Future<Output = ()> + 'a>>;

    /// The run has ended, perhaps by a panic, and no events come any more: takes every confirmation back. Returns the
    /// tenants whose live streams do not know it yet.
    fn run_ended(&mut self) -> Vec<Arc<Tenant>>;
}

/// What the gateway must know of a source before it runs.
#[derive(Clone, Debug)]
pub struct Terms {
    /// What kind of source it is, in one word.
    pub kind: &'static str,
    /// Where it may connect to, without credentials.
    pub endpoints: Vec<String>,
    /// How long a new stream waits for the confirmation of its tenant.
    pub patience: Duration,
    /// Whether a refusal concerns all tenants at once, since the source asks for all of them together.
    pub refuses_all: bool,
    /// Whether it brings the events of every tenant, also of those that nobody asks for. Their last values are kept then.
    pub brings_all: bool,
    /// Whether its events carry numbers of its own, which grow along all of them, and can be read again by these. A gateway
    /// that has no other source takes them as ids: a stream then resumes on any gateway.
    pub is_numbered: bool,
    /// Whether its payloads always are of the default form, so that `payload.metrics` and `payload.timestamp` are not for them.
    pub has_usual_payloads: bool,
    /// The longest pause between two attempts to connect.
    pub backoff_max: Duration,
}

/// What a source holds of the gateway while it runs.
pub struct Port<'a> {
    /// Takes its messages.
    pub(crate) router: Router,
    /// Gives tenants their groups; none in a gateway without control documents.
    pub(crate) control: Option<Control>,
    /// Where it reports how it does.
    pub(crate) status: Arc<SourceStatus>,
    /// Tenants that somebody waits for. Some may be missing: the index has all of them.
    pub(crate) wanted: &'a mut mpsc::Receiver<Arc<Tenant>>,
    /// Streams that come back, where the numbers of the source are ids.
    pub(crate) read_backs: &'a mut mpsc::Receiver<ReadBack>,
    /// The pauses between two attempts to connect.
    pub(crate) backoff: &'a mut Backoff,
    /// Turns true when it is to stop.
    pub(crate) stop: watch::Receiver<bool>,
}

impl Port<'_> {
    /// The source sends this tenant's events from now on. Live streams get first what they are owed, and the tenant its
    /// groups.
    pub(crate) async fn confirm(&mut self, confirmation: Confirmation) {
        let Confirmation { tenant, source, owes_gap, is_return } = confirmation;
        if owes_gap {
            self.router.upstream_gap(&tenant).await;
        }
        if is_return {
            self.router.upstream_state(&tenant, Notice::Up, SystemTime::now()).await;
        }
        self.router.begin(&tenant);
        if let Some(control) = &self.control {
            control.apply_groups(&tenant);
        }
        tenant.set_answer(source, Answer::Confirmed);
    }

    /// The source refuses this tenant, whose live streams do not know it yet.
    pub(crate) async fn refuse(&mut self, tenant: &Arc<Tenant>) {
        self.router.upstream_gap(tenant).await;
        self.router.upstream_state(tenant, Notice::Refused, SystemTime::now()).await;
    }

    /// The source is lost, and the live streams of these tenants do not know it yet.
    pub(crate) async fn lost(&mut self, tenants: &[Arc<Tenant>]) {
        lost(&mut self.router, tenants).await;
    }
}

/// A source is lost: sends the live streams of these tenants the notice, without waiting for anything else.
async fn lost(router: &mut Router, tenants: &[Arc<Tenant>]) {
    let since = SystemTime::now();
    for tenant in tenants {
        router.upstream_state(tenant, Notice::Down, since).await;
    }
    router.wake_shards();
}
