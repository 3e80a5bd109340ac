//! The `floodway` program: its configuration, its commands, and its demo.

pub mod cli;
pub mod config;
#[cfg(feature = "demo")]
pub mod demo;
