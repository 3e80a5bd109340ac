//! A shard: one thread, its subscribers, and nothing shared on the way out.
//!
//! Events come through the [`crate::inbox`]. A shard matches each with its cohorts (`distribute`, `table`), writes the
//! cohorts' batches (`flush`, `members`), keeps what a socket does not take in a ring for that subscriber alone (`ring`),
//! reads what subscribers say (`read`), and does what is due by the clock (`sweep`). It knows sockets and pipes, but
//! neither HTTP nor WebSocket: what a client's bytes mean, `floodway_protocol::session` says.
//!
//! Invariant: for each subscriber, events matched == delivered + dropped + held, and the shard counts each of these for all of
//! them (`metrics`), with the times that deliveries took (`delays`). Who keeps up costs, per event, no lock,
//! no shared count, no allocation and no task: only a part of one `write`.

mod agents;
mod awaiting;
mod config;
mod delays;
mod distribute;
mod drain;
mod event_pipe;
mod filter;
mod flush;
mod handle;
mod lifecycle;
mod members;
mod metrics;
mod outgoing;
mod outlet;
mod read;
mod registry;
mod ring;
mod run;
mod session;
mod sockets;
mod state;
#[cfg(all(test, not(floodway_loom)))]
mod state_tests;
mod subscriber;
mod sweep;
mod table;
#[cfg(all(test, not(floodway_loom)))]
pub(crate) mod test_kit;
#[cfg_attr(not(target_os = "linux"), path = "no_uring.rs")]
mod uring;
mod waker;
mod write;

pub use config::{Config, SHARDS_MAX, Writes};
pub use delays::{DELAY_BOUNDS, Delays};
pub use drain::Drain;
pub use event_pipe::{EventPipe, Received};
pub use filter::{Filter, TooMany};
pub use handle::{Answering, Handle, Stopped, answering};
pub use metrics::{Metrics, TransportCounts};
pub use outlet::{Outlet, Pipe};
pub use registry::{Connection, Select, Whom};
pub use run::Shard;
pub use session::{NoRefresh, RefreshError, RefreshTokens};
pub use subscriber::NewSubscriber;
pub use waker::Waker;

pub use crate::index::Overflow;
