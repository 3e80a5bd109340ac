//! floodway: telemetry from an MQTT broker, fanned out to very many WebSocket and SSE subscribers.

pub mod event;
pub mod names;
