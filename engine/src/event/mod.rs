//! One accepted telemetry message.

mod config;

pub use config::Config;
