//! The public listener: accepts connections, admits clients, and gives their streams to the shards.
//!
//! `acceptor` accepts connections and gives each to a shard; `connection` serves one, as `http1` or `http2`; `routes`
//! finds the endpoint; `admission` decides; `stream_setup` makes the stream. Each knows only those behind it. Invariant: a
//! subscriber has a checked token, a permit, and a tenant whose subscription the source has confirmed; a client that is
//! refused is sent the first reason, and holds nothing.

mod acceptor;
mod admission;
mod config;
mod connection;
mod credentials;
mod error_bodies;
mod h2_stream;
mod handshake;
mod http1;
mod http2;
mod live_page;
mod parameter;
mod pending;
mod query;
mod refusal;
mod respond;
mod routes;
mod shard_context;
mod stream_setup;
mod tls;

pub use acceptor::{Acceptor, Dealt, serve};
pub use config::Config;
pub use refusal::Refusals;
pub use shard_context::Shared;
