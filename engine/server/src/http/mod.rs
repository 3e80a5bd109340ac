//! The public listener: accepts, admits, and hands streams over to the shards.
//!
//! `acceptor` accepts and deals out; `connection` speaks TLS and HTTP; `routes` finds the endpoint; `admission` decides;
//! `begin` makes the stream. Invariant: whoever becomes a subscriber has a checked token, a place, and a tenant whose
//! subscription the broker has confirmed; whoever does not is told the first reason why, and holds nothing.

mod acceptor;
mod admission;
mod automatic;
mod checks;
mod config;
mod connection;
mod credentials;
mod h2_stream;
mod handshake;
mod http1;
mod http2;
mod origin;
mod parameter;
mod peer;
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
