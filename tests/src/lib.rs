//! The harness of the end-to-end tests: a real broker, the real binary and clients that others wrote.
//!
//! It knows only what a user knows: the commands, the settings, the wire. Every wait is for a condition and has one
//! generous [`DEADLINE`]; a process that was started is killed and reaped by its id when its value is dropped, and
//! what it logged is printed if the test failed.

pub mod account;
pub mod broker;
pub mod browser;
pub mod certificates;
pub mod client;
pub mod gateway;
pub mod nats;
pub mod outage;
pub mod postgres;
pub mod process;
pub mod provider;
pub mod proxy;
pub mod publisher;
pub mod raw;
pub mod scripted_broker;
pub mod sse;
pub mod stream;
pub mod token;
pub mod wait;
pub mod ws;

pub use account::Account;
pub use broker::Broker;
pub use client::Client;
pub use gateway::Gateway;
pub use nats::{NatsCluster, NatsServer};
pub use outage::upstream_gap;
pub use postgres::Postgres;
pub use publisher::{Publisher, topic};
pub use scripted_broker::{Answer, ScriptedBroker, Seen};
pub use sse::Sse;
pub use stream::{Stream, Transport};
pub use token::token;
pub use wait::{DEADLINE, wait_until, within};
pub use ws::Ws;

/// Where WebSocket streams live.
pub const WS_PATH: &str = "/api/v1/customer/telemetry/stream";
/// Where SSE streams live.
pub const SSE_PATH: &str = "/api/v1/customer/telemetry/stream/sse";
/// Where the counts are.
pub const STATUS_PATH: &str = "/api/v1/telemetry/stream/status";
