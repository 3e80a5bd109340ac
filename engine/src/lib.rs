//! floodway: telemetry from an MQTT broker, fanned out to very many WebSocket and SSE subscribers.

pub mod ingest;

pub mod event;

pub mod inbox;
pub mod index;

pub mod names;
mod sync;
