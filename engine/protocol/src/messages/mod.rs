//! Every message between a client and the gateway but events, as JSON text, the same on every transport.
//!
//! Invariant: the keys have the order that clients in the field know.

pub mod answer;
pub mod client;
mod json;
pub mod max_rate;
pub mod notice;
