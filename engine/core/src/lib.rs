//! The way of an event, from its payload to a subscriber's socket.
//!
//! In the order in which an event passes: [`event`] is a message that was parsed once; [`index`] knows which shards have
//! subscribers of its tenant; [`inbox`] takes it to each of those; [`shard`] matches it with its subscribers and writes it
//! to their sockets. Beside the way: [`streams`] asks all shards about their streams, [`parts`] supervises what lives as long
//! as the process, [`pulse`] shows whether a loop still turns, [`log_rate`] bounds how often the log names the same thing,
//! and [`printable`] makes foreign bytes fit for it.
//!
//! It knows the client protocol and sockets; no MQTT, HTTP, gRPC, TLS, configuration files.

mod sync;

pub mod event;
pub mod history;
pub mod inbox;
pub mod index;
pub mod log_rate;
pub mod parts;
pub mod printable;
pub mod pulse;
pub mod shard;
pub mod streams;
