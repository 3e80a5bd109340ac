//! The public listener: accepts, admits, and hands streams over to the shards.
//!
//! `door` accepts and deals out; `connection` speaks TLS and HTTP; `routes` finds the endpoint; `admission` decides;
//! `begin` makes the stream. Invariant: whoever becomes a subscriber has a checked token, a place, and a tenant whose
//! subscription the broker has confirmed; whoever does not is told the first reason why, and holds nothing.

mod admission;
mod automatic;
mod begin;
mod checks;
mod config;
mod connection;
mod credentials;
mod door;
mod front;
mod h2_stream;
mod handshake;
mod origin;
mod parameter;
mod pending;
mod query;
mod refusal;
mod respond;
mod routes;
mod tls;

pub use config::Config;
pub use door::{Dealt, Door, serve};
pub use front::Shared;
pub(crate) use h2_stream::{StreamBody, pipe};
pub use refusal::{REFUSAL_LABELS, Refusals};
