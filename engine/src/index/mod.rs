//! Which tenants there are, and their limits.

mod config;

pub use config::Config;
