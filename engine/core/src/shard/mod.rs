//! A shard: one thread, its subscribers, and nothing shared on the way out.
//!
//! Four parts own what a shard has: the `registry` knows who is there, the `matcher` who wants what, `delivery` what goes
//! out, the `timers` what is due. None calls back: each is given the parts that it works on, and says what came of it.
//! What joins them is in `state`, `lifecycle`, `turn`, `session` and `listing`; `run` is the loop, `handle` the way
//! in from other threads. A shard knows sockets and pipes, but neither HTTP nor WebSocket: what a client's bytes mean,
//! `floodway_protocol::session` says.
//!
//! Invariant: for each subscriber, events matched == delivered + dropped + held + conflated, and the shard counts each of these for all of
//! them (`metrics`), with the times that deliveries took. A subscriber that keeps up costs, per event, no lock, no shared count, no
//! allocation and no task: only a part of one `write`.

mod backlog;
mod clock;
mod config;
mod delivery;
mod event_pipe;
mod filter;
mod handle;
mod input;
mod keys;
mod lifecycle;
mod listing;
mod matcher;
mod matches;
mod metrics;
#[cfg(all(test, not(floodway_loom)))]
mod model;
mod options;
mod outgoing;
mod outlet;
mod pinned;
mod registry;
mod replay;
mod ring;
mod run;
mod session;
mod sockets;
mod state;
#[cfg(all(test, not(floodway_loom)))]
pub(crate) mod test_kit;
mod timers;
mod turn;
mod waker;

pub use backlog::{Backlog, GivenBack};
pub use clock::TimeSource;
pub use config::{Config, SHARDS_MAX, Writes};
pub use event_pipe::EventPipe;
pub use filter::{Filter, TooMany};
pub use handle::{Answering, Handle, Stopped, answering};
pub use input::{NoRefresh, RefreshError, RefreshTokens};
pub use listing::{Connection, ConnectionCounts, Select};
pub use metrics::{DELAY_BOUNDS, Delays, EventCounts, GapCounts, Metrics, ResumeCounts, StreamCounts, TransportCounts};
pub use options::{Options, Resume};
pub use outgoing::Received;
pub use outlet::{Outlet, Pipe};
pub use registry::NewSubscriber;
pub use run::Shard;
pub use timers::Drain;
pub use waker::Waker;
