//! floodway: telemetry from an MQTT broker, fanned out to very many WebSocket and SSE subscribers.
//!
//! The life of an event, which is also the order of the modules:
//!
//! 1. [`ingest`] receives an MQTT message, checks its topic, has it parsed once, and gives it an id.
//! 2. [`event`] is the result: it never changes, is shared by all, and is encoded at most once for each way of sending it.
//! 3. [`index`] knows which shards have subscribers of the tenant; readers never wait.
//! 4. [`inbox`]: one lock-free push for each of those shards.
//! 5. [`shard`], a thread that owns its subscribers: matches the event with cohorts of those who want the same, writes
//!    each cohort's batch to each member, and keeps what a socket does not take in a ring for that subscriber alone.
//! 6. [`stream`] is what a subscriber says and is told, over WebSocket and SSE.
//!
//! Beside it: [`control`] follows limits and groups that are kept in the broker; [`pulse`] tells whether the loops of ingest
//! and shards still turn, and [`readiness`] whether a new stream could begin.
//!
//! Around it: [`tls`] reads certificates, [`auth`] checks tokens, [`http`] lets subscribers in, [`admin`] is the private
//! listener, [`config`] brings the settings together, [`gateway`] starts and drains it all, [`cli`] is the binary's
//! commands.
//!
//! A later module knows an earlier one's types, never the other way round; ingest and shards know each other only by
//! the index and the inboxes. `ARCHITECTURE.md` tells what else is absent.

mod sync;

mod counted;
pub mod parts;
mod printable;
pub mod pulse;

pub mod names;

pub mod ingest;

pub mod control;

pub mod event;

pub mod index;

pub mod inbox;

pub mod shard;

pub mod stream;

pub mod tls;

pub mod auth;

pub mod readiness;

pub mod http;

pub mod admin;

pub mod config;

pub mod gateway;

#[cfg(feature = "demo")]
pub mod demo;

pub mod log;

pub mod cli;
