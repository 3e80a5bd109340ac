//! The way in: the broker's connection and its subscriptions.

mod config;

pub use config::{Config, Subscribe};
