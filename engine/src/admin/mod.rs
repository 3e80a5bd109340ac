//! The private listener.

mod config;

pub use config::Config;
