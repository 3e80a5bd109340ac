//! The shards: threads that own their subscribers.

mod config;

pub use config::{Config, Overflow, SHARDS_MAX};
