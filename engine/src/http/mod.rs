//! The public listener.

mod config;

pub use config::{Config, TlsFiles};
