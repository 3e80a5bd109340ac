//! floodway: telemetry from an MQTT broker, fanned out to very many WebSocket and SSE subscribers.

pub mod names;

pub mod ingest;

pub mod event;

pub mod index;

pub mod shard;

pub mod auth;

pub mod http;

pub mod admin;

pub mod config;

pub mod log;

pub mod cli;
