//! A tenant's newest events, kept for streams that come back and for snapshots.

mod config;

pub use config::Config;
