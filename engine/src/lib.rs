//! floodway: telemetry from an MQTT broker, fanned out to very many WebSocket and SSE subscribers.

mod sync;

pub mod names;

pub mod ingest;

pub mod event;

pub mod index;

pub mod inbox;

pub mod shard;

pub mod stream;

pub mod auth;

pub mod http;

pub mod admin;

pub mod config;

pub mod gateway;

pub mod log;

pub mod cli;
